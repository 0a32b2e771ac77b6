"""The syntax tree of FEEL, frozen; every node knows the offset of its text.

DMN 1.5 §10.3.1.2. The parser builds it, `unparse` prints it, `compile` makes a Python function of
it, and the analysis of decision tables reads it.
"""

from __future__ import annotations

from typing import Any
from typing import Literal as OneOf

import msgspec

from tenuto.feel.types import Type

Operator = OneOf["+", "-", "*", "/", "**"]
Relation = OneOf["=", "!=", "<", "<=", ">", ">="]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """What all nodes share: where they start, or where their operator is."""

    at: int = 0


class Constant(Node, frozen=True):
    """A number, a string, true, false or null."""

    value: Any


class AtLiteral(Node, frozen=True):
    """`@"2024-02-29"`: whatever temporal value the text names."""

    text: str


class Name(Node, frozen=True):
    """A variable, or a built-in function; `?` is the input of a unary test."""

    name: str


class ListLiteral(Node, frozen=True):
    """`[a, b]`."""

    items: tuple[Node, ...]


class Entry(Node, frozen=True):
    """One entry of a context."""

    key: str
    value: Node


class ContextLiteral(Node, frozen=True):
    """`{a: 1, "b c": a + 1}`; later entries see earlier ones."""

    entries: tuple[Entry, ...]


class RangeLiteral(Node, frozen=True):
    """`[a..b]`, with either end open."""

    start: Node
    end: Node
    start_included: bool
    end_included: bool


class OpenRange(Node, frozen=True):
    """`< 10` in a test, `(< 10)` as a value."""

    relation: Relation
    end: Node


class Negation(Node, frozen=True):
    """`-a`."""

    operand: Node


class Arithmetic(Node, frozen=True):
    """`a + b` and its like."""

    operator: Operator
    left: Node
    right: Node


class Comparison(Node, frozen=True):
    """`a < b` and its like."""

    relation: Relation
    left: Node
    right: Node


class Between(Node, frozen=True):
    """`a between b and c`."""

    value: Node
    low: Node
    high: Node


class In(Node, frozen=True):
    """`a in b`, `a in (b, < c)`."""

    value: Node
    tests: tuple[Node, ...]


class Conjunction(Node, frozen=True):
    """`a and b and c`."""

    operands: tuple[Node, ...]


class Disjunction(Node, frozen=True):
    """`a or b or c`."""

    operands: tuple[Node, ...]


class InstanceOf(Node, frozen=True):
    """`a instance of list<number>`."""

    value: Node
    type: Type


class If(Node, frozen=True):
    """`if a then b else c`."""

    condition: Node
    then: Node
    otherwise: Node


class Binding(Node, frozen=True):
    """`x in source`, or `x in source..end` where `end` is given."""

    name: str
    source: Node
    end: Node | None = None


class For(Node, frozen=True):
    """`for x in a, y in b return c`."""

    bindings: tuple[Binding, ...]
    body: Node


class Quantified(Node, frozen=True):
    """`some x in a satisfies b`, `every x in a satisfies b`."""

    quantifier: OneOf["some", "every"]
    bindings: tuple[Binding, ...]
    condition: Node


class Path(Node, frozen=True):
    """`a.b`."""

    source: Node
    name: str


class Filter(Node, frozen=True):
    """`a[b]`."""

    source: Node
    predicate: Node


class Argument(Node, frozen=True):
    """An argument by name."""

    name: str
    value: Node


class Invocation(Node, frozen=True):
    """`f(a, b)` or `f(x: a, y: b)`, never both."""

    function: Node
    arguments: tuple[Node, ...] = ()
    named: tuple[Argument, ...] = ()


class Parameter(Node, frozen=True):
    """A formal parameter with its type."""

    name: str
    type: Type | None = None


class FunctionLiteral(Node, frozen=True):
    """`function(a: number) body`; an external one has a context for its body."""

    parameters: tuple[Parameter, ...]
    body: Node
    is_external: bool = False


class UnaryTests(Node, frozen=True):
    """Tests of an input, of which one must hold, or none when negated; no tests at all is `-`."""

    tests: tuple[Node, ...]
    is_negated: bool = False


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes right below one, in the order of their text."""
    found: list[Node] = []
    for field in node.__struct_fields__:
        part = getattr(node, field)
        if isinstance(part, Node):
            found.append(part)
        elif isinstance(part, tuple):
            found.extend(item for item in part if isinstance(item, Node))
    return tuple(found)


def walk(root: Node) -> list[Node]:
    """Return a node and all below it."""
    found = [root]
    for node in found:
        found.extend(children(node))
    return found
