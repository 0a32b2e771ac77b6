"""Memory and SQLite agree: the same batches leave the same rows, loads and chain."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tenuto.engine import rows as r
from tenuto.store.memory import MemoryDisk, MemoryStore
from tenuto.store.sqlite import SqliteStore
from tenuto.testing import batches as b

SMALL = st.integers(1, 3)
DUE = st.integers(0, 4)
STATUS = st.sampled_from(["ready", "leased", "waiting", "failed"])
MAYBE = st.none() | DUE
BYTES = st.binary(max_size=2)

ROWS = st.one_of(
    st.builds(
        b.instance,
        SMALL,
        status=st.sampled_from(["active", "completed"]),
        business_key=st.sampled_from([None, "a", "b"]),
        snapshot=st.none() | BYTES,
        snapshot_version=DUE,
    ),
    st.builds(r.AggregateRow, SMALL.map(lambda n: -n), SMALL, SMALL, st.none() | BYTES),
    st.builds(b.job, SMALL, SMALL, status=STATUS, due_at=MAYBE, log=MAYBE, created_at=DUE),
    st.builds(b.user_task, SMALL, SMALL, due_at=MAYBE, assignee=st.sampled_from([None, "ann"])),
    st.builds(b.timer, SMALL, SMALL, DUE),
    st.builds(b.subscription, SMALL.map(lambda n: -n), SMALL, SMALL),
    st.builds(b.message, SMALL.map(lambda n: -n), SMALL, DUE),
    st.builds(b.signal, st.sampled_from(["x", "y"]), SMALL, SMALL),
    st.builds(b.incident, SMALL, SMALL),
    st.builds(r.OutboxRow, SMALL, SMALL, DUE, BYTES),
    st.builds(b.payload, SMALL, BYTES),
    st.builds(r.DedupeRow, st.sampled_from("st"), st.sampled_from("kl"), BYTES, BYTES, MAYBE, DUE),
    st.builds(r.NaturalKeyRow, st.just("claim"), BYTES, SMALL, st.none(), st.none()),
)


def key_of(row):
    """Return a row's table and primary key."""
    return b.NAMES[type(row)], tuple(row[: r.KEY_WIDTH[type(row)]])


def answers(store, now):
    """Return what every load of a store says at an instant."""
    instances = sorted(store.load_instances([3, 1, 2]))
    return {
        "instances": [(one.row, list(one.tail)) for one in instances],
        "aggregates": sorted(store.load_aggregates([-1, -2, -3])),
        "mailboxes": [store.load_mailbox(-key) for key in (1, 2, 3)],
        "ready": [store.ready_jobs(["pay"], now, limit) for limit in (1, 3, 100)],
        "expired": store.expired_jobs(now, 2),
        "orphaned": store.orphaned_jobs(1, 2),
        "timers": store.due_timers(now, 3),
        "outbox": store.outbox(5),
        "messages": store.expired_messages(now, 2),
        "next": (store.next_job_due(now), store.next_timer_due(), store.next_message_expiry()),
        "signals": [store.signal_subscribers(name, (1, 1), 2) for name in ("x", "y")],
        "dedupe": store.load_dedupe([("s", "k"), ("t", "l")]),
        "natural": store.load_natural_keys([("claim", b""), ("claim", b"\x00")]),
    }


def pages(store):
    """Return what readers show beside plain tables."""
    reader = store.reader()
    try:
        return (
            reader.user_tasks(assignee="ann"),
            reader.waiting(),
            reader.count_instances(),
            reader.feed({}, 7),
            reader.journal_of(1, 1, 2),
        )
    finally:
        reader.close()


class Agreement(RuleBasedStateMachine):
    """Writes the same batches to a memory store and to SQLite."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "agreement.db"
        self.disk = MemoryDisk()
        self.stores = MemoryStore(self.disk), SqliteStore(self.path)
        self.pens = [b.Pen(store) for store in self.stores]
        self.versions = {}

    @rule(
        rows=st.lists(ROWS, max_size=12),
        gone=st.lists(ROWS, max_size=6),
        turns=st.lists(SMALL, max_size=4),
    )
    def commit(self, rows, gone, turns):
        """Put rows, delete others and append turns."""
        numbered = []
        for key in turns:
            self.versions[key] = self.versions.get(key, 0) + 1
            numbered.append((key, self.versions[key]))
        deletes = {}
        for row in gone:
            table, key = key_of(row)
            deletes.setdefault(table, []).append(key)
        for pen in self.pens:
            pen.commit(*rows, turns=numbered, deletes=deletes)

    @rule()
    def open_again(self):
        """End both processes and begin new logs."""
        self.stores[1].close()
        self.stores = MemoryStore(self.disk), SqliteStore(self.path)
        self.pens = [b.Pen(store) for store in self.stores]

    @rule(now=DUE)
    def ask(self, now):
        """Every load gives the same rows in the same order."""
        memory, sqlite = (answers(store, now) for store in self.stores)
        assert memory == sqlite
        assert pages(self.stores[0]) == pages(self.stores[1])

    @invariant()
    def rows_are_equal(self):
        """Tables, journals and chains are equal but for the identity of the cluster."""
        memory, sqlite = (b.contents(store) for store in self.stores)
        chains = memory.pop("chain"), sqlite.pop("chain")
        assert memory == sqlite
        assert [(row[:4], row.root) for row in chains[0]] == [
            (row[:4], row.root) for row in chains[1]
        ]

    def teardown(self):
        """Close the file."""
        self.stores[1].close()
        self.folder.cleanup()


TestAgreement = Agreement.TestCase
TestAgreement.settings = settings(
    max_examples=25,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
