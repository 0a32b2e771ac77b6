"""XML to notation: boxed expressions and decision tables (DMN 1.5 §7.3.5, §8.2, §10.2)."""

from __future__ import annotations

from collections.abc import Callable

from tenuto.dmn import notation
from tenuto.dmn.language import feel_text, feel_text_in
from tenuto.dmn.xml import (
    Element,
    attribute,
    child,
    children,
    is_standard,
    line_of,
    local_name,
    text_in,
)
from tenuto.errors import ModelError


def read_child(element: Element, owner: str) -> notation.Boxed | None:
    """Return the first boxed expression right below an element; `owner` is for messages."""
    for part in element:
        if is_standard(part) and local_name(part) in _READERS:
            return read_boxed(part, owner)
    return None


def read_boxed(element: Element, owner: str) -> notation.Boxed:
    """Return the boxed expression that an element is."""
    return _READERS[local_name(element)](element, owner)


def read_parameter(element: Element) -> notation.Parameter:
    """Return a formal parameter, a column or a variable."""
    name = " ".join((attribute(element, "name") or "").split())
    return notation.Parameter(name, _type_ref(element))


def read_function(element: Element, owner: str) -> notation.Function:
    """Return a boxed function."""
    return notation.Function(
        id=attribute(element, "id"),
        line=line_of(element),
        type_ref=_type_ref(element),
        kind=attribute(element, "kind") or "FEEL",
        parameters=tuple(read_parameter(part) for part in children(element, "formalParameter")),
        body=read_child(element, owner),
    )


def _type_ref(element: Element) -> str | None:
    return attribute(element, "typeRef") or text_in(element, "typeRef").strip() or None


def _read_part(element: Element, name: str, owner: str) -> notation.Boxed | None:
    part = child(element, name)
    return None if part is None else read_child(part, owner)


def _read_literal(element: Element, owner: str) -> notation.Literal:
    return notation.Literal(
        id=attribute(element, "id"),
        line=line_of(element),
        type_ref=_type_ref(element),
        text=feel_text(element, owner),
    )


def _read_context(element: Element, owner: str) -> notation.Context:
    entries = []
    for part in children(element, "contextEntry"):
        variable = child(part, "variable")
        value = read_child(part, owner)
        if variable is None:
            entries.append(notation.Entry(None, None, value))
        else:
            named = read_parameter(variable)
            entries.append(notation.Entry(named.name, named.type_ref, value))
    return notation.Context(
        id=attribute(element, "id"),
        line=line_of(element),
        type_ref=_type_ref(element),
        entries=tuple(entries),
    )


def _read_invocation(element: Element, owner: str) -> notation.Invocation:
    bindings = []
    for part in children(element, "binding"):
        parameter = child(part, "parameter")
        name = "" if parameter is None else read_parameter(parameter).name
        bindings.append(notation.Binding(name, read_child(part, owner)))
    return notation.Invocation(
        id=attribute(element, "id"),
        line=line_of(element),
        type_ref=_type_ref(element),
        function=read_child(element, owner),
        bindings=tuple(bindings),
    )


def _read_sequence(element: Element, owner: str) -> notation.Sequence:
    return notation.Sequence(
        id=attribute(element, "id"),
        line=line_of(element),
        type_ref=_type_ref(element),
        items=_read_all(element, owner),
    )


def _read_all(element: Element, owner: str) -> tuple[notation.Boxed | None, ...]:
    return tuple(
        read_boxed(part, owner)
        for part in element
        if is_standard(part) and local_name(part) in _READERS
    )


def _read_relation(element: Element, owner: str) -> notation.Relation:
    return notation.Relation(
        id=attribute(element, "id"),
        line=line_of(element),
        type_ref=_type_ref(element),
        columns=tuple(read_parameter(part) for part in children(element, "column")),
        rows=tuple(_read_all(row, owner) for row in children(element, "row")),
    )


def _read_conditional(element: Element, owner: str) -> notation.Conditional:
    return notation.Conditional(
        id=attribute(element, "id"),
        line=line_of(element),
        type_ref=_type_ref(element),
        condition=_read_part(element, "if", owner),
        then=_read_part(element, "then", owner),
        otherwise=_read_part(element, "else", owner),
    )


def _read_filter(element: Element, owner: str) -> notation.Filter:
    return notation.Filter(
        id=attribute(element, "id"),
        line=line_of(element),
        type_ref=_type_ref(element),
        source=_read_part(element, "in", owner),
        match=_read_part(element, "match", owner),
    )


def _read_loop(element: Element, owner: str) -> notation.Loop:
    kind = local_name(element)
    return notation.Loop(
        id=attribute(element, "id"),
        line=line_of(element),
        type_ref=_type_ref(element),
        kind=kind,
        variable=" ".join((attribute(element, "iteratorVariable") or "").split()),
        source=_read_part(element, "in", owner),
        body=_read_part(element, "return" if kind == "for" else "satisfies", owner),
    )


def _read_table(element: Element, owner: str) -> notation.Table:
    policy = attribute(element, "hitPolicy") or "UNIQUE"
    aggregation = attribute(element, "aggregation")
    if policy not in notation.HIT_POLICIES:
        _refuse(element, owner, f"a hit policy of DMN, but it is {policy}", "hit-policy")
    if aggregation not in (None, *notation.AGGREGATIONS):
        _refuse(element, owner, f"SUM, MIN, MAX or COUNT, but it is {aggregation}", "aggregation")
    notes = [
        attribute(part, "name") or f"annotation {index + 1}"
        for index, part in enumerate(children(element, "annotation"))
    ]
    return notation.Table(
        id=attribute(element, "id") or owner,
        line=line_of(element),
        type_ref=_type_ref(element),
        hit_policy=notation.HIT_POLICIES[policy],
        aggregation=aggregation,
        inputs=tuple(_read_input_clause(part, owner) for part in children(element, "input")),
        outputs=tuple(_read_output_clause(part, owner) for part in children(element, "output")),
        rules=tuple(
            _read_rule(part, index, notes, owner)
            for index, part in enumerate(children(element, "rule"))
        ),
    )


def _refuse(element: Element, owner: str, expectation: str, code: str) -> None:
    raise ModelError(
        f"expected {expectation}",
        code=code,
        element=attribute(element, "id") or owner,
        line=line_of(element),
    )


def _read_input_clause(element: Element, owner: str) -> notation.InputClause:
    expression = child(element, "inputExpression")
    text = feel_text(expression, owner)
    if not text.strip():
        # Camunda's older tables name the variable in an attribute alone.
        text = attribute(element, "{http://camunda.org/schema/1.0/dmn}inputVariable") or ""
    return notation.InputClause(
        id=attribute(element, "id"),
        line=line_of(element),
        label=attribute(element, "label") or text.strip(),
        expression=text,
        type_ref=None if expression is None else _type_ref(expression),
        values=feel_text_in(element, "inputValues", owner).strip(),
    )


def _read_output_clause(element: Element, owner: str) -> notation.OutputClause:
    return notation.OutputClause(
        id=attribute(element, "id"),
        line=line_of(element),
        name=attribute(element, "name"),
        label=attribute(element, "label"),
        type_ref=_type_ref(element),
        values=feel_text_in(element, "outputValues", owner).strip(),
        default=feel_text_in(element, "defaultOutputEntry", owner).strip(),
    )


def _read_rule(element: Element, index: int, names: list[str], owner: str) -> notation.Rule:
    tests: list[str] = []
    results: list[str] = []
    annotations: dict[str, str] = {}
    place = 0
    for part in element:
        kind = local_name(part)
        if kind == "inputEntry":
            tests.append(feel_text(part, owner))
        elif kind == "outputEntry":
            results.append(feel_text(part, owner))
        elif kind == "annotationEntry":
            place += 1
            name = names[place - 1] if place <= len(names) else f"annotation {place}"
            annotations[name] = text_in(part)
        elif kind == "description" and part.text:
            annotations["description"] = part.text
    id = attribute(element, "id") or f"rule {index + 1}"
    return notation.Rule(id, line_of(element), tuple(tests), tuple(results), annotations)


_READERS: dict[str, Callable[[Element, str], notation.Boxed]] = {
    "literalExpression": _read_literal,
    "decisionTable": _read_table,
    "context": _read_context,
    "invocation": _read_invocation,
    "functionDefinition": read_function,
    "list": _read_sequence,
    "relation": _read_relation,
    "conditional": _read_conditional,
    "filter": _read_filter,
    "for": _read_loop,
    "some": _read_loop,
    "every": _read_loop,
}
