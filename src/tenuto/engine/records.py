"""Records: what happened, one frozen struct for each fact, appended to the journal.

The integer tag is the record's name on disk: a number is never reused, and a change of meaning is a
new record with an upcast (`engine.upcast`). Fields are only ever added at the end, with a default.

A *place* is where a token stands: a sequence flow id, `@` and a node id where a token enters a node
without a flow (a start event, a triggered boundary event), or `*` and an element number where a
multi-instance body has items still to begin.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tenuto.engine.pause_records import PauseRecord
from tenuto.engine.queue_records import QueueRecord
from tenuto.engine.record import Record as Record
from tenuto.engine.recurrence_records import RecurrenceRecord
from tenuto.engine.registry_records import (
    Deployed as Deployed,
)
from tenuto.engine.registry_records import (
    RegistryRecord,
)
from tenuto.engine.registry_records import (
    TokenIssued as TokenIssued,
)
from tenuto.engine.registry_records import (
    TokenRevoked as TokenRevoked,
)
from tenuto.engine.registry_records import (
    WebhookAdvanced as WebhookAdvanced,
)
from tenuto.engine.registry_records import (
    WebhookEnded as WebhookEnded,
)
from tenuto.engine.registry_records import (
    WebhookSubscribed as WebhookSubscribed,
)
from tenuto.engine.routine_records import RoutineRecord
from tenuto.engine.schedule_records import ScheduleRecord
from tenuto.engine.stored import Encoded, PayloadRef, Stored, Variables
from tenuto.engine.update_records import UpdateRecord

# --- process instances


class InstanceStarted(Record, frozen=True, array_like=True, gc=False, tag=1):
    """A process instance began; its first tokens stand on `places`."""

    process: str
    definition: int
    places: tuple[str, ...]
    business_key: str | None = None
    parent: int | None = None
    parent_element: int | None = None
    mailbox: int | None = None
    message_name: str = ""
    message_key: str = ""
    schedule: int | None = None


class InstanceCompleted(Record, frozen=True, array_like=True, gc=False, tag=2):
    """The last token of the process was consumed."""


class InstanceTerminated(Record, frozen=True, array_like=True, gc=False, tag=3):
    """A command, or the parent, ended the instance."""

    reason: str


class InstanceFailed(Record, frozen=True, array_like=True, gc=False, tag=4):
    """An error left the process uncaught and its parent was told."""

    code: str
    message: str


class ElementPassed(Record, frozen=True, array_like=True, gc=False, tag=5):
    """An element was entered and left at once: a token moved from `place` to `taken`."""

    scope: int
    id: str
    place: str
    taken: tuple[str, ...]


class ElementActivated(Record, frozen=True, array_like=True, gc=False, tag=6):
    """An element instance began, consuming the token on `place`."""

    element: int
    id: str
    scope: int
    place: str
    item: int | None = None


class ElementCompleted(Record, frozen=True, array_like=True, gc=False, tag=7):
    """An element instance ended normally; tokens stand on `taken`."""

    element: int
    taken: tuple[str, ...]


class ElementTerminating(Record, frozen=True, array_like=True, gc=False, tag=8):
    """An element instance waits for what it called to end; `then` gets a token after that."""

    element: int
    then: str | None
    reason: str = ""


class ElementTerminated(Record, frozen=True, array_like=True, gc=False, tag=9):
    """An element instance was withdrawn; `then` is the place where its scope continues, if any."""

    element: int
    then: str | None


class TokenWaiting(Record, frozen=True, array_like=True, gc=False, tag=10):
    """A token arrived at a join and waits on its flow."""

    scope: int
    place: str


class JoinFired(Record, frozen=True, array_like=True, gc=False, tag=11):
    """A join consumed one token of each of `consumed` and was left by `taken`."""

    scope: int
    id: str
    consumed: tuple[str, ...]
    taken: tuple[str, ...]


class TokensRemoved(Record, frozen=True, array_like=True, gc=False, tag=12):
    """Every token on a flow of the scope was withdrawn (terminate, interruption)."""

    scope: int


class TokenPlaced(Record, frozen=True, array_like=True, gc=False, tag=13):
    """An event put a token on `place` beside what was there."""

    scope: int
    place: str


class ScopeEntered(Record, frozen=True, array_like=True, gc=False, tag=14):
    """A scope opened: its first tokens stand on `places`."""

    element: int
    places: tuple[str, ...]


class VariablesSet(Record, frozen=True, array_like=True, gc=False, tag=15):
    """Variables of one scope (an element number, 0 for the process) got new values."""

    scope: int
    variables: Variables


# --- work


class JobCreated(Record, frozen=True, array_like=True, gc=False, tag=20):
    """A job stands for workers to do. `backoff` is the policy as numbers (engine.jobs)."""

    element: int
    type: str
    retries: int
    key: str
    headers: tuple[tuple[str, str], ...] = ()


class JobCompleted(Record, frozen=True, array_like=True, gc=False, tag=21):
    """A worker's result was accepted."""

    element: int


class JobFailed(Record, frozen=True, array_like=True, gc=False, tag=22):
    """An attempt failed; the next one may begin at `retry_at` unless no retries are left."""

    element: int
    retries: int
    retry_at: int | None
    message: str


class JobErrorThrown(Record, frozen=True, array_like=True, gc=False, tag=23):
    """A worker threw a BPMN error; the element continues at its handler."""

    element: int
    code: str
    message: str


class JobCanceled(Record, frozen=True, array_like=True, gc=False, tag=24):
    """The job is no longer wanted: its element ended otherwise."""

    element: int


class JobRetried(Record, frozen=True, array_like=True, gc=False, tag=25):
    """A person gave a failed job new retries."""

    element: int
    retries: int


class UserTaskCreated(Record, frozen=True, array_like=True, gc=False, tag=30):
    """Work for a person. Times are Unix milliseconds."""

    element: int
    name: str
    assignee: str | None
    candidate_groups: tuple[str, ...]
    candidate_users: tuple[str, ...]
    due_at: int | None
    follow_up_at: int | None
    priority: int
    form: str | None


class UserTaskAssigned(Record, frozen=True, array_like=True, gc=False, tag=31):
    """The task has another assignee, or none."""

    element: int
    assignee: str | None


class UserTaskCompleted(Record, frozen=True, array_like=True, gc=False, tag=32):
    """A person completed the task."""

    element: int
    actor: str


class UserTaskCanceled(Record, frozen=True, array_like=True, gc=False, tag=33):
    """The task is no longer wanted."""

    element: int


class DecisionEvaluated(Record, frozen=True, array_like=True, gc=False, tag=34):
    """A decision was made: `result` is the whole explained result (inputs, matched rules,
    warnings).
    """

    element: int
    decision: str
    definition: int
    result: Stored


# --- waiting for events


class TimerSet(Record, frozen=True, array_like=True, gc=False, tag=40):
    """`wait` fires at `due_at`; `repeats` counts the firings left after it, -1 without end."""

    wait: int
    owner: int
    node: str
    due_at: int
    repeats: int = 0
    cycle: str = ""


class TimerFired(Record, frozen=True, array_like=True, gc=False, tag=41):
    """A timer was due and did its work."""

    wait: int


class SubscriptionRequested(Record, frozen=True, array_like=True, gc=False, tag=42):
    """A mailbox was asked to open a subscription."""

    wait: int
    owner: int
    node: str
    mailbox: int
    name: str
    correlation_key: str


class SubscriptionConfirmed(Record, frozen=True, array_like=True, gc=False, tag=43):
    """The mailbox has the subscription: the element really waits."""

    wait: int


class MessageAccepted(Record, frozen=True, array_like=True, gc=False, tag=44):
    """An offered message was taken by the waiting element."""

    wait: int
    message: int
    close: bool


class MessageDeclined(Record, frozen=True, array_like=True, gc=False, tag=45):
    """An offered message came for an element that no longer waits."""

    wait: int
    message: int


class SignalAwaited(Record, frozen=True, array_like=True, gc=False, tag=46):
    """An element waits for a signal."""

    wait: int
    owner: int
    node: str
    name: str


class SignalReceived(Record, frozen=True, array_like=True, gc=False, tag=47):
    """A broadcast reached the waiting element."""

    wait: int
    close: bool
    name: str


class WaitClosed(Record, frozen=True, array_like=True, gc=False, tag=48):
    """A wait is no longer wanted; `kind` is timer, message or signal, `name` that of a signal."""

    wait: int
    kind: str
    name: str = ""


# --- multi-instance, calls, incidents


class LoopStarted(Record, frozen=True, array_like=True, gc=False, tag=50):
    """A multi-instance body has its items: their count, and the collection as it was at entry."""

    element: int
    total: int
    items: Stored | None


class LoopItemsBegun(Record, frozen=True, array_like=True, gc=False, tag=51):
    """The body continues with item `upto`; a token on `*` stands while items are left to begin."""

    element: int
    upto: int
    more: bool


class LoopItemCompleted(Record, frozen=True, array_like=True, gc=False, tag=52):
    """An item ended; its output stands at the item's own index."""

    element: int
    item: int
    output: Stored | None


# What becomes of a called instance that is waited for no more: it is asked to end, ended at once,
# or left alone.
CANCEL: Final = "cancel"
TERMINATE: Final = "terminate"
ABANDON: Final = "abandon"


class CallStarted(Record, frozen=True, array_like=True, gc=False, tag=53):
    """A call started another instance; `when_left` says what becomes of it if nobody waits."""

    element: int
    instance: int
    when_left: str = CANCEL


class CallEnded(Record, frozen=True, array_like=True, gc=False, tag=54):
    """The called instance reported its end."""

    element: int


class IncidentRaised(Record, frozen=True, array_like=True, gc=False, tag=55):
    """The instance is stuck at an element; `phase` says what a retry repeats: enter, leave or
    job.
    """

    incident: int
    element: int
    code: str
    message: str
    phase: str


class IncidentResolved(Record, frozen=True, array_like=True, gc=False, tag=56):
    """A person repaired it, or the element ended."""

    incident: int


# --- mailboxes


class SubscriptionOpened(Record, frozen=True, array_like=True, gc=False, tag=60):
    """A mailbox has a new subscriber."""

    position: int
    name: str
    correlation_key: str
    instance: int
    wait: int
    process: str
    element_id: str


class SubscriptionClosed(Record, frozen=True, array_like=True, gc=False, tag=61):
    """A subscriber left."""

    instance: int
    wait: int


class MessagePublished(Record, frozen=True, array_like=True, gc=False, tag=62):
    """A message came in."""

    message: int
    name: str
    correlation_key: str
    message_id: str | None
    published_at: int
    expires_at: int
    variables: Encoded


class MessageOffered(Record, frozen=True, array_like=True, gc=False, tag=63):
    """A message was offered to a subscriber and counts as taken by its process meanwhile."""

    message: int
    instance: int
    wait: int


class MessageCorrelated(Record, frozen=True, array_like=True, gc=False, tag=64):
    """The subscriber accepted; `close` ends the subscription."""

    message: int
    instance: int
    wait: int
    close: bool


class MessageReleased(Record, frozen=True, array_like=True, gc=False, tag=65):
    """The subscriber declined: the message is free for the next one of that process."""

    message: int
    instance: int
    wait: int


class MessageStarted(Record, frozen=True, array_like=True, gc=False, tag=66):
    """A message started an instance; with a correlation key the process is busy until it ends."""

    message: int
    process: str
    instance: int


class MessageExpired(Record, frozen=True, array_like=True, gc=False, tag=67):
    """A message is no longer kept."""

    message: int


class StartReleased(Record, frozen=True, array_like=True, gc=False, tag=68):
    """The instance that a message had started ended: its process may start again."""

    process: str
    correlation_key: str
    name: str


# --- broadcast


class SignalAccepted(Record, frozen=True, array_like=True, gc=False, tag=70):
    """A signal is being broadcast to those who waited at `accepted_at`."""

    number: int
    name: str
    variables: Encoded
    accepted_at: int


class SignalDelivered(Record, frozen=True, array_like=True, gc=False, tag=71):
    """The broadcast reached the subscribers up to a cursor."""

    number: int
    count: int
    instance: int
    wait: int


class BroadcastEnded(Record, frozen=True, array_like=True, gc=False, tag=72):
    """Everyone who waited was reached."""

    number: int


AnyRecord = (
    InstanceStarted
    | InstanceCompleted
    | InstanceTerminated
    | InstanceFailed
    | ElementPassed
    | ElementActivated
    | ElementCompleted
    | ElementTerminating
    | ElementTerminated
    | TokenWaiting
    | JoinFired
    | TokensRemoved
    | TokenPlaced
    | ScopeEntered
    | VariablesSet
    | JobCreated
    | JobCompleted
    | JobFailed
    | JobErrorThrown
    | JobCanceled
    | JobRetried
    | UserTaskCreated
    | UserTaskAssigned
    | UserTaskCompleted
    | UserTaskCanceled
    | DecisionEvaluated
    | TimerSet
    | TimerFired
    | SubscriptionRequested
    | SubscriptionConfirmed
    | MessageAccepted
    | MessageDeclined
    | SignalAwaited
    | SignalReceived
    | WaitClosed
    | LoopStarted
    | LoopItemsBegun
    | LoopItemCompleted
    | CallStarted
    | CallEnded
    | IncidentRaised
    | IncidentResolved
    | SubscriptionOpened
    | SubscriptionClosed
    | MessagePublished
    | MessageOffered
    | MessageCorrelated
    | MessageReleased
    | MessageStarted
    | MessageExpired
    | StartReleased
    | SignalAccepted
    | SignalDelivered
    | BroadcastEnded
    | RecurrenceRecord
    | RegistryRecord
    | RoutineRecord
    | QueueRecord
    | UpdateRecord
    | ScheduleRecord
    | PauseRecord
)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[AnyRecord])

encode_records = _encoder.encode


def decode_records(data: bytes) -> list[AnyRecord]:
    """Return the records of one turn, in order."""
    return _decoder.decode(data)


__all__ = ["AnyRecord", "PayloadRef", "Record", "decode_records", "encode_records"]
