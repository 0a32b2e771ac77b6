"""Handlers: user functions that perform jobs.

    @handler("charge-card", lease="30s")
    async def charge(amount: Decimal, account: str, ctx: JobContext) -> dict: ...

Arguments are taken from the job's variables by name and checked against their annotations. A
parameter annotated `JobContext` gets the context. The return value is merged into the variables
when it is a dict.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Struct

from tenuto import values
from tenuto.errors import InputError, TenutoError
from tenuto.schedules import parse_fixed
from tenuto.worker.context import Extend, JobContext

if TYPE_CHECKING:
    from tenuto.runtime.leases import Job

F = TypeVar("F", bound=Callable[..., Any])
MARK = "__tenuto_handler__"
_SCALARS = (bool, int, str, Decimal, float, date, datetime, time, timedelta, list, dict)


class BpmnError(TenutoError):
    """Raised by a handler to throw a BPMN error that the model catches; `variables` go with it."""

    def __init__(self, code: str, message: str = "", **variables: object) -> None:
        """Name the error code as the model does."""
        super().__init__(message or code)
        self.code = code
        self.message = message
        self.variables = variables


class NoRetry(TenutoError):
    """Raised by a handler when another attempt cannot help: the job stops with an incident."""


class RetryAfter(TenutoError):
    """Raised by a handler to ask for the next attempt after `seconds`, whatever the back-off
    says.
    """

    def __init__(self, seconds: float, message: str = "") -> None:
        """Say when to try again."""
        super().__init__(message or f"asked to be tried again after {seconds} s")
        self.seconds = seconds


class Handler(Struct, frozen=True):
    """A function that performs jobs of one type."""

    type: str
    function: Callable[..., Any]
    is_async: bool
    lease_seconds: float | None
    parameters: tuple[tuple[str, Any, bool], ...]
    context_parameter: str | None
    takes_all: bool

    def arguments(self, job: Job, extend: Extend) -> dict[str, Any]:
        """Return the arguments of a call, decoded and checked.

        Raises `InputError` that names the variable, what was expected and what came.
        """
        found: dict[str, Any] = {}
        variables = job.variables
        for name, kind, required in self.parameters:
            data = variables.get(name)
            if data is None:
                if required:
                    raise InputError(
                        f"expected a variable `{name}` for handler `{self.type}`, but the job has "
                        f"{', '.join(sorted(variables)) or 'none'}"
                    )
                continue
            found[name] = _convert(values.decode(data), kind, name, self.type)
        if self.takes_all:
            for name, data in variables.items():
                if name not in found:
                    found[name] = values.to_python(values.decode(data))
        if self.context_parameter is not None:
            found[self.context_parameter] = JobContext(job, extend)
        return found


def handler(job_type: str, *, lease: str | None = None) -> Callable[[F], F]:
    """Declare a function, async or not, as the handler of a job type.

    `lease` is how long one attempt may take before another may begin, as ISO 8601 (`PT30S`) or
    `30s`.
    """

    def declare(function: F) -> F:
        setattr(function, MARK, describe(job_type, function, lease))
        return function

    return declare


def describe(job_type: str, function: Callable[..., Any], lease: str | None = None) -> Handler:
    """Return the handler that a function is."""
    hints = typing.get_type_hints(function)
    parameters = []
    context = None
    takes_all = False
    for name, parameter in inspect.signature(function).parameters.items():
        kind = hints.get(name, Any)
        if kind is JobContext:
            context = name
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            takes_all = True
        elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            raise InputError(f"handler `{job_type}`: expected named parameters, got *{name}")
        else:
            required = parameter.default is inspect.Parameter.empty and not _takes_none(kind)
            parameters.append((name, kind, required))
    return Handler(
        job_type,
        function,
        inspect.iscoroutinefunction(function),
        None if lease is None else _seconds(lease),
        tuple(parameters),
        context,
        takes_all,
    )


def handlers_of(module: object) -> dict[str, Handler]:
    """Return the handlers that a module or namespace declares, by job type.

    Raises `InputError` when two functions declare the same type.
    """
    found: dict[str, Handler] = {}
    members = vars(module).values() if hasattr(module, "__dict__") else ()
    for member in members:
        declared = getattr(member, MARK, None)
        if not isinstance(declared, Handler):
            continue
        known = found.get(declared.type)
        if known is not None and known.function is not declared.function:
            raise InputError(
                f"expected one handler for job type `{declared.type}`, got "
                f"`{known.function.__name__}` and `{declared.function.__name__}`"
            )
        found[declared.type] = declared
    return found


def _seconds(text: str) -> float:
    if text.endswith("s") and text[:-1].replace(".", "", 1).isdigit():
        return float(text[:-1])
    return parse_fixed(text) / 1000


def _takes_none(kind: Any) -> bool:
    return kind is Any or kind is None or type(None) in typing.get_args(kind)


def _convert(value: Any, kind: Any, name: str, job_type: str) -> Any:
    """Return a value as its annotation wants it."""
    plain = values.to_python(value)
    if kind is Any or kind is inspect.Parameter.empty:
        return plain
    if kind is Decimal and isinstance(plain, int) and not isinstance(plain, bool):
        return Decimal(plain)
    if plain is None and _takes_none(kind):
        return None
    if kind in _SCALARS and isinstance(plain, kind) and isinstance(plain, bool) == (kind is bool):
        return plain
    try:
        if is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, Struct)):
            return msgspec.convert(plain, kind, strict=False)
        return msgspec.convert(plain, kind, strict=True)
    except (msgspec.ValidationError, TypeError) as error:
        raise InputError(
            f"handler `{job_type}`: expected variable `{name}` to be {_name_of(kind)}, "
            f"got {plain!r}: {error}"
        ) from error


def _name_of(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))
