"""Functions as FEEL values: closures, built-ins, business knowledge models, decision services.

DMN 1.5 §10.3.2.13. A caller outside this room gives a `Function` to an expression's context, and
the expression calls it by position or by parameter name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenuto.feel.meter import Meter
from tenuto.feel.types import ANY, FunctionType, Type

Call = Callable[[tuple[Any, ...], Meter], Any]


class Function:
    """A function value: named, typed parameters and what to call.

    `call` receives one argument for each parameter, already coerced to its type, and the meter of
    the running evaluation, so that an inner evaluation spends from the same budget.

    >>> from tenuto import feel
    >>> double = Function((("n", feel.NUMBER),), lambda arguments, meter: arguments[0] * 2)
    >>> feel.compile("double(n: 21)", names=["double"]).evaluate({"double": double}).value
    42
    """

    __slots__ = ("call", "name", "parameters", "result", "variadic")

    def __init__(
        self,
        parameters: tuple[tuple[str, Type], ...],
        call: Call,
        *,
        name: str = "",
        result: Type = ANY,
        variadic: bool = False,
    ) -> None:
        """Keep the parts; a variadic function takes any number of unnamed arguments."""
        self.parameters = parameters
        self.call = call
        self.name = name
        self.result = result
        self.variadic = variadic

    @property
    def types(self) -> tuple[FunctionType, ...]:
        """The types of this value: one for each way to call it."""
        return (FunctionType(tuple(kind for _, kind in self.parameters), self.result),)

    def __repr__(self) -> str:
        names = ", ".join(name for name, _ in self.parameters)
        return f"function({names})"
