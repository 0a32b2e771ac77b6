"""Errors as they are recorded, and as a workflow gets them.

A recorded error is data: its type's name, its message, its arguments and its causes. It becomes an
exception of the same type again where the step's own module, the built-in names or Tenuto know the
name; no class is imported because stored data names it. Any other is a `StepFailed`.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from typing import Any, Final

from tenuto.errors import TenutoError, ValueRefused
from tenuto.workflows import codec
from tenuto.workflows.loop import NotInAStep

CAUSES_MAX: Final = 8
MESSAGE_LENGTH_MAX: Final = 2_000


class StepFailed(TenutoError):
    """A step, a child or a job failed: `type` is the name of its error's type.

    `variables` came with a BPMN error.
    """

    def __init__(self, message: str, type: str = "", variables: Mapping[str, Any] = {}) -> None:
        """Say what failed and how."""
        super().__init__(message)
        self.type = type
        self.variables = dict(variables)


class StepTimeout(TenutoError, TimeoutError):
    """A step did not end, begin or say anything in time; `kind` tells which."""

    def __init__(self, message: str, kind: str = "start_to_close") -> None:
        """Say which limit was met: `schedule_to_start`, `start_to_close`, `schedule_to_close` or
        `heartbeat`.
        """
        super().__init__(message)
        self.args = (message, kind)
        self.kind = kind

    def __str__(self) -> str:
        """Return the message."""
        return str(self.args[0])


class QueueRefused(TenutoError):
    """A queue did not let a workflow or step run; `reason` tells why, `existing` is the id of the
    instance that runs instead.
    """

    def __init__(self, message: str, reason: str = "", existing: str | None = None) -> None:
        """Say why, and who runs instead."""
        super().__init__(message)
        self.args = (message, reason, existing)
        self.reason = reason
        self.existing = existing

    def __str__(self) -> str:
        """Return the message."""
        return str(self.args[0])


class StepKilled(TenutoError):
    """The process that performed a step ended before the step did: killed from outside, out of
    memory, or by itself.
    """


OURS: Final = {
    one.__name__: one for one in (NotInAStep, StepFailed, StepTimeout, StepKilled, QueueRefused)
}


def describe(error: BaseException, depth: int = 0) -> dict[str, Any]:
    """Return an error as data."""
    found: dict[str, Any] = {
        "type": type(error).__name__,
        "message": (str(error) or type(error).__name__)[:MESSAGE_LENGTH_MAX],
    }
    if isinstance(error, StepFailed):
        found |= {"of": error.type, "variables": error.variables}
    else:
        found["args"] = _arguments(error)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and depth < CAUSES_MAX:
        found["cause"] = describe(cause, depth + 1)
    return found


def encode_error(error: BaseException) -> bytes:
    """Return the bytes of an error as data."""
    described = describe(error)
    try:
        return codec.encode(described, where="error")
    except ValueRefused:
        text = described["message"].encode("utf-8", "replace").decode()
        return codec.encode({"type": described["type"], "message": text}, where="error")


def _arguments(error: BaseException) -> list[Any] | None:
    try:
        codec.encode(error.args, where="args")
    except ValueRefused:
        return None
    return list(error.args)


def revive(described: Mapping[str, Any], known: Mapping[str, Any]) -> BaseException:
    """Return the exception that data describes; `known` are names that the step's module has."""
    name = str(described.get("type") or "")
    message = str(described.get("message") or name)
    error = _made(described, name, known)
    if error is None:
        error = StepFailed(message, described.get("of") or name, described.get("variables") or {})
    cause = described.get("cause")
    if isinstance(cause, Mapping):
        error.__cause__ = revive(cause, known)
    return error


def _made(described: Mapping[str, Any], name: str, known: Mapping[str, Any]) -> Exception | None:
    kind = known.get(name) or OURS.get(name) or getattr(builtins, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)) or kind is StepFailed:
        return None
    arguments = described.get("args")
    if arguments is None:
        return _tried(_bare, kind, described.get("message"))
    return _tried(kind, *arguments) or _tried(_bare, kind, *arguments)


def _tried(make: Callable[..., Exception], *arguments: Any) -> Exception | None:
    """Return an error that can be made and can tell itself, or nothing."""
    try:
        error = make(*arguments)
        str(error)
    except Exception:  # noqa: BLE001  (an exception type of the user that cannot be made from its arguments)
        return None
    return error


def _bare(kind: type[Exception], *arguments: Any) -> Exception:
    """Return an error with its arguments, without calling what makes it."""
    error = kind.__new__(kind)
    error.args = arguments
    return error
