"""One batch: turns of several aggregates that one commit makes durable.

A batch runs requests, timers and the commands that aggregates send each other, and gathers journal
rows, row changes, answers and jobs to hand out. Nothing of it is seen before its commit has
returned.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from tenuto.engine import commands as c
from tenuto.engine import index
from tenuto.engine import rejections as why
from tenuto.engine import rows as row
from tenuto.engine.advance import Outcome as TurnOutcome
from tenuto.engine.advance import advance_instance
from tenuto.engine.aggregates import NamedOutcome, advance_named
from tenuto.engine.lifecycle import PAUSED, InstanceStatus
from tenuto.engine.mailbox import MailboxState
from tenuto.engine.queue_rows import index_queue
from tenuto.engine.queue_state import QueueState
from tenuto.engine.records import Record, encode_records
from tenuto.engine.registry import RegistryState, with_settings
from tenuto.engine.rejections import Rejection
from tenuto.engine.routine_records import OutcomeTaken, StepResumed
from tenuto.engine.rows import JobRow
from tenuto.engine.state import ASKED, encode_state
from tenuto.engine.stored import Stored, frame
from tenuto.engine.turn import Woken, visible_variables
from tenuto.engine.update_records import UpdateAsked
from tenuto.runtime.leases import Job, Seats
from tenuto.runtime.limits import TAIL_TURNS_MAX
from tenuto.runtime.requests import Answer, Ended, Reply, Request, Result
from tenuto.runtime.routines import Asked, Outcome, Progress, Wake
from tenuto.runtime.waiters import update_answer
from tenuto.store.codec import leaf_of, pack_blob
from tenuto.store.headers import Header, encode_header
from tenuto.store.port import JournalRow

if TYPE_CHECKING:
    from tenuto.engine.state import InstanceState
    from tenuto.engine.world import World
    from tenuto.keys import KeyMint
    from tenuto.runtime.leases import Leases
    from tenuto.runtime.warm import Warm, WarmInstance


class Hop(NamedTuple):
    """A command between aggregates. `stored` tells whether an outbox row stands for it."""

    sender: int
    receiver: int
    number: int
    command: c.Command
    stored: bool


class Item(NamedTuple):
    """One thing to do: a command for an aggregate, and where it came from."""

    receiver: int
    command: c.Command
    request: Request | None = None
    hop: Hop | None = None


class Batch:
    """The turns of one commit."""

    def __init__(
        self,
        world: World,
        warm: Warm,
        leases: Leases,
        mint: KeyMint,
        now: int,
        first_hop: int,
    ) -> None:
        """Begin with nothing to write."""
        self.world = world
        self.rows = index.RowChanges()
        self.hops: deque[Hop] = deque()
        self.touched: dict[int, None] = {}
        self.turns = 0
        self.now = now
        self.journal: list[tuple[int, int, bytes, bytes, bytes]] = []
        self.answers: list[tuple[Reply, Result]] = []
        self.hand_outs: list[tuple[Seats, Job]] = []
        self.wakes: list[tuple[Seats, Wake]] = []
        self._woken: dict[tuple[int, int], list[Woken]] = {}
        self._advanced: set[tuple[int, int]] = set()
        self._resumed: dict[int, None] = {}
        self._grown: dict[int, WarmInstance] = {}
        self.waiters: list[tuple[int, Reply]] = []
        self.ended: dict[int, Ended] = {}
        self.updated: list[tuple[int, str, Answer]] = []
        self.next_timer: int | None = None
        self.next_expiry: int | None = None
        self.leased: list[tuple[tuple[int, int], JobRow]] = []
        self.freed: list[tuple[int, int]] = []
        self.unleased: list[tuple[int, int]] = []
        self.lent: list[Seats] = []
        self._headers: dict[tuple[object, ...], bytes] = {}
        self._warm = warm
        self._leases = leases
        self._mint = mint
        self.next_hop = first_hop

    def run(self, item: Item) -> Answer | Rejection | None:
        """Run one command and take in what it gives; an instance that has nothing to say gives
        nothing.
        """
        hop = item.hop
        if hop is not None and hop.stored:
            self.rows.delete("outbox", (hop.sender, hop.receiver, hop.number))
        self.turns += 1
        result: Answer | Rejection | None
        result = self._run_instance(item) if item.receiver >= 0 else self._run_named(item)
        request = item.request
        if request is not None and request.reply is not None:
            if isinstance(result, Rejection):
                self.answers.append((request.reply, result))
            elif not request.reply.at_end:
                key = item.receiver
                self.answers.append((request.reply, result or Answer(key, {"instance": str(key)})))
            else:
                self.waiters.append((item.receiver, request.reply))
        if isinstance(result, Rejection) and isinstance(item.command, c.FireTimer):
            self.rows.delete("timer", (item.receiver, item.command.wait))
        return result

    # --- instances

    def _run_instance(self, item: Item) -> Rejection | None:
        command, key = item.command, item.receiver
        starts = isinstance(command, c.StartInstance)
        warm = self._warm.begin(key) if starts else self._warm.instance(key)
        if warm is None:
            return Rejection(why.NOT_FOUND, f"expected instance {key}, but there is none")
        state = warm.state
        request = item.request
        if request is not None and request.if_version not in {None, state.version}:
            return Rejection(
                why.VERSION_MISMATCH,
                f"expected instance {key} at version {request.if_version}, but it is at "
                f"{state.version}: read it again",
            )
        was_paused = state.pause is not None
        outcome = advance_instance(self.world, state, command, self.now, self._mint, warm.payloads)
        if isinstance(outcome, Rejection):
            if not state.version:
                self._warm.evict((key,))
            return outcome
        self._keep_instance(item, warm, outcome)
        if was_paused is (state.pause is None):
            self._move_jobs(state)
        return None

    def _move_jobs(self, state: InstanceState) -> None:
        """An instance was paused or goes on: its jobs that nobody holds follow."""
        if state.pause is None:
            self._resumed[state.key] = None
        for element in state.jobs:
            key = (state.key, element)
            if self._leases.of(key) is None:
                self._leases.park(key)
                self.rows.change("job", key, index.job_row(state, element))

    def _keep_instance(self, item: Item, warm: WarmInstance, outcome: TurnOutcome) -> None:
        state = warm.state
        key = state.key
        self.touched[key] = None
        at = state.last_at
        if outcome.payloads:
            self._grown[key] = warm
        for digest, data in outcome.payloads.items():
            payload = row.PayloadRow(digest, key, frame(data))
            self.rows.change("payload", (digest, key), payload)
        index.index_instance(self.rows, state, outcome.records, at)
        self._journal(item, key, state.version, at, outcome.records)
        snapshot = None
        if state.version - warm.snapshot_version >= TAIL_TURNS_MAX and state.is_live:
            snapshot = pack_blob(encode_state(state))
            warm.snapshot_version = state.version
        earlier = self.rows.puts["instance"].get((key,))
        if snapshot is None and isinstance(earlier, row.InstanceRow):
            snapshot = earlier.snapshot
        made = index.instance_row(state, snapshot, warm.snapshot_version)
        self.rows.change("instance", (key,), made)
        self._send(key, outcome.commands)
        for number, id in outcome.updated:
            answer = update_answer(warm, number, id)
            if answer is not None:
                self.updated.append((key, id, answer))
        for woken in outcome.woken:
            self._woken.setdefault((key, woken.element), []).append(woken)
        if isinstance(item.command, c.AdvanceRoutine):
            self._advanced.add((key, item.command.element))
        if not state.is_live:
            self._end(state, warm)

    def _end(self, state: InstanceState, warm: WarmInstance) -> None:
        if state.key in self.ended or state.status is InstanceStatus.ACTIVE:
            return
        self.ended[state.key] = warm.ended()

    # --- named aggregates

    def _run_named(self, item: Item) -> Answer | Rejection:
        key = item.receiver
        state = self._warm.named(key)
        before = index.MailboxKeys(state) if isinstance(state, MailboxState) else None
        outcome = advance_named(self.world, state, item.command, self.now, self._mint)
        if isinstance(outcome, Rejection):
            return outcome
        if outcome.records or outcome.commands:
            self._keep_named(item, state, outcome, before)
        return Answer(key, outcome.answer)

    def _keep_named(
        self, item: Item, state: Any, outcome: NamedOutcome, before: index.MailboxKeys | None
    ) -> None:
        key = state.key
        self.touched[key] = None
        if before is not None:
            index.index_mailbox(self.rows, state, outcome.records, before)
        elif isinstance(state, index.Timed):
            index.index_timed(self.rows, state)
            if isinstance(state, QueueState):
                index_queue(self.rows, state, outcome.records)
        elif isinstance(state, RegistryState):
            self.world = with_settings(self.world, state)
        self._journal(item, key, state.version, self.now, outcome.records)
        aggregate = index.aggregate_row(state)
        packed = aggregate._replace(snapshot=pack_blob(aggregate.snapshot or b""))
        self.rows.change("aggregate", (key,), packed)
        self._send(key, outcome.commands)

    # --- both

    def _journal(self, item: Item, key: int, version: int, at: int, records: list[Record]) -> None:
        header = self._header(item, at)
        blob = pack_blob(encode_records(records))
        self.journal.append((key, version, leaf_of(key, version, header, blob), header, blob))

    def _header(self, item: Item, at: int) -> bytes:
        """Return the header of a turn; most turns of a batch have one of very few."""
        request = item.request
        known = (
            type(item.command),
            at,
            request.actor if request else "",
            item.hop.sender if item.hop else 0,
            request.idempotency_key if request else None,
        )
        header = self._headers.get(known)
        if header is None:
            kind, at, actor, cause, key = known
            header = encode_header(Header(kind.__name__, at, self.world.version, actor, cause, key))
            self._headers[known] = header
        return header

    def _send(self, sender: int, commands: list[tuple[int, c.Command]]) -> None:
        for receiver, command in commands:
            self.hops.append(Hop(sender, receiver, self.next_hop, command, stored=False))
            self.next_hop += 1

    # --- before the commit

    def finish(self) -> None:
        """Lease the jobs that were born, keep the hops that are left, and note what is due when."""
        self._wake_holders()
        self._lease_jobs()
        for warm in self._grown.values():
            warm.forget_payloads()
        for hop in self.hops:
            if not hop.stored:
                stored = row.OutboxRow(
                    hop.sender, hop.receiver, hop.number, c.encode_command(hop.command)
                )
                self.rows.add("outbox", (hop.sender, hop.receiver, hop.number), stored)
        timers = self.rows.puts["timer"].values()
        dues = (timer.due_at for timer in timers if isinstance(timer, row.TimerRow))
        self.next_timer = min(dues, default=None)
        messages = self.rows.puts["message"].values()
        ends = (
            one.expires_at
            for one in messages
            if isinstance(one, row.MessageRow) and one.expires_at < row.ON_OFFER
        )
        self.next_expiry = min(ends, default=None)

    def _wake_holders(self) -> None:
        """Tell those who hold a routine what happened for it; others get it with the job."""
        for key, woken in self._woken.items():
            lease = self._leases.of(key)
            if lease is None or lease.seat.wake is None or key in self.rows.deletes["job"]:
                continue
            if self._is_paused(key[0]):
                continue
            outcomes = tuple(self._outcome(key[0], one) for one in woken if _is_outcome(one))
            resumed = tuple(
                (one.record.key, one.number) for one in woken if isinstance(one.record, StepResumed)
            )
            updates = tuple(
                Asked(one.record.id, one.record.name, self._kept(key[0], one.record.value))
                for one in woken
                if isinstance(one.record, UpdateAsked)
            )
            told = Wake(*key, outcomes, resumed, updates=updates, lease=lease.token)
            self.wakes.append((lease.seat, told))
        for instance in self._resumed:
            self._wake_resumed(instance)

    def _wake_resumed(self, instance: int) -> None:
        """Tell those who hold routines of an instance that was paused to look what came."""
        warm = self._warm.peek(instance)
        for element in warm.state.jobs if warm is not None else ():
            lease = self._leases.of((instance, element))
            if lease is not None and lease.seat.wake is not None:
                told = Wake(instance, element, is_resumed=True, lease=lease.token)
                self.wakes.append((lease.seat, told))

    def _is_paused(self, instance: int) -> bool:
        warm = self._warm.peek(instance)
        return warm is not None and warm.state.pause is not None

    def _outcome(self, instance: int, woken: Woken) -> Outcome:
        record = woken.record
        assert isinstance(record, OutcomeTaken), "a resumed step is no outcome"
        value, error = self._bytes(instance, record.value), self._bytes(instance, record.error)
        return Outcome(woken.number, record.key, record.at, value, error)

    def _bytes(self, instance: int, stored: Stored | None) -> bytes | None:
        warm = self._warm.instance(instance)
        assert warm is not None, f"instance {instance} was advanced in this batch"
        return None if stored is None else warm.encoded({"": stored})[""]

    def _kept(self, instance: int, stored: Stored) -> bytes:
        found = self._bytes(instance, stored)
        assert found is not None, "what is stored has bytes"
        return found

    def _progress(self, state: InstanceState, element: int) -> Progress | None:
        """Return where a routine stands, with the outcomes of this batch."""
        routine = state.elements[element].routine
        if routine is None:
            return None
        woken = self._woken.get((state.key, element), ())
        outcomes = tuple(self._outcome(state.key, one) for one in woken if _is_outcome(one))
        steps = tuple(routine.steps.items())
        return Progress(
            routine.seen,
            routine.ordered,
            steps,
            outcomes,
            routine.began_at,
            routine.since,
            routine.advances,
            tuple(
                Asked(id, one.name, self._kept(state.key, one.value))
                for id, one in routine.updates.items()
                if one.status == ASKED and one.value is not None
            ),
            len(routine.updates),
        )

    def _lease_jobs(self) -> None:
        jobs = self.rows.puts["job"]
        for gone in self.rows.deletes["job"]:
            key = (gone[0], gone[1])
            self.freed.append(key)
            if key in self._leases.details:
                self.rows.delete("heartbeat", key)
            lease = self._leases.lend_seat(key)
            if lease is not None:
                seat = lease.seat
                self.lent.append(seat)
                if seat.wake is not None and key not in self._advanced:
                    self.wakes.append((seat, Wake(*key, is_gone=True, lease=lease.token)))
        for key, job in list(jobs.items()):
            assert isinstance(job, JobRow), "the job table holds job rows"
            jobs[key] = self.lease_or_wait(job)

    def lease_or_wait(self, job: JobRow) -> JobRow:
        """Give a ready job to a free seat of this node, or leave it to be found."""
        if job.status == "leased":
            return job
        key = (job.instance, job.element)
        lease = self._leases.of(key)
        is_held = lease is not None
        if lease is not None:
            if lease.seat.wake is not None and key in self._advanced and key in self._woken:
                # The routine rested and was woken within this batch: its holder goes on with it.
                return self._leases.keep(job)
            self.unleased.append(key)
        free = job.status == "ready" and not is_held
        seat = self._leases.seat_for(job.type) if free else None
        if seat is None:
            if job.status == "ready":
                self._leases.has_backlog = True
            return self._leases.operational(job)
        return self.hand_out(job, seat)

    def hand_out(self, job: JobRow, seat: Seats) -> JobRow:
        """Lease a job to a seat and prepare what the worker gets.

        That of a paused instance waits with it.
        """
        warm = self._warm.instance(job.instance)
        assert warm is not None, f"job of instance {job.instance}, which does not exist"
        state = warm.state
        if state.pause is not None:
            self._leases.park((job.instance, job.element))
            return job._replace(status=PAUSED, due_at=None, log=None)
        leased = self._leases.lease(job, seat, self.now)
        known = state.jobs[job.element]
        variables = warm.encoded(visible_variables(state, job.element))
        assert leased.due_at is not None, "a lease has an end"
        self.leased.append(((job.instance, job.element), job))
        work = Job(
            job.instance,
            job.element,
            job.type,
            job.process,
            job.element_id,
            state.business_key,
            known.key,
            known.headers,
            leased.attempt,
            leased.retries,
            leased.token,
            leased.due_at,
            variables,
            self._leases.details.get((job.instance, job.element)),
            self._progress(state, job.element),
        )
        self.hand_outs.append((seat, work))
        return leased

    def rows_of_journal(self, log: int, seq: int) -> list[JournalRow]:
        """Return the journal rows of this batch under their place in the log."""
        return [
            JournalRow(log, seq, n, key, version, leaf, header, blob)
            for n, (key, version, leaf, header, blob) in enumerate(self.journal)
        ]


def _is_outcome(woken: Woken) -> bool:
    return isinstance(woken.record, OutcomeTaken)
