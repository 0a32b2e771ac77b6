"""The rows that queries and other nodes see, one struct for each table.

Rows are written in the commit that causes them (commit protocol, step 4 and 5). The first `KEY`
fields are the primary key. Times are Unix milliseconds. Fields named in `OPERATIONAL` are written
by the runtime, are no records, and are left out by `verify`.
"""

from __future__ import annotations

from typing import NamedTuple


class InstanceRow(NamedTuple):
    """A process instance; `snapshot` None leaves the stored snapshot as it is."""

    key: int
    process: str
    definition: int
    business_key: str | None
    status: str
    version: int
    parent: int | None
    started_at: int
    ended_at: int | None
    snapshot_version: int
    snapshot: bytes | None


class AggregateRow(NamedTuple):
    """An aggregate that is no instance; `snapshot` holds what is not in rows of its own."""

    key: int
    kind: int
    version: int
    snapshot: bytes | None


class JobRow(NamedTuple):
    """Work for a worker. `due_at` ends the lease, or the back-off while `status` is waiting.

    Status: ready, leased, waiting (back-off), paused (with its instance), failed (no retries left;
    an incident stands beside it).
    """

    instance: int
    element: int
    type: str
    process: str
    element_id: str
    status: str
    retries: int
    due_at: int | None
    created_at: int
    attempt: int
    token: int
    log: int | None
    crashes: int


class HeartbeatRow(NamedTuple):
    """What the holder of a job last said of its progress; the next attempt gets it.

    `details` is an encoded value.
    """

    instance: int
    element: int
    at: int
    details: bytes


class UserTaskRow(NamedTuple):
    """Work for a person. Lists of groups and users are JSON text."""

    instance: int
    element: int
    process: str
    element_id: str
    name: str
    assignee: str | None
    candidate_groups: str
    candidate_users: str
    due_at: int | None
    follow_up_at: int | None
    priority: int
    form: str | None
    created_at: int


class TimerRow(NamedTuple):
    """An instant at which an aggregate wants a command."""

    aggregate: int
    timer: int
    due_at: int
    element_id: str


class SubscriptionRow(NamedTuple):
    """An element that waits for a message, in its mailbox; `offered` is the message it holds."""

    mailbox: int
    instance: int
    subscription: int
    name: str
    correlation_key: str
    process: str
    element_id: str
    position: int
    offered: int | None


ON_OFFER = 1 << 56


class MessageRow(NamedTuple):
    """A published message that is kept: `taken` says by which process which instance took it.

    While it is on offer it does not expire: `ON_OFFER` is added to its instant.
    """

    mailbox: int
    message: int
    name: str
    correlation_key: str
    message_id: str | None
    published_at: int
    expires_at: int
    variables: bytes
    taken: bytes


class QueueEntryRow(NamedTuple):
    """Who stands in a queue: a step of an instance, or with step "" the instance itself.

    Status: waiting, running, stopping (it runs and was asked to end).
    """

    queue: int
    entry: int
    instance: int
    step: str
    key: str
    priority: int
    fairness: str
    enqueued_at: int
    not_before: int
    dedup_id: str | None
    since: int | None
    status: str


class SignalRow(NamedTuple):
    """An element that waits for a signal, in the slot of its instance."""

    name: str
    instance: int
    subscription: int
    element_id: str
    opened_at: int


class IncidentRow(NamedTuple):
    """A place where an instance is stuck until a person repairs it."""

    instance: int
    incident: int
    process: str
    element: int
    element_id: str
    code: str
    message: str
    created_at: int


class OutboxRow(NamedTuple):
    """A command on its way from one aggregate to another; FIFO per (sender, receiver)."""

    sender: int
    receiver: int
    number: int
    command: bytes


class PayloadRow(NamedTuple):
    """A value kept by reference. `data` None is a tombstone: erased, its digest stays."""

    digest: bytes
    aggregate: int
    data: bytes | None


class DedupeRow(NamedTuple):
    """A key that was used: a repeat with the same fingerprint gets `answer` again."""

    scope: str
    key: str
    fingerprint: bytes
    answer: bytes
    instance: int | None
    at: int


class NaturalKeyRow(NamedTuple):
    """An instance's natural key: equal parts by digest, the near value as decimal text."""

    process: str
    digest: bytes
    instance: int
    business_key: str | None
    near: str | None


Row = (
    InstanceRow
    | AggregateRow
    | JobRow
    | HeartbeatRow
    | UserTaskRow
    | TimerRow
    | SubscriptionRow
    | MessageRow
    | QueueEntryRow
    | SignalRow
    | IncidentRow
    | OutboxRow
    | PayloadRow
    | DedupeRow
    | NaturalKeyRow
)

TABLES: tuple[tuple[str, type[Row]], ...] = (
    ("payload", PayloadRow),
    ("instance", InstanceRow),
    ("aggregate", AggregateRow),
    ("job", JobRow),
    ("heartbeat", HeartbeatRow),
    ("user_task", UserTaskRow),
    ("timer", TimerRow),
    ("subscription", SubscriptionRow),
    ("message", MessageRow),
    ("queue_entry", QueueEntryRow),
    ("signal", SignalRow),
    ("incident", IncidentRow),
    ("outbox", OutboxRow),
    ("dedupe", DedupeRow),
    ("natural_key", NaturalKeyRow),
)

# How many leading fields are the primary key.
KEY_WIDTH: dict[type[Row], int] = {
    InstanceRow: 1,
    AggregateRow: 1,
    JobRow: 2,
    HeartbeatRow: 2,
    UserTaskRow: 2,
    TimerRow: 2,
    SubscriptionRow: 3,
    MessageRow: 2,
    QueueEntryRow: 2,
    SignalRow: 3,
    IncidentRow: 2,
    OutboxRow: 3,
    PayloadRow: 2,
    DedupeRow: 2,
    NaturalKeyRow: 3,
}

OPERATIONAL: dict[type[Row], tuple[str, ...]] = {
    InstanceRow: ("snapshot_version", "snapshot"),
    JobRow: (
        "attempt",
        "token",
        "log",
        "crashes",
        "due_at",
        "status",
    ),
    HeartbeatRow: ("at", "details"),
    PayloadRow: ("data",),
}
