"""What a step may know of its attempt, and say of its progress."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

from tenuto.errors import InputError
from tenuto.workflows import codec


class CallOf(NamedTuple):
    """One call of a step: `step` is its key in its `workflow`."""

    instance: str
    idempotency_key: str
    step: str = ""
    workflow: str = ""


class StepContext:
    """The attempt at hand, of the call `step` of a `workflow`.

    - `idempotency_key` is the same for every attempt of one call: give it to the outside world.
    - `attempt` counts from 1.
    - `deadline` is when the attempt is ended (Unix milliseconds), if ever.
    - `is_stopping` tells that the process will end soon: come to a good place and return or raise.
      Who does not is interrupted, and another process runs the attempt again.
    """

    __slots__ = (
        "_now",
        "attempt",
        "began_at",
        "call",
        "deadline",
        "idempotency_key",
        "instance",
        "is_stopping",
        "on_beat",
        "on_stop",
        "said",
        "said_at",
        "step",
        "workflow",
    )

    def __init__(
        self,
        call: CallOf,
        attempt: int,
        now: Callable[[], int],
        said: bytes | None = None,
    ) -> None:
        """Describe an attempt; `said` is what the one before said last, `now` the clock (Unix
        milliseconds).
        """
        self.call = call
        self.instance, self.idempotency_key, self.step, self.workflow = call
        self.attempt = attempt
        self.deadline: int | None = None
        self.began_at: int | None = None
        self.said_at = 0
        self.said = said
        self.is_stopping = False
        self.on_beat: Callable[[bytes | None], None] | None = None
        self.on_stop: Callable[[], None] | None = None
        self._now = now

    @property
    def details(self) -> Any:
        """Return what was said last with `heartbeat`, in this attempt or one before; None if
        nothing was.
        """
        return None if self.said is None else codec.decode(self.said)

    def heartbeat(self, details: Any = None) -> None:
        """Say that the step is alive, and how far it is: the next attempt finds `details`.

        Raises `ValueRefused` for details that are no plain data.
        """
        said = self.said
        if details is not None:
            said = codec.encode(details, where="the details of a heartbeat")
        if self.on_beat is None:
            self.hear(said)
        else:
            self.on_beat(said)

    def hear(self, said: bytes | None) -> None:
        """Take a heartbeat with its details."""
        self.said = said
        self.said_at = self._now()

    def stop(self) -> None:
        """Let the step know that its process will end soon."""
        self.is_stopping = True
        if self.on_stop is not None:
            self.on_stop()


_current: ContextVar[StepContext] = ContextVar("tenuto_step")


def step_context() -> StepContext:
    """Return the context of the step that runs. Raises `InputError` outside of a step."""
    try:
        return _current.get()
    except LookupError:
        raise InputError("expected `step_context()` within a step of a workflow") from None


def current_step() -> StepContext | None:
    """Return the context of the step that runs, if one runs here."""
    return _current.get(None)


def enter_step(context: StepContext) -> None:
    """Let a step know its context, in the task that performs it and nothing else."""
    _current.set(context)
