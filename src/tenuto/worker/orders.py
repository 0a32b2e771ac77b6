"""What goes to another process to perform a step, and what comes back.

A function goes by the name of its module and its own; arguments go as pickles; a result comes as
the bytes that are recorded; an error comes with its chain, each link as a pickle and as data.
"""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from tenuto.errors import InputError
from tenuto.workflows import codec
from tenuto.workflows.context import CallOf, StepContext
from tenuto.workflows.define import Step
from tenuto.workflows.failures import CAUSES_MAX, encode_error, revive

MAIN: Final = "__main__"
T = TypeVar("T")


class Call(NamedTuple):
    """A step to perform elsewhere; `begin` is asked for its context when that can begin."""

    step: Any
    arguments: tuple[Any, ...]
    begin: Callable[[], StepContext]


class Seat(NamedTuple):
    """The context of an attempt as it goes to another process."""

    call: CallOf
    attempt: int
    deadline: int | None
    said: bytes | None

    def context(self) -> StepContext:
        """Return the context there."""
        made = StepContext(self.call, self.attempt, _no_clock, self.said)
        made.deadline = self.deadline
        return made


def _no_clock() -> int:
    """Return nothing: the process that gave the order has the clock."""
    return 0


class Order(NamedTuple):
    """A call as it goes to another process."""

    step: str
    module: str
    qualified_name: str
    is_async: bool
    arguments: bytes
    seat: Seat

    @property
    def needs_main(self) -> bool:
        """Tell whether the script that was started has to be known to perform this."""
        return self.module == MAIN or MAIN.encode() in self.arguments


class Fault(NamedTuple):
    """An error and its causes. `pickled` is nothing when its type cannot be pickled."""

    pickled: bytes | None
    described: bytes
    cause: Fault | None


class Answer(NamedTuple):
    """How a call ended: the bytes of its result, or its error."""

    value: bytes | None = None
    fault: Fault | None = None


def order_of(step: Any, arguments: tuple[Any, ...], context: StepContext) -> Order:
    """Return a call for another process. Raises `InputError` when it cannot be done there."""
    function = step.function
    module, name = function.__module__, function.__qualname__
    found = _found(module, name)
    if found is not function:
        raise InputError(
            f"expected to find the function of step `{step.name}` as `{module}.{name}`, since "
            f"another process runs it, but there is {found!r:.100}: define it in a module, or run "
            'it with on="thread"'
        )
    data = _tried(lambda: pickle.dumps(arguments, protocol=pickle.HIGHEST_PROTOCOL))
    if isinstance(data, Exception):
        raise InputError(
            f"expected arguments of step `{step.name}` that can be pickled, since another process "
            f"runs it: {data}"
        ) from data
    seat = Seat(context.call, context.attempt, context.deadline, context.said)
    return Order(step.name, module, name, step.is_async, data, seat)


def function_of(order: Order) -> Callable[..., Any]:
    """Return the function of a call, importing its module."""
    importlib.import_module(order.module)
    found: Callable[..., Any] = _found(order.module, order.qualified_name)
    return found


def _found(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found.function if isinstance(found, Step) else found


def answer_of(order: Order, result: Any) -> Answer:
    """Return the answer with a result. Raises `ValueRefused` for what cannot be recorded."""
    return Answer(codec.encode(result, where=f"the result of step `{order.step}`"))


def fault_of(error: BaseException, depth: int = 0) -> Fault:
    """Return an error with its chain."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    further = None
    if cause is not None and depth < CAUSES_MAX:
        further = fault_of(cause, depth + 1)
    return Fault(_pickled(error), encode_error(error), further)


def _pickled(error: BaseException) -> bytes | None:
    """Return the pickle of an error, if it makes the same error again."""

    def there_and_back() -> bytes | None:
        data = pickle.dumps(error, protocol=pickle.HIGHEST_PROTOCOL)
        return data if type(pickle.loads(data)) is type(error) else None  # noqa: S301  (its own bytes)

    data = _tried(there_and_back)
    return None if isinstance(data, Exception) else data


def _tried(make: Callable[[], T]) -> T | Exception:
    """Return what a call gives, or what it raises: pickling runs code of the user's types."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001  (the edge of user code)
        return error


def value_of(answer: Answer, step: Any) -> bytes:
    """Return the bytes of a result, or raise the error that another process raised."""
    if answer.fault is not None:
        raise _error_of(answer.fault, step.known_names)
    assert answer.value is not None, "an answer without an error has a value"
    return answer.value


def _error_of(fault: Fault, known: Mapping[str, Any]) -> BaseException:
    pickled = fault.pickled or b""
    found = _tried(lambda: [pickle.loads(pickled)])  # noqa: S301  (from our own process)
    if isinstance(found, Exception):
        return revive(codec.decode(fault.described), known)
    error: BaseException = found[0]
    error.__cause__ = None if fault.cause is None else _error_of(fault.cause, known)
    return error
