"""Commands: what is asked, one frozen struct for each verb. Commands between aggregates travel as
these bytes.

Values in commands are already encoded (`Encoded`): the door does that, off the corridor's thread.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from tenuto.engine.command import Command as Command
from tenuto.engine.pause_commands import PauseCommand
from tenuto.engine.pause_commands import PauseInstance as PauseInstance
from tenuto.engine.pause_commands import ReportSteps as ReportSteps
from tenuto.engine.pause_commands import ResumeInstance as ResumeInstance
from tenuto.engine.queue_commands import QueueCommand
from tenuto.engine.queue_options import PlaceAsk
from tenuto.engine.routine_commands import AdvanceRoutine as AdvanceRoutine
from tenuto.engine.routine_commands import AskUpdate as AskUpdate
from tenuto.engine.routine_commands import SendToRoutine as SendToRoutine
from tenuto.engine.routine_commands import StepEnded as StepEnded
from tenuto.engine.routine_commands import StuckRoutine as StuckRoutine
from tenuto.engine.schedule_commands import EndRun as EndRun
from tenuto.engine.schedule_commands import ScheduleCommand
from tenuto.engine.stored import Encoded, Stored

# --- to an instance


class Lookalike(Struct, frozen=True, array_like=True, gc=False):
    """An earlier instance with an equal natural key: its business key and its near value as
    text.
    """

    business_key: str
    near: str | None


class StartInstance(Command, frozen=True, array_like=True, gc=False, tag=1):
    """Start a process: the latest version of `process`, or the `definition` given.

    `node` names a start event other than the none start event. `parent` is the calling instance and
    `parent_element` its call activity. `mailbox` is where a message start reports the end,
    `schedule` where the run of a schedule does.
    A workflow begins with the outcomes and patch marks that were `copied` from another instance.
    With a `place` it waits in a queue before it begins.
    """

    process: str
    variables: Encoded
    business_key: str | None = None
    definition: int | None = None
    node: str | None = None
    parent: int | None = None
    parent_element: int | None = None
    mailbox: int | None = None
    lookalikes: tuple[Lookalike, ...] = ()
    message_name: str = ""
    message_key: str = ""
    copied: tuple[StepEnded, ...] = ()
    marks: tuple[str, ...] = ()
    schedule: int | None = None
    place: PlaceAsk | None = None


class CompleteJob(Command, frozen=True, array_like=True, gc=False, tag=2):
    """A worker's result for the job of an element; `token` is the lease it holds."""

    element: int
    variables: Encoded
    token: int | None = None


class FailJob(Command, frozen=True, array_like=True, gc=False, tag=3):
    """An attempt failed. `retry` False asks for no further attempt; `retry_after_ms` overrides the
    back-off.

    `jitter` is a number from 0 to 1 drawn by the door: the engine knows no randomness.
    """

    element: int
    message: str
    token: int | None = None
    retry: bool = True
    retry_after_ms: int | None = None
    jitter: float = 0.0


class ThrowJobError(Command, frozen=True, array_like=True, gc=False, tag=4):
    """A worker throws a BPMN error, to be caught by the model."""

    element: int
    code: str
    message: str
    variables: Encoded = msgspec.field(default_factory=dict)
    token: int | None = None


class CrashJob(Command, frozen=True, array_like=True, gc=False, tag=5):
    """A job crashed its process each time it ran alone; it needs a person."""

    element: int
    crashes: int


class CompleteUserTask(Command, frozen=True, array_like=True, gc=False, tag=6):
    """A person completes a task; `expected` is who must have it then (empty: nobody)."""

    element: int
    variables: Encoded
    expected: str | None = None


class AssignUserTask(Command, frozen=True, array_like=True, gc=False, tag=7):
    """A person claims a task, or an assignee is set; `expected` guards against a race of two."""

    element: int
    assignee: str | None
    expected: str | None = None


class FireTimer(Command, frozen=True, array_like=True, gc=False, tag=8):
    """A timer is due."""

    wait: int


class ConfirmSubscription(Command, frozen=True, array_like=True, gc=False, tag=9):
    """The mailbox has the subscription."""

    wait: int


class OfferMessage(Command, frozen=True, array_like=True, gc=False, tag=10):
    """The mailbox offers a message to a waiting element."""

    wait: int
    mailbox: int
    message: int
    variables: Encoded


class DeliverSignal(Command, frozen=True, array_like=True, gc=False, tag=11):
    """A broadcast reaches a waiting element."""

    wait: int
    variables: Encoded


class ResolveIncident(Command, frozen=True, array_like=True, gc=False, tag=12):
    """A person repaired the cause: try again, a job with `retries` new attempts.

    Each of the `variables` is changed before where the stuck element finds it, else in the process.
    """

    incident: int
    retries: int = 1
    variables: Encoded = msgspec.field(default_factory=dict)


class SetVariables(Command, frozen=True, array_like=True, gc=False, tag=13):
    """A person changes variables of a scope."""

    scope: int
    variables: Encoded


class CancelInstance(Command, frozen=True, array_like=True, gc=False, tag=14):
    """End the instance and everything that it called.

    A workflow may clean up first, unless it is to end `at_once`.
    """

    reason: str
    at_once: bool = False


class EndCall(Command, frozen=True, array_like=True, gc=False, tag=15):
    """A called instance reports its end: completed, terminated or failed with an error."""

    element: int
    outcome: str
    variables: Encoded
    code: str = ""
    message: str = ""


class ContinueInstance(Command, frozen=True, array_like=True, gc=False, tag=16):
    """Go on with the agenda that the last turn left."""


# --- to a mailbox


class PublishMessage(Command, frozen=True, array_like=True, gc=False, tag=20):
    """Publish a message; it is kept for `time_to_live_ms` until somebody takes it."""

    name: str
    correlation_key: str
    variables: Encoded
    message_id: str | None = None
    time_to_live_ms: int = 0


class OpenSubscription(Command, frozen=True, array_like=True, gc=False, tag=21):
    """An element waits for a message."""

    name: str
    correlation_key: str
    instance: int
    wait: int
    process: str
    element_id: str


class CloseSubscription(Command, frozen=True, array_like=True, gc=False, tag=22):
    """An element no longer waits."""

    instance: int
    wait: int


class AcceptOffer(Command, frozen=True, array_like=True, gc=False, tag=23):
    """The element took the message; `close` ends its subscription."""

    instance: int
    wait: int
    message: int
    close: bool


class DeclineOffer(Command, frozen=True, array_like=True, gc=False, tag=24):
    """The element no longer waits: offer the message to somebody else."""

    instance: int
    wait: int
    message: int


class ExpireMessages(Command, frozen=True, array_like=True, gc=False, tag=25):
    """Drop the messages whose time to live ended."""


class ReleaseStart(Command, frozen=True, array_like=True, gc=False, tag=26):
    """An instance that a message started has ended."""

    process: str
    name: str
    correlation_key: str


# --- to a broadcast, a recurrence, the registry


class Subscriber(Struct, frozen=True, array_like=True, gc=False):
    """A waiting element: instance key and wait number."""

    instance: int
    wait: int


class BroadcastSignal(Command, frozen=True, array_like=True, gc=False, tag=30):
    """Reach everyone who waits for a signal now, and start the processes that begin with it."""

    name: str
    variables: Encoded


class ContinueBroadcast(Command, frozen=True, array_like=True, gc=False, tag=31):
    """Deliver to the next page of subscribers; `last` says that there are no more."""

    number: int
    subscribers: tuple[Subscriber, ...]
    last: bool


class SetRecurrence(Command, frozen=True, array_like=True, gc=False, tag=35):
    """Arm a timer start event."""

    process: str
    node: str
    definition: int


class ClearRecurrence(Command, frozen=True, array_like=True, gc=False, tag=36):
    """Disarm a timer start event."""


class Deploy(Command, frozen=True, array_like=True, gc=False, tag=40):
    """Deploy resources together: (name, kind, source). The door has read and checked them."""

    resources: tuple[tuple[str, str, Stored], ...]


class IssueToken(Command, frozen=True, array_like=True, gc=False, tag=41):
    """Let somebody in: `digest` is SHA-256 of the token's secret, which nobody keeps.

    `kind` is api or session. A worker's token may be limited to `job_types`. `expires_at` is in
    Unix milliseconds.
    """

    id: str
    name: str
    kind: str
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    job_types: tuple[str, ...]
    digest: bytes
    expires_at: int | None = None


class RevokeToken(Command, frozen=True, array_like=True, gc=False, tag=42):
    """Let the holder of a token in no more."""

    id: str


class SubscribeWebhook(Command, frozen=True, array_like=True, gc=False, tag=43):
    """Tell a URL what happens: CloudEvents of `types` (all if empty) in `processes` (all if empty).

    `cursor` says after which commits it begins. With `allow_private` the URL may lead into a
    private network.
    """

    id: str
    url: str
    types: tuple[str, ...]
    processes: tuple[str, ...]
    allow_private: bool
    cursor: bytes


class EndWebhook(Command, frozen=True, array_like=True, gc=False, tag=44):
    """Tell a URL no more."""

    id: str
    reason: str


class AdvanceWebhook(Command, frozen=True, array_like=True, gc=False, tag=45):
    """A URL has been told everything up to `cursor`."""

    id: str
    cursor: bytes


InstanceCommand = (
    StartInstance
    | CompleteJob
    | FailJob
    | ThrowJobError
    | CrashJob
    | CompleteUserTask
    | AssignUserTask
    | FireTimer
    | ConfirmSubscription
    | OfferMessage
    | DeliverSignal
    | ResolveIncident
    | SetVariables
    | CancelInstance
    | EndCall
    | ContinueInstance
    | AdvanceRoutine
    | StuckRoutine
    | SendToRoutine
    | AskUpdate
    | PauseCommand
)
AnyCommand = (
    InstanceCommand
    | PublishMessage
    | OpenSubscription
    | CloseSubscription
    | AcceptOffer
    | DeclineOffer
    | ExpireMessages
    | ReleaseStart
    | BroadcastSignal
    | ContinueBroadcast
    | SetRecurrence
    | ClearRecurrence
    | Deploy
    | IssueToken
    | RevokeToken
    | SubscribeWebhook
    | EndWebhook
    | AdvanceWebhook
    | ScheduleCommand
    | QueueCommand
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyCommand] = msgspec.msgpack.Decoder(AnyCommand)

encode_command = _encoder.encode


def decode_command(data: bytes) -> AnyCommand:
    """Return the command that `encode_command` wrote."""
    return _decoder.decode(data)
