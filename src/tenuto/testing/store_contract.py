"""The contract of a store, for every adapter: subclass `StoreContract` as `TestX` for pytest.

    class TestMyStore(StoreContract):
        def open(self, on_phase=None): ...
        def reopen(self): ...

What an adapter does not refuse here, the runtime relies on (DESIGN section 4, commit protocol).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import pytest

from tenuto.engine import rows as r
from tenuto.engine.stored import digest_of
from tenuto.errors import Sealed, StoreRefused
from tenuto.keys import key_floor
from tenuto.store.chain import next_commit
from tenuto.store.port import PHASES, Batch, InstanceQuery, Store
from tenuto.testing import batches as b
from tenuto.testing.batches import Pen, contents

Phases = Callable[[str], None]


class Interrupted(Exception):
    """The commit was broken off at a phase."""


class Interrupter:
    """An `on_phase` that raises once at the phase it is set to."""

    def __init__(self) -> None:
        """Let every phase pass."""
        self.phase: str | None = None
        self.seen: list[str] = []

    def __call__(self, phase: str) -> None:
        """Raise at the phase that is set."""
        self.seen.append(phase)
        if phase == self.phase:
            self.phase = None
            raise Interrupted(phase)


class StoreContract(ABC):
    """What every store promises."""

    @abstractmethod
    def open(self, on_phase: Phases | None = None) -> Store:
        """Return a store on an empty database; `on_phase` is told each phase of a commit."""

    @abstractmethod
    def reopen(self) -> Store:
        """Return the store as the next process finds it; the one before has ended."""

    # --- the fence

    def test_a_second_log_seals_the_first(self) -> None:
        """Whoever opens a log ends the one before: its next commit is refused, writing nothing."""
        store = self.open()
        first = Pen(store)
        first.commit(b.instance(1), turns=[(1, 1)])
        Pen(store)
        before = contents(store)

        with pytest.raises(Sealed):
            first.commit(b.instance(2), b.job(2), turns=[(2, 1)])

        assert contents(store) == before

    def test_a_sealed_store_still_serves_its_successor(self) -> None:
        """The refusal of a sealed log leaves nothing behind that hinders the log after it."""
        store = self.open()
        first = Pen(store)
        second = Pen(store)
        with pytest.raises(Sealed):
            first.commit(b.instance(2), turns=[(2, 1)])

        second.commit(b.instance(3), turns=[(3, 1)])

        assert [row.key for row in contents(store)["instance"]] == [3]

    def test_an_opening_names_the_heads_that_it_sealed(self) -> None:
        """Logs rise, the former ends in a seal, and the hash of a seal is that of the chain."""
        store = self.open()
        first = Pen(store)
        first.commit(b.instance(1), turns=[(1, 1)])

        second = Pen(store)

        kinds = [(row.log, row.seq, row.kind) for row in contents(store)["chain"]]
        log = first.head.log
        assert second.head.log > log
        assert kinds[:3] == [(log, 1, "open"), (log, 2, "commit"), (log, 3, "seal")]
        assert kinds[3:] == [(second.head.log, 1, "open")]

    def test_what_was_committed_outlives_the_process(self) -> None:
        """A store that is opened again holds what was acknowledged, and its head is sealed."""
        pen = Pen(self.open())
        batch = pen.commit(b.instance(7 << 30), b.job(7 << 30), turns=[(7 << 30, 1)])

        store = self.reopen()

        assert store.chain_hash(batch.chain.log, batch.chain.seq) == batch.chain.hash
        assert [row.row for row in store.load_instances([7 << 30])] == [b.instance(7 << 30)]
        assert store.load_jobs([(7 << 30, 1)]) == [b.job(7 << 30)]

    def test_keys_continue_above_the_last_one(self) -> None:
        """A new log learns the time in the newest instance key, so that no key is given twice."""
        pen = Pen(self.open())
        pen.commit(b.instance((5_000 << 22) | 9), turns=[((5_000 << 22) | 9, 1)])

        head = self.reopen().open_log(node="next", at=b.START)

        assert head.last_key_ms == 5_000

    def test_a_restored_copy_says_so_in_its_chain(self) -> None:
        """A `restore` row takes the next number of its log, and the chain goes on over it."""
        pen = Pen(self.open())
        row = next_commit(pen.head, b.START, (), kind="restore", note=b"of a copy")

        pen.write(Batch(row, [], {}, {}))
        pen.commit(b.instance(1), turns=[(1, 1)])

        kinds = [(row.kind, row.note) for row in contents(pen.store)["chain"][1:]]
        assert kinds == [("restore", b"of a copy"), ("commit", b"")]

    # --- whole or not at all

    @pytest.mark.parametrize("phase", PHASES)
    def test_a_commit_is_whole_or_absent(self, phase: str) -> None:
        """Broken off at any phase before its end, a commit leaves nothing; after it, everything."""
        watch = Interrupter()
        pen = Pen(self.open(watch))
        pen.commit(b.instance(1), b.job(1), turns=[(1, 1)])
        before = contents(pen.store)
        batch = self._full_batch(pen)

        watch.phase = phase
        with pytest.raises(Interrupted):
            pen.write(batch)

        settled = pen.store.chain_hash(batch.chain.log, batch.chain.seq)
        if phase == "after_commit":
            assert settled == batch.chain.hash
            assert contents(pen.store)["instance"][-1] == b.instance(2)
        else:
            assert settled is None
            assert contents(pen.store) == before

    @pytest.mark.parametrize("phase", PHASES)
    def test_a_store_works_on_after_a_commit_that_broke_off(self, phase: str) -> None:
        """Once the outcome is settled by the chain, the same commit or the next one is taken."""
        watch = Interrupter()
        pen = Pen(self.open(watch))
        pen.commit(b.instance(1), b.job(1), turns=[(1, 1)])
        batch = self._full_batch(pen)
        watch.phase = phase
        with pytest.raises(Interrupted):
            pen.write(batch)

        if pen.store.chain_hash(batch.chain.log, batch.chain.seq) is None:
            pen.write(batch)
        else:
            pen.head = pen.head._replace(seq=batch.chain.seq, hash=batch.chain.hash)
        pen.commit(b.instance(3), turns=[(3, 1)])

        assert [row.key for row in contents(pen.store)["instance"]] == [1, 2, 3]
        assert contents(pen.store)["job"] == []

    def _full_batch(self, pen: Pen) -> Batch:
        """Return a batch that appends, puts and deletes."""
        rows: list[r.Row] = [b.instance(2), b.timer(2), b.user_task(2), b.payload(2, b"long")]
        return pen.batch(*rows, turns=[(2, 1), (1, 2)], deletes={"job": [(1, 1)]})

    def test_a_commit_passes_every_phase_in_order(self) -> None:
        """`on_phase` is told each phase once, so that crash points mean the same everywhere."""
        watch = Interrupter()
        pen = Pen(self.open(watch))

        pen.commit(b.instance(1), turns=[(1, 1)])

        assert watch.seen == list(PHASES)

    def test_a_reader_sees_a_commit_at_its_end_only(self) -> None:
        """In the middle of a commit another reader sees the rows of the commit before."""
        seen: dict[str, int] = {}

        def look(phase: str) -> None:
            seen[phase] = len(reader.rows("instance"))

        pen = Pen(self.open(look))
        reader = pen.store.reader()

        pen.commit(*(b.instance(key) for key in range(1, 6)), turns=[(1, 1)])
        reader.close()

        assert seen.pop("after_commit") == 5
        assert set(seen.values()) == {0}

    def test_one_version_of_an_aggregate_is_written_once(self) -> None:
        """A turn whose version exists already is refused, and its whole batch with it."""
        pen = Pen(self.open())
        pen.commit(b.instance(1), turns=[(1, 1)])

        with pytest.raises(StoreRefused):
            pen.commit(b.instance(2), turns=[(2, 1), (1, 1)])

        assert [row.key for row in contents(pen.store)["instance"]] == [1]
        pen.commit(b.instance(3), turns=[(3, 1)])

    # --- instances and aggregates

    def test_an_upsert_without_snapshot_keeps_the_stored_one(self) -> None:
        """The snapshot may be older than its row: None leaves it, bytes replace it."""
        pen = Pen(self.open())
        pen.commit(b.instance(1, snapshot=b"old", snapshot_version=1), turns=[(1, 1)])

        pen.commit(b.instance(1, version=2, status="completed", snapshot_version=1))
        kept = pen.store.load_instances([1])[0].row
        pen.commit(b.instance(1, version=3, snapshot=b"new", snapshot_version=3))
        replaced = pen.store.load_instances([1])[0].row

        assert (kept.version, kept.status, kept.snapshot) == (2, "completed", b"old")
        assert (replaced.snapshot_version, replaced.snapshot) == (3, b"new")

    def test_an_instance_comes_with_the_turns_after_its_snapshot(self) -> None:
        """Loading gives the journal after the snapshot, in order of version."""
        pen = Pen(self.open())
        pen.commit(b.instance(1), turns=[(1, 1), (1, 2)])
        last = pen.commit(b.instance(1, version=4, snapshot_version=2), turns=[(1, 3), (1, 4)])

        stored = pen.store.load_instances([1, 99])

        assert len(stored) == 1
        assert list(stored[0].tail) == [(turn.header, turn.blob) for turn in last.journal]

    def test_aggregates_are_loaded_by_key(self) -> None:
        """Those that exist are given, with the snapshot that the last commit wrote."""
        pen = Pen(self.open())
        pen.commit(r.AggregateRow(-5, 1, 1, b"a"), r.AggregateRow(-6, 1, 1, None))
        pen.commit(r.AggregateRow(-5, 1, 2, b"b"))

        found = pen.store.load_aggregates([-5, -6, -7])

        assert {one.key: (one.version, one.snapshot) for one in found} == {
            -5: (2, b"b"),
            -6: (1, None),
        }

    def test_a_payload_is_written_once_for_each_aggregate(self) -> None:
        """Equal bytes have one row for each aggregate; a repeat changes nothing."""
        pen = Pen(self.open())
        digest = digest_of(b"x")
        pen.commit(b.payload(1, b"x"), b.payload(2, b"x"))
        pen.commit(b.payload(1, b"x"))

        assert pen.store.load_payloads(1, [digest, digest_of(b"y")]) == {digest: b"x"}
        assert len(contents(pen.store)["payload"]) == 2

    def test_a_large_commit_is_written_whole(self) -> None:
        """A commit of thousands of rows and turns is taken like a small one."""
        pen = Pen(self.open())
        keys = range(1, 3_001)
        pen.commit(
            *(b.instance(key) for key in keys),
            *(b.job(key) for key in keys),
            turns=[(key, 1) for key in keys],
        )

        pen.commit(deletes={"job": [(key, 1) for key in keys if key != 1_777]})

        assert pen.store.load_jobs([(1, 1), (1_777, 1)]) == [b.job(1_777)]
        assert len(contents(pen.store)["journal"]) == 3_000

    def test_a_row_that_is_put_and_deleted_is_gone(self) -> None:
        """Deletes come after puts, and deleting what is not there is nothing."""
        pen = Pen(self.open())

        pen.commit(b.timer(1), b.timer(2), deletes={"timer": [(1, 1), (9, 9)]})

        assert contents(pen.store)["timer"] == [b.timer(2)]

    # --- jobs

    def test_ready_jobs_come_oldest_first(self) -> None:
        """Within a type: ready ones by age, then those whose back-off ended; others never."""
        pen = Pen(self.open())
        old, new = b.job(9, created_at=1), b.job(3, created_at=2)
        twin = b.job(4, created_at=2)
        waited = b.job(1, status="waiting", due_at=50)
        late = b.job(2, status="waiting", due_at=51)
        leased = b.job(5, status="leased", due_at=9, log=1)
        other = b.job(6, type="mail")
        failed = b.job(7, status="failed")
        pen.commit(twin, new, late, leased, other, failed, waited, old)

        found = pen.store.ready_jobs(["pay"], 50, 10)

        assert found == [old, new, twin, waited]
        assert pen.store.ready_jobs(["pay"], 50, 2) == [old, new]
        assert pen.store.ready_jobs(["mail", "pay"], 50, 2) == [other, old]
        assert pen.store.ready_jobs([], 50, 10) == []

    def test_expired_leases_come_earliest_first(self) -> None:
        """A lease that ends now has ended; the earliest end comes first."""
        pen = Pen(self.open())
        rows = [b.job(key, status="leased", due_at=due, log=1) for key, due in enumerate((7, 5, 8))]
        pen.commit(*rows, b.job(9, status="waiting", due_at=1))

        assert pen.store.expired_jobs(7, 10) == [rows[1], rows[0]]
        assert pen.store.expired_jobs(7, 1) == [rows[1]]
        assert pen.store.expired_jobs(4, 10) == []

    def test_jobs_of_a_lost_log_are_found(self) -> None:
        """Leases of another log are orphans; those of a worker elsewhere have no log."""
        pen = Pen(self.open())
        mine = b.job(1, status="leased", due_at=5, log=2)
        orphans = [b.job(key, status="leased", due_at=5, log=1) for key in (3, 2)]
        remote = b.job(4, status="leased", due_at=5)
        pen.commit(mine, *orphans, remote)

        assert pen.store.orphaned_jobs(2, 10) == sorted(orphans)
        assert pen.store.orphaned_jobs(2, 1) == [orphans[1]]

    def test_the_next_back_off_is_known(self) -> None:
        """The earliest end of a back-off after an instant, or none."""
        pen = Pen(self.open())
        pen.commit(*(b.job(due, status="waiting", due_at=due) for due in (30, 10, 20)))

        assert pen.store.next_job_due(10) == 20
        assert pen.store.next_job_due(30) is None

    # --- timers, outbox, mailboxes, signals

    def test_due_timers_come_earliest_first(self) -> None:
        """A timer that is due now is due; equal instants come in order of aggregate and number."""
        pen = Pen(self.open())
        late, early = b.timer(1, due_at=30), b.timer(2, due_at=10)
        pen.commit(late, early, b.timer(5, due_at=20), b.timer(3, 2, due_at=20), b.timer(3, 1, 20))

        found = pen.store.due_timers(20, 10)

        assert found == [early, b.timer(3, 1, 20), b.timer(3, 2, 20), b.timer(5, due_at=20)]
        assert pen.store.due_timers(20, 1) == [early]
        assert pen.store.next_timer_due() == 10

    def test_a_timer_moves(self) -> None:
        """A timer that is put again with another instant is due then only."""
        pen = Pen(self.open())
        pen.commit(b.timer(1, due_at=10))

        pen.commit(b.timer(1, due_at=40))

        assert pen.store.due_timers(39, 10) == []
        assert pen.store.next_timer_due() == 40
        pen.commit(deletes={"timer": [(1, 1)]})
        assert pen.store.next_timer_due() is None

    def test_the_outbox_is_first_in_first_out(self) -> None:
        """Commands come by number, so that each pair of sender and receiver keeps its order."""
        pen = Pen(self.open())
        sent = [r.OutboxRow(1, 2, 3, b"c"), r.OutboxRow(9, 2, 1, b"a"), r.OutboxRow(1, 2, 2, b"b")]
        pen.commit(*sent)

        assert [row.command for row in pen.store.outbox(10)] == [b"a", b"b", b"c"]
        assert [row.command for row in pen.store.outbox(2)] == [b"a", b"b"]
        pen.commit(deletes={"outbox": [(9, 2, 1)]})
        assert [row.command for row in pen.store.outbox(1)] == [b"b"]

    def test_a_mailbox_is_loaded_in_order(self) -> None:
        """Subscriptions come by position, messages by number, those of other mailboxes never."""
        pen = Pen(self.open())
        pen.commit(
            b.subscription(-1, 8, position=2),
            b.subscription(-1, 9, position=1),
            b.subscription(-2, 7),
            b.message(-1, 2),
            b.message(-1, 1),
            b.message(-2, 1),
        )

        subscriptions, messages = pen.store.load_mailbox(-1)

        assert [row.instance for row in subscriptions] == [9, 8]
        assert [row.message for row in messages] == [1, 2]
        assert pen.store.load_mailbox(-3) == ([], [])

    def test_kept_messages_expire_earliest_first(self) -> None:
        """A message whose time ends now has expired."""
        pen = Pen(self.open())
        pen.commit(b.message(-1, 1, 30), b.message(-1, 2, 10), b.message(-2, 1, 20))

        assert [row.expires_at for row in pen.store.expired_messages(20, 10)] == [10, 20]
        assert [row.expires_at for row in pen.store.expired_messages(20, 1)] == [10]
        assert pen.store.next_message_expiry() == 10

    def test_subscribers_of_a_signal_are_paged(self) -> None:
        """Pages follow the last subscriber seen, and meet everyone once, in order."""
        pen = Pen(self.open())
        everyone = [b.signal("alarm", key, number) for key in (3, 1, 2) for number in (2, 1)]
        pen.commit(*everyone, b.signal("other", 1))
        seen: list[r.SignalRow] = []

        place = (0, 0)
        while page := pen.store.signal_subscribers("alarm", place, 4):
            assert len(page) <= 4
            seen += page
            place = (page[-1].instance, page[-1].subscription)

        assert seen == sorted(everyone)

    # --- keys

    def test_a_used_key_is_found_in_its_scope(self) -> None:
        """A dedupe row answers for its scope and key alone."""
        pen = Pen(self.open())
        used = r.DedupeRow("start", "k", b"f", b"answer", 1, b.START)
        pen.commit(used, used._replace(scope="other", key="j"))

        assert pen.store.load_dedupe([("start", "k"), ("start", "j")]) == [used]

    def test_a_natural_key_finds_all_its_instances(self) -> None:
        """Every instance with the same process and digest is given, oldest first."""
        pen = Pen(self.open())
        rows = [r.NaturalKeyRow("claim", b"d", key, None, "100") for key in (4, 2)]
        pen.commit(*rows, rows[0]._replace(digest=b"e"), rows[0]._replace(process="loan"))

        found = pen.store.load_natural_keys([("claim", b"d"), ("claim", b"none")])

        assert [row.instance for row in found] == [2, 4]

    # --- readers

    @pytest.mark.parametrize("newest_first", [True, False])
    def test_instances_are_read_in_pages(self, newest_first: bool) -> None:  # noqa: FBT001
        """Pages follow the last key seen, in either direction, with every filter."""
        pen = Pen(self.open())
        pen.commit(*(b.instance(key, business_key="b") for key in range(1, 8)))
        pen.commit(b.instance(8, process="loan"), b.instance(9, status="completed"))
        query = InstanceQuery(process="claim", status="active", limit=3, newest_first=newest_first)

        for asked in (query, query._replace(business_key="b")):
            keys: list[int] = []
            reader = pen.store.reader()
            after = None
            while page := reader.instances(asked._replace(after=after)):
                keys += [row.key for row in page]
                after = keys[-1]
            reader.close()
            assert keys == sorted(range(1, 8), reverse=newest_first)

    @pytest.mark.parametrize("newest_first", [True, False])
    def test_instances_are_found_by_time(self, newest_first: bool) -> None:  # noqa: FBT001
        """Windows of start and of end bound a page, whatever its direction."""
        pen = Pen(self.open())
        at = 1_800_000_000_000
        pen.commit(
            *(
                b.instance(
                    key_floor(at + n), started_at=at + n, ended_at=at + n + 5 if n % 2 else None
                )
                for n in range(6)
            )
        )
        reader = pen.store.reader()

        def starts(query: InstanceQuery) -> list[int]:
            found = reader.instances(query._replace(newest_first=newest_first))
            return sorted(row.started_at - at for row in found)

        q = InstanceQuery
        started = starts(q(started_after=at + 1, started_before=at + 4))
        ended = [starts(q(ended_after=at + 7)), starts(q(ended_before=at + 8))]
        both = starts(q(started_after=at + 2, ended_before=at + 9))
        reader.close()
        assert started == [1, 2, 3]
        assert ended == [[3, 5], [1]]
        assert both == [3]

    def test_a_row_with_a_key_of_one_column_is_found_by_it(self) -> None:
        """`instance` names the whole key there."""
        pen = Pen(self.open())
        pen.commit(b.instance(1), b.instance(2))
        reader = pen.store.reader()

        found = reader.rows("instance", instance=2), reader.rows("instance", instance=3)
        reader.close()
        assert [[row[0] for row in rows] for rows in found] == [[2], []]

    def test_rows_are_read_in_pages(self) -> None:
        """Rows come in order of their key, after a key, and for one instance alone."""
        pen = Pen(self.open())
        rows = [b.incident(key, number) for key in (1, 2) for number in (1, 2)]
        pen.commit(*reversed(rows))
        reader = pen.store.reader()

        pages = reader.rows("incident", limit=3), reader.rows("incident", after=(2, 1))
        of_one = reader.rows("incident", instance=2), reader.rows("incident", instance=3)
        reader.close()

        assert pages == (rows[:3], rows[3:])
        assert of_one == (rows[2:], [])

    def test_user_tasks_are_paged_by_due_date(self) -> None:
        """The earliest due comes first, undated ones last, and pages meet each task once."""
        pen = Pen(self.open())
        tasks = [b.user_task(key, due_at=due) for key, due in enumerate((None, 9, 3, None, 3))]
        pen.commit(*tasks)
        reader = pen.store.reader()
        seen: list[r.UserTaskRow] = []

        after = None
        while page := reader.user_tasks(after=after, limit=2):
            seen += page
            after = page[-1]
        reader.close()

        assert seen == [tasks[2], tasks[4], tasks[1], tasks[0], tasks[3]]

    def test_user_tasks_are_found_by_person_and_group(self) -> None:
        """A group matches as a whole name, whatever its letters."""
        pen = Pen(self.open())
        mine = b.user_task(1, assignee="ann", candidate_groups='["clerks"]')
        ours = b.user_task(2, candidate_groups='["clerks", "prüfer \\"a\\""]')
        pen.commit(mine, ours)
        reader = pen.store.reader()

        by_person = reader.user_tasks(assignee="ann")
        groups = ("clerks", "clerk", 'prüfer "a"')
        by_group = [reader.user_tasks(group=group) for group in groups]
        reader.close()

        assert by_person == [mine]
        assert by_group == [[mine, ours], [], [ours]]

    def test_what_waits_is_counted_by_element(self) -> None:
        """Jobs, tasks, timers, messages, signals and incidents are counted where they stand."""
        pen = Pen(self.open())
        pen.commit(b.instance(1), b.instance(2), b.job(1), b.job(2), b.user_task(1), b.timer(1))
        pen.commit(b.subscription(-1, 1), b.signal("alarm", 2), b.incident(2))
        pen.commit(b.job(3, status="failed"))
        reader = pen.store.reader()

        waiting, counts = reader.waiting(), reader.count_instances()
        reader.close()

        assert waiting == [
            ("claim", "Alarm", "signal:alarm", 1),
            ("claim", "Papers", "message:papers", 1),
            ("claim", "Pay", "incident", 1),
            ("claim", "Pay", "job:pay", 2),
            ("claim", "Review", "user-task", 1),
            ("claim", "Wait", "timer", 1),
        ]
        assert counts == {("claim", "active"): 2}

    def test_the_feed_gives_whole_commits(self) -> None:
        """A page ends at the end of a commit, and pages by cursor meet each turn once."""
        pen = Pen(self.open())
        for key in range(1, 200):
            pen.commit(turns=[(key, version) for version in (1, 2, 3)])
        other = Pen(pen.store)
        other.commit(turns=[(500, 1)])
        reader = pen.store.reader()
        cursor: dict[int, int] = {}
        seen: list[tuple[int, int, int]] = []

        while page := reader.feed(cursor, 100):
            places = {(turn.log, turn.seq) for turn in page}
            assert len(places) * 3 - len(page) in (0, 2)
            seen += [(turn.log, turn.seq, turn.n) for turn in page]
            for turn in page:
                cursor[turn.log] = max(turn.seq, cursor.get(turn.log, 0))
        reader.close()

        assert seen == sorted(set(seen))
        assert len(seen) == 199 * 3 + 1

    def test_a_journal_is_read_in_pages(self) -> None:
        """Turns of an aggregate come by version, those of a log by commit and place in it."""
        pen = Pen(self.open())
        for version in range(1, 6):
            pen.commit(turns=[(1, version), (2, version)])
        reader = pen.store.reader()
        log = pen.head.log

        of_one = reader.journal_of(1, 2, 2)
        of_log = reader.turns_of_log(log, (2, 0), 3)
        commits = reader.chain(log, 2, 2)
        reader.close()

        assert [turn.version for turn in of_one] == [3, 4]
        assert [(turn.seq, turn.n) for turn in of_log] == [(2, 1), (3, 0), (3, 1)]
        assert [row.seq for row in commits] == [3, 4]
