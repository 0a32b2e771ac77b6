"""A plain evaluator that walks the tree: what compiled code must agree with.

It shares the operations on values with the product and nothing else: scopes are dicts, closures are
Python closures over them, and every rule of evaluation order is written down once more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tenuto.feel import access, arithmetic, compare, syntax
from tenuto.feel.builtins import STANDARD
from tenuto.feel.function import Function
from tenuto.feel.meter import Meter, Site
from tenuto.feel.signature import Builtin, invoke, invoke_named
from tenuto.feel.syntax import Node
from tenuto.feel.types import ANY, conforms
from tenuto.values import parse_temporal

NOWHERE = Site("", 0)
MISSING = object()
OPERATORS = {
    "+": arithmetic.add,
    "-": arithmetic.subtract,
    "*": arithmetic.multiply,
    "/": arithmetic.divide,
    "**": arithmetic.raise_power,
}
RELATIONS = {
    "=": compare.equal,
    "!=": compare.not_equal,
    "<": compare.less,
    "<=": compare.less_equal,
    ">": compare.greater,
    ">=": compare.greater_equal,
}
Find = Callable[[str], Any]


class Walker:
    """Evaluates one tree."""

    def __init__(self, context: dict[str, Any], meter: Meter) -> None:
        self.meter = meter
        self.root: Find = lambda name: context.get(name, MISSING)

    def value(self, node: Node, find: Find) -> Any:
        """The value of a node where names mean what `find` says."""
        name = re.sub("(?<!^)(?=[A-Z])", "_", type(node).__name__).lower()
        return getattr(self, f"on_{name}")(node, find)

    def on_constant(self, node: syntax.Constant, find: Find) -> Any:
        return node.value

    def on_at_literal(self, node: syntax.AtLiteral, find: Find) -> Any:
        return parse_temporal(node.text)

    def on_name(self, node: syntax.Name, find: Find) -> Any:
        found = find(node.name)
        return STANDARD.get(node.name) if found is MISSING else found

    def on_list_literal(self, node: syntax.ListLiteral, find: Find) -> Any:
        return [self.value(item, find) for item in node.items]

    def on_context_literal(self, node: syntax.ContextLiteral, find: Find) -> Any:
        result: dict[str, Any] = {}
        if len({entry.key for entry in node.entries}) < len(node.entries):
            return None
        for entry in node.entries:
            result[entry.key] = self.value(entry.value, scope(find, dict(result)))
        return result

    def on_range_literal(self, node: syntax.RangeLiteral, find: Find) -> Any:
        closed = (node.start_included, node.end_included)
        start, end = self.value(node.start, find), self.value(node.end, find)
        return access.make_range(start, end, closed, self.meter, NOWHERE)

    def on_open_range(self, node: syntax.OpenRange, find: Find) -> Any:
        end = self.value(node.end, find)
        return access.make_open_range(node.relation, end, self.meter, NOWHERE)

    def on_negation(self, node: syntax.Negation, find: Find) -> Any:
        return arithmetic.negate(self.value(node.operand, find), self.meter, NOWHERE)

    def on_arithmetic(self, node: syntax.Arithmetic, find: Find) -> Any:
        left, right = self.value(node.left, find), self.value(node.right, find)
        return OPERATORS[node.operator](left, right, self.meter, NOWHERE)

    def on_comparison(self, node: syntax.Comparison, find: Find) -> Any:
        left, right = self.value(node.left, find), self.value(node.right, find)
        return RELATIONS[node.relation](left, right, self.meter, NOWHERE)

    def on_between(self, node: syntax.Between, find: Find) -> Any:
        parts = [self.value(part, find) for part in (node.value, node.low, node.high)]
        return compare.between(*parts, self.meter, NOWHERE)

    def on_in(self, node: syntax.In, find: Find) -> Any:
        value = self.value(node.value, find)
        return self.any_of(self.test(test, value, find) for test in node.tests)

    def test(self, node: Node, value: Any, find: Find) -> Any:
        """Whether a value meets one test."""
        if isinstance(node, syntax.OpenRange):
            end = self.value(node.end, find)
            return RELATIONS[node.relation](value, end, self.meter, NOWHERE)
        if isinstance(node, syntax.RangeLiteral):
            low = RELATIONS[">=" if node.start_included else ">"]
            high = RELATIONS["<=" if node.end_included else "<"]
            above = low(value, self.value(node.start, find), self.meter, NOWHERE)
            if above is False:
                return False
            return self.all_of(
                [above, high(value, self.value(node.end, find), self.meter, NOWHERE)]
            )
        return compare.matches(value, self.value(node, find), self.meter, NOWHERE)

    def any_of(self, verdicts: Iterator[Any] | list[Any]) -> bool | None:
        """Three-valued or, with a short cut."""
        result: bool | None = False
        for verdict in verdicts:
            if verdict is True:
                return True
            if verdict is not False:
                result = None
        return result

    def all_of(self, verdicts: Iterator[Any] | list[Any]) -> bool | None:
        """Three-valued and, with a short cut."""
        result: bool | None = True
        for verdict in verdicts:
            if verdict is False:
                return False
            if verdict is not True:
                result = None
        return result

    def on_conjunction(self, node: syntax.Conjunction, find: Find) -> Any:
        return self.all_of(self.value(operand, find) for operand in node.operands)

    def on_disjunction(self, node: syntax.Disjunction, find: Find) -> Any:
        return self.any_of(self.value(operand, find) for operand in node.operands)

    def on_instance_of(self, node: syntax.InstanceOf, find: Find) -> Any:
        return conforms(self.value(node.value, find), node.type)

    def on_if(self, node: syntax.If, find: Find) -> Any:
        chosen = node.then if self.value(node.condition, find) is True else node.otherwise
        return self.value(chosen, find)

    def on_for(self, node: syntax.For, find: Find) -> Any:
        results: list[Any] = []
        for bound in self.rounds(node.bindings, find, {}):
            if bound is None:
                return None
            inner = scope(find, {"partial": results, **bound})
            results.append(self.value(node.body, inner))
        return results

    def rounds(
        self, bindings: tuple[syntax.Binding, ...], find: Find, bound: dict[str, Any]
    ) -> Iterator[dict[str, Any] | None]:
        """Each combination of the loop variables; None where a source is no list."""
        if not bindings:
            yield bound
            return
        first, *rest = bindings
        inner = scope(find, bound)
        source = self.value(first.source, inner)
        if first.end is not None:
            end = self.value(first.end, inner)
            source = access.count_between(source, end, self.meter, NOWHERE)
        items = access.list_domain(source, self.meter, NOWHERE)
        if items is None:
            yield None
            return
        self.meter.charge(len(items))
        for item in items:
            yield from self.rounds(tuple(rest), find, {**bound, first.name: item})

    def on_quantified(self, node: syntax.Quantified, find: Find) -> Any:
        verdicts = (
            None if bound is None else self.value(node.condition, scope(find, bound))
            for bound in self.rounds(node.bindings, find, {})
        )
        return (self.any_of if node.quantifier == "some" else self.all_of)(verdicts)

    def on_path(self, node: syntax.Path, find: Find) -> Any:
        return access.read_path(self.value(node.source, find), node.name, self.meter, NOWHERE)

    def on_filter(self, node: syntax.Filter, find: Find) -> Any:
        source = self.value(node.source, find)

        def keep(item: Any) -> Any:
            entries = item if isinstance(item, dict) else {}
            return self.value(node.predicate, scope(find, {"item": item, **entries}))

        predicate = node.predicate
        if isinstance(predicate, syntax.Constant) and arithmetic.is_number(predicate.value):
            return access.read_index(source, predicate.value, self.meter, NOWHERE)
        return access.filter_items(source, keep, self.meter, NOWHERE)

    def on_invocation(self, node: syntax.Invocation, find: Find) -> Any:
        function = self.value(node.function, find)
        arguments = tuple(self.value(argument, find) for argument in node.arguments)
        named = {argument.name: self.value(argument.value, find) for argument in node.named}
        if isinstance(function, Builtin):
            signatures = (
                function.choose_named(tuple(named)) if named else function.choose(len(arguments))
            )
            if not signatures:
                return None
            if named:
                return invoke_named(signatures, named, self.meter, NOWHERE)
            return invoke(signatures, arguments, self.meter, NOWHERE)
        if named:
            return access.call_named(function, named, self.meter, NOWHERE)
        return access.call(function, arguments, self.meter, NOWHERE)

    def on_function_literal(self, node: syntax.FunctionLiteral, find: Find) -> Any:
        parameters = tuple((item.name, item.type or ANY) for item in node.parameters)

        def run(arguments: tuple[Any, ...], meter: Meter) -> Any:
            bound = dict(zip((name for name, _ in parameters), arguments, strict=True))
            return self.value(node.body, scope(find, bound))

        return Function(parameters, run)


def scope(find: Find, bound: dict[str, Any]) -> Find:
    """What names mean where some more are bound."""
    return lambda name: bound[name] if name in bound else find(name)


def evaluate(tree: Node, context: dict[str, Any]) -> Any:
    """The value of a tree."""
    walker = Walker(context, Meter())
    return walker.value(tree, walker.root)
