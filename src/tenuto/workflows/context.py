"""What a step may know of its attempt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from tenuto.errors import InputError


class StepContext(NamedTuple):
    """The attempt at hand. `idempotency_key` is the same for every attempt of one call: give it to
    the outside world. `attempt` counts from 1. `deadline` is when the attempt is ended (Unix
    milliseconds), if ever. `step` is the key of the call in its `workflow`.
    """

    instance: str
    idempotency_key: str
    attempt: int
    deadline: int | None = None
    step: str = ""
    workflow: str = ""


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


@contextmanager
def within(context: StepContext) -> Iterator[None]:
    """Let a step know its context."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
