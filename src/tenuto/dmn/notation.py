"""What a DMN file says, as plain structs: nothing is resolved or compiled here.

DMN 1.5 §6 (requirements), §7.3 (items, boxed expressions), §8 (decision tables) and §10.2 (boxed
expressions). `line` is where the element begins.
"""

from __future__ import annotations

from msgspec import Struct

HIT_POLICIES = {
    "UNIQUE": "U",
    "ANY": "A",
    "PRIORITY": "P",
    "FIRST": "F",
    "RULE ORDER": "R",
    "OUTPUT ORDER": "O",
    "COLLECT": "C",
}
AGGREGATIONS = ("SUM", "MIN", "MAX", "COUNT")


class Boxed(Struct, frozen=True, kw_only=True):
    """What all boxed expressions share."""

    id: str | None = None
    line: int | None = None
    type_ref: str | None = None


class Literal(Boxed, frozen=True):
    """A FEEL text; an empty one has no value."""

    text: str


class Entry(Struct, frozen=True):
    """One entry of a boxed context; the one without a name is its result."""

    name: str | None
    type_ref: str | None
    value: Boxed | None


class Context(Boxed, frozen=True):
    """Entries in order; later ones see earlier ones."""

    entries: tuple[Entry, ...]


class Binding(Struct, frozen=True):
    """An argument of a boxed invocation."""

    name: str
    value: Boxed | None


class Invocation(Boxed, frozen=True):
    """A function and its arguments by name."""

    function: Boxed | None
    bindings: tuple[Binding, ...]


class Parameter(Struct, frozen=True):
    """A formal parameter."""

    name: str
    type_ref: str | None


class Function(Boxed, frozen=True):
    """A function; `kind` is FEEL, Java or PMML."""

    kind: str
    parameters: tuple[Parameter, ...]
    body: Boxed | None


class Sequence(Boxed, frozen=True):
    """A boxed list."""

    items: tuple[Boxed | None, ...]


class Relation(Boxed, frozen=True):
    """A list of contexts of the same members."""

    columns: tuple[Parameter, ...]
    rows: tuple[tuple[Boxed | None, ...], ...]


class Conditional(Boxed, frozen=True):
    """`if`, `then`, `else`."""

    condition: Boxed | None
    then: Boxed | None
    otherwise: Boxed | None


class Filter(Boxed, frozen=True):
    """The items of `source` for which `match` holds."""

    source: Boxed | None
    match: Boxed | None


class Loop(Boxed, frozen=True):
    """`for`, `some` or `every`: what is done with each item of `source`."""

    kind: str
    variable: str
    source: Boxed | None
    body: Boxed | None


class InputClause(Struct, frozen=True):
    """A column of tests: what they test, and which values are expected."""

    id: str | None
    line: int | None
    label: str
    expression: str
    type_ref: str | None
    values: str


class OutputClause(Struct, frozen=True):
    """A column of results."""

    id: str | None
    line: int | None
    name: str | None
    label: str | None
    type_ref: str | None
    values: str
    default: str


class Rule(Struct, frozen=True):
    """One row of a decision table: texts of its cells."""

    id: str
    line: int | None
    tests: tuple[str, ...]
    results: tuple[str, ...]
    annotations: dict[str, str]


class Table(Boxed, frozen=True):
    """A decision table; `hit_policy` is one letter."""

    hit_policy: str
    aggregation: str | None
    inputs: tuple[InputClause, ...]
    outputs: tuple[OutputClause, ...]
    rules: tuple[Rule, ...]


class Named(Struct, frozen=True, kw_only=True):
    """What all elements of a requirements graph share; `variable` is their name in FEEL."""

    id: str
    name: str
    line: int | None = None
    type_ref: str | None = None
    description: str = ""


class InputData(Named, frozen=True):
    """A value from outside."""


class Decision(Named, frozen=True):
    """A decision, with what it requires by reference."""

    logic: Boxed | None
    requires: tuple[str, ...]
    question: str = ""


class Bkm(Named, frozen=True):
    """A business knowledge model: a function by name."""

    logic: Function | None
    requires: tuple[str, ...]


class Service(Named, frozen=True):
    """A decision service: decisions that are called together, by references."""

    outputs: tuple[str, ...]
    encapsulated: tuple[str, ...]
    input_decisions: tuple[str, ...]
    input_data: tuple[str, ...]


class Item(Struct, frozen=True):
    """An item definition or a component of one."""

    name: str
    line: int | None
    type_ref: str | None
    is_collection: bool
    allowed: str
    constraint: str
    components: tuple[Item, ...]
    parameters: tuple[Parameter, ...] | None
    result_ref: str | None


class Import(Struct, frozen=True):
    """Another model, known here by a name; the empty name makes its names ours."""

    name: str
    namespace: str
    line: int | None


class Definitions(Struct, frozen=True):
    """A file."""

    source: str | None
    id: str | None
    name: str
    namespace: str
    imports: tuple[Import, ...]
    items: tuple[Item, ...]
    inputs: tuple[InputData, ...]
    decisions: tuple[Decision, ...]
    bkms: tuple[Bkm, ...]
    services: tuple[Service, ...]
