"""What a routine's worker says (`engine.routines`): outcomes of steps, and what the coroutine asks
for after them.

Times are Unix milliseconds. Values are encoded.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from tenuto.engine.command import Command
from tenuto.engine.queue_options import PlaceAsk
from tenuto.engine.stored import Encoded


class StepEnded(Struct, frozen=True, array_like=True, gc=False, tag=1):
    """A step came to a value or, with no attempts left, to an error."""

    key: str
    at: int
    value: bytes | None
    error: bytes | None = None


class StepFailed(Struct, frozen=True, array_like=True, gc=False, tag=2):
    """An attempt of a step failed; the next may begin after `delay_ms`.

    `details` is what it said of its progress (an encoded value): the next attempt gets it.
    """

    key: str
    attempt: int
    message: str
    delay_ms: int
    details: bytes | None = None


class BeginStep(Struct, frozen=True, array_like=True, gc=False, tag=1):
    """Run a step in the process of the coroutine, with a `place` when a queue lets it.

    A queue that does not let it within `start_within_ms` is left, and the step has failed.
    """

    key: str
    place: PlaceAsk | None = None
    start_within_ms: int | None = None


class SetTimer(Struct, frozen=True, array_like=True, gc=False, tag=2):
    """Wait until `due_at`."""

    key: str
    due_at: int


class AwaitMessage(Struct, frozen=True, array_like=True, gc=False, tag=3):
    """Wait for a message of a name and correlation key."""

    key: str
    name: str
    correlation_key: str


class OfferJob(Struct, frozen=True, array_like=True, gc=False, tag=4):
    """Let any worker of a job type do it."""

    key: str
    job_type: str
    variables: Encoded
    retries: int
    headers: tuple[tuple[str, str], ...] = ()


class AskPerson(Struct, frozen=True, array_like=True, gc=False, tag=5):
    """Let a person do it; `variables` is what the person sees."""

    key: str
    name: str
    variables: Encoded
    assignee: str | None = None
    candidate_groups: tuple[str, ...] = ()
    candidate_users: tuple[str, ...] = ()
    due_at: int | None = None
    form: str | None = None
    priority: int = 50


class Decide(Struct, frozen=True, array_like=True, gc=False, tag=6):
    """Evaluate a decision with these inputs."""

    key: str
    decision: str
    variables: Encoded


WhenLeft = Literal["cancel", "terminate", "abandon"]


class CallProcess(Struct, frozen=True, array_like=True, gc=False, tag=7):
    """Start another process or workflow and wait for its end.

    `when_left` says what becomes of it when nobody waits for it any more.
    """

    key: str
    process: str
    variables: Encoded
    business_key: str | None = None
    place: PlaceAsk | None = None
    when_left: WhenLeft = "cancel"


class Publish(Struct, frozen=True, array_like=True, gc=False, tag=8):
    """Publish a message; nothing is waited for."""

    name: str
    correlation_key: str
    variables: Encoded
    time_to_live_ms: int = 0


class Broadcast(Struct, frozen=True, array_like=True, gc=False, tag=9):
    """Broadcast a signal; nothing is waited for."""

    name: str
    variables: Encoded


class SetState(Struct, frozen=True, array_like=True, gc=False, tag=10):
    """Let everybody see a variable of the instance."""

    variables: Encoded


class MarkPatch(Struct, frozen=True, array_like=True, gc=False, tag=11):
    """The coroutine took the newer branch of a change."""

    name: str


class Withdraw(Struct, frozen=True, array_like=True, gc=False, tag=12):
    """Wait for this no longer."""

    key: str


class Return(Struct, frozen=True, array_like=True, gc=False, tag=13):
    """The coroutine has returned."""

    value: bytes


class Raise(Struct, frozen=True, array_like=True, gc=False, tag=14):
    """The coroutine has raised: `code` is the type of the error, `error` all of it."""

    code: str
    message: str
    error: bytes


class EndCanceled(Struct, frozen=True, array_like=True, gc=False, tag=15):
    """The coroutine has ended as it was asked to."""


class ContinueAsNew(Struct, frozen=True, array_like=True, gc=False, tag=16):
    """Begin anew with other variables, under the same key and with an empty history."""

    variables: Encoded


class AwaitSignal(Struct, frozen=True, array_like=True, gc=False, tag=17):
    """Wait for a signal that is broadcast from now on."""

    key: str
    name: str


class AcceptUpdate(Struct, frozen=True, array_like=True, gc=False, tag=18):
    """The validator let an update pass: let the coroutine see it."""

    id: str


class RefuseUpdate(Struct, frozen=True, array_like=True, gc=False, tag=19):
    """The validator refused an update; the coroutine never sees it."""

    id: str
    error: bytes


class EndUpdate(Struct, frozen=True, array_like=True, gc=False, tag=20):
    """The coroutine answers an update: a value, or an error."""

    id: str
    value: bytes | None
    error: bytes | None = None


class WriteStream(Struct, frozen=True, array_like=True, gc=False, tag=21):
    """Append a value to a stream of the instance."""

    name: str
    value: bytes


class CloseStream(Struct, frozen=True, array_like=True, gc=False, tag=22):
    """Write nothing more to a stream."""

    name: str


StepReport = StepEnded | StepFailed
Ask = (
    BeginStep
    | SetTimer
    | AwaitMessage
    | OfferJob
    | AskPerson
    | Decide
    | CallProcess
    | Publish
    | Broadcast
    | SetState
    | MarkPatch
    | Withdraw
    | Return
    | Raise
    | EndCanceled
    | ContinueAsNew
    | AwaitSignal
    | AcceptUpdate
    | RefuseUpdate
    | EndUpdate
    | WriteStream
    | CloseStream
)


class AdvanceRoutine(Command, frozen=True, array_like=True, gc=False, tag=50):
    """The coroutine goes on: `seen` outcomes were consumed before `reports`, and after them it
    asks for `asks`.

    Refused when another outcome has been ordered meanwhile, or when it is not the next one after
    `after` others: the coroutine is replayed then. `order` names all that it asked for, where some
    of it had its outcome already. `looked` counts the updates of this run that came to it: when
    there is another, the routine stays with its worker.
    """

    element: int
    token: int | None
    seen: int
    reports: tuple[StepReport, ...]
    asks: tuple[Ask, ...]
    order: tuple[str, ...] = ()
    after: int = 0
    looked: int = 0


class StuckRoutine(Command, frozen=True, array_like=True, gc=False, tag=51):
    """The coroutine cannot go on with this record of it; a person decides."""

    element: int
    token: int | None
    code: str
    message: str


class SendToRoutine(Command, frozen=True, array_like=True, gc=False, tag=52):
    """A message to this very instance: the coroutine sees it in the order of arrival."""

    name: str
    value: bytes


class AskUpdate(Command, frozen=True, array_like=True, gc=False, tag=53):
    """Ask the coroutine for something and wait for its answer; an id is asked once."""

    id: str
    name: str
    value: bytes


# After one of these the coroutine is over.
ENDS = (Return, Raise, EndCanceled, ContinueAsNew)
