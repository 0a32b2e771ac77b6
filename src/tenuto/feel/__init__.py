"""FEEL, the one expression language: conditions, mappings, decision cells, filters, rules of forms.

The contract:

- `compile(text, *, names=(), unary=False, camunda=False, types=None, external=None) -> Expression`
  parses once and raises `tenuto.errors.FeelSyntaxError` with line and column. `names` are the known
  variable names; names with `+ - * / ' .` inside need to be among them, and so do names that hide a
  built-in function. Give the member names of item definitions too.
  Context keys have single spaces between their words, as `normalise_name` makes them.
- `Expression.evaluate(context, *, now=None, budget=None) -> Evaluation(value, warnings, steps)`;
  `Expression.call(context, now=None) -> value` costs least;
  `Expression.run(context, meter) -> value` shares one `Meter` (clock reading, budget, warnings)
  between several expressions. The context is any mapping; it is read lazily, and only for the names
  that occur (`Expression.names`). `Expression.text` and `.tree` (see `feel.syntax`) are kept.
- `compile(text, unary=True).test(input_value, context, now=None, meter=None) -> bool | None` is a
  unary test; `?` is the input.
- A part that has no value is null, with a `FeelWarning(code, message, offset, line, column, text)`.
  Only `tenuto.errors.BudgetExceeded` is raised, when an evaluation spends its `Budget`.
- `Function(parameters, call, name="", result=ANY)` is a function value: put one into the context
  and expressions call it. `call(arguments, meter)` gets coerced arguments and the running meter.
- `parse_type(text, named=None) -> Type`, `conforms(value, type)` (as `instance of`),
  `conforms_to(narrow, wide)`, `coerce(value, type, meter, site=None)` (null with a warning where it
  does not conform), `type_of(value)`; the types are `ANY`, `NUMBER`, ..., `ListType(item)`,
  `ContextType(members)`, `RangeType(item)`, `FunctionType(parameters, result)`.

No clock, chance, thread, socket or file is read, and no host object is reachable from a text.
"""

from tenuto.feel.cursor import normalise_name
from tenuto.feel.expression import Evaluation, Expression, compile  # noqa: A004  # feel.compile
from tenuto.feel.function import Function
from tenuto.feel.meter import Budget, FeelWarning, Meter, Site
from tenuto.feel.types import (
    ANY,
    BOOLEAN,
    DATE,
    DATE_AND_TIME,
    DAYS_TIME_DURATION,
    NULL,
    NUMBER,
    STRING,
    TIME,
    YEARS_MONTHS_DURATION,
    ContextType,
    FunctionType,
    ListType,
    RangeType,
    Simple,
    Type,
    coerce,
    conforms,
    conforms_to,
    parse_type,
    type_of,
)
from tenuto.feel.unparse import unparse

__all__ = [
    "ANY",
    "BOOLEAN",
    "DATE",
    "DATE_AND_TIME",
    "DAYS_TIME_DURATION",
    "NULL",
    "NUMBER",
    "STRING",
    "TIME",
    "YEARS_MONTHS_DURATION",
    "Budget",
    "ContextType",
    "Evaluation",
    "Expression",
    "FeelWarning",
    "Function",
    "FunctionType",
    "ListType",
    "Meter",
    "RangeType",
    "Simple",
    "Site",
    "Type",
    "coerce",
    "compile",
    "conforms",
    "conforms_to",
    "normalise_name",
    "parse_type",
    "type_of",
    "unparse",
]
