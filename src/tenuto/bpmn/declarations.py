"""Declared inputs and outputs: `tenuto:input` and `tenuto:output`, with FEEL types.

A start event declares what its process expects, an end event or the process what it gives, and a
call activity what it means to pass and to get.
"""

from __future__ import annotations

from msgspec import structs

from tenuto import feel
from tenuto.bpmn.model import Model
from tenuto.bpmn.report import Place
from tenuto.bpmn.xml import Markup
from tenuto.errors import FeelSyntaxError
from tenuto.graph.data import InputDeclaration, OutputDeclaration
from tenuto.graph.nodes import CallActivity


def process_inputs(model: Model, process: Markup) -> tuple[InputDeclaration, ...]:
    """Return the variables that the start events declare, each name once."""
    found: dict[str, InputDeclaration] = {}
    for start in process.all("bpmn:startEvent"):
        for one in _inputs(model, start, start.id):
            found.setdefault(one.name, one)
    return tuple(found.values())


def process_outputs(model: Model, process: Markup) -> tuple[OutputDeclaration, ...]:
    """Return the variables that the process and its end events declare.

    A name has one type, wherever it is declared.
    """
    _note_misplaced(model, process)
    found = _outputs(model, process, process.id, "")
    for end in process.all("bpmn:endEvent"):
        found += _outputs(model, end, end.id, end.id or "")
    first: dict[str, OutputDeclaration] = {}
    for one in found:
        known = first.setdefault(one.name, one)
        if _type(known.type) != _type(one.type):
            message = (
                f"expected output `{one.name}` to have one type, but it is {known.type} at "
                f"`{known.element or process.id}` and {one.type} here"
            )
            model.findings.refuse("output", message, Place(process, one.element or process.id))
    return tuple(found)


def with_declarations(model: Model, markup: Markup, node: CallActivity) -> CallActivity:
    """Return a call activity with what it declares."""
    return structs.replace(
        node,
        declared_inputs=tuple(_inputs(model, markup, node.id)),
        declared_outputs=tuple(_outputs(model, markup, node.id, "")),
    )


def _note_misplaced(model: Model, process: Markup) -> None:
    """Name declarations inside subprocesses: nobody passes anything there, and nobody asks."""
    for scope in process.all("bpmn:subProcess"):
        for event in scope.all("bpmn:startEvent", "bpmn:endEvent"):
            for item in event.extensions:
                if item.name in ("tenuto:input", "tenuto:output"):
                    message = f"{item.name} means nothing inside a subprocess"
                    model.findings.ignore("misplaced-extension", message, Place(item, event.id))
        _note_misplaced(model, scope)


def _inputs(model: Model, owner: Markup, id: str | None) -> list[InputDeclaration]:
    return [
        InputDeclaration(name=name, type=kind, required=item.flag("required", default=False))
        for name, kind, item in _declared(model, owner, id, "input")
    ]


def _outputs(model: Model, owner: Markup, id: str | None, end: str) -> list[OutputDeclaration]:
    return [
        OutputDeclaration(name=name, type=kind, element=end)
        for name, kind, _ in _declared(model, owner, id, "output")
    ]


def _declared(
    model: Model, owner: Markup, id: str | None, side: str
) -> list[tuple[str, str, Markup]]:
    found = []
    for item in owner.extensions:
        if item.name != f"tenuto:{side}":
            continue
        place = Place(item, id)
        name = item.get("name")
        if name is None:
            model.findings.refuse(side, f"expected the name of an {side}", place)
            continue
        kind = item.get("type") or "Any"
        try:
            feel.parse_type(kind)
        except FeelSyntaxError as error:
            model.findings.refuse(side, str(error), place)
            kind = "Any"
        found.append((name, kind, item))
    return found


def _type(text: str) -> feel.Type:
    return feel.parse_type(text)
