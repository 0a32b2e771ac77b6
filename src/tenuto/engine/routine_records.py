"""Records of routines: scopes whose next element a replayed coroutine plans (`engine.routines`).

A *key* names one await of the coroutine: `name#path`, where the path counts what its scope has
asked for so far (`charge#3`, in the second branch of a gather `charge#2.1`).
"""

from __future__ import annotations

from tenuto.engine.record import Record
from tenuto.engine.stored import Stored


class RoutineBegan(Record, frozen=True, array_like=True, gc=False, tag=90):
    """A coroutine may begin."""

    element: int


class RoutineAdvanced(Record, frozen=True, array_like=True, gc=False, tag=91):
    """The coroutine has consumed `seen` outcomes and then asked for `asked`, in this order.

    Those in `steps` run in the process of the coroutine.
    """

    element: int
    seen: int
    asked: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()


class OutcomeTaken(Record, frozen=True, array_like=True, gc=False, tag=92):
    """What an await came to, in the order in which the coroutine sees it: a value, or an error.

    `at` is the time of the coroutine from here on, in Unix milliseconds.
    """

    element: int
    key: str
    at: int
    value: Stored | None
    error: Stored | None = None


class AwaitChildBegun(Record, frozen=True, array_like=True, gc=False, tag=93):
    """An element instance stands for an await: a job, a user task or a call."""

    element: int
    key: str
    child: int


class StepDelayed(Record, frozen=True, array_like=True, gc=False, tag=94):
    """Attempt `attempt` of a step failed; the next may begin when the timer `wait` fires.

    `details` is what the attempt said of its progress.
    """

    element: int
    key: str
    attempt: int
    message: str
    wait: int
    details: Stored | None = None


class StepResumed(Record, frozen=True, array_like=True, gc=False, tag=95):
    """The delay of a failed step has ended."""

    element: int
    key: str


class AwaitWithdrawn(Record, frozen=True, array_like=True, gc=False, tag=96):
    """The coroutine no longer waits for this."""

    element: int
    key: str


class PatchMarked(Record, frozen=True, array_like=True, gc=False, tag=97):
    """The coroutine took the newer branch of a change in its code."""

    element: int
    name: str


class CancelRequested(Record, frozen=True, array_like=True, gc=False, tag=98):
    """The coroutine is asked to end; it may clean up first."""

    element: int
    reason: str


RoutineRecord = (
    RoutineBegan
    | RoutineAdvanced
    | OutcomeTaken
    | AwaitChildBegun
    | StepDelayed
    | StepResumed
    | AwaitWithdrawn
    | PatchMarked
    | CancelRequested
)
