"""What a person may have to answer: the variables that a process reads right after a task."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tenuto.graph.nodes import EndEvent, ExclusiveGateway, InclusiveGateway

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tenuto.graph.process import ProcessGraph

_CONSTANT = re.compile(r"""(?<![\w.])([A-Za-z_]\w*)\s*=\s*("[^"\\]*"|true|false)(?![\w.])""")
GATEWAYS_MAX: Final = 8


class Question(Struct):
    """A variable that the process reads next; `choices` are the values that it is compared with,
    as JSON texts. `now` is the value that it has already, shown as text.
    """

    name: str
    choices: list[str]
    now: Any = None


def questions(graph: ProcessGraph | None, element: str, known: Mapping[str, Any]) -> list[Question]:
    """Return what the gateways after a task ask, in the order of the model.

    The first gateway may read what an earlier answer has set, so all that it reads is asked. Of
    later ones, a variable that has a value is not asked for.
    """
    found: dict[str, Question] = {}
    if graph is None or element not in graph.nodes:
        return []
    for distance, gateway in enumerate(_gateways(graph, element)):
        for flow in graph.nodes[gateway].outgoing:
            if flow.condition is not None and flow.condition.expression is not None:
                _take(found, flow.condition.expression, known, is_first=distance == 0)
    for question in found.values():
        if question.choices in (["true"], ["false"]):
            question.choices = ["true", "false"]
    return list(found.values())


def _gateways(graph: ProcessGraph, element: str) -> Iterator[str]:
    """Yield the gateways that are reached from an element without passing any other element but
    the end of its subprocess.
    """
    ways, seen = [element], {element}
    while ways and len(seen) <= GATEWAYS_MAX:
        node = graph.nodes[ways.pop(0)]
        for flow in node.outgoing:
            target = graph.nodes.get(flow.target)
            if isinstance(target, EndEvent):
                target = graph.nodes.get(target.scope)
                if target is not None and target.id not in seen:
                    seen.add(target.id)
                    ways.append(target.id)
            elif isinstance(target, ExclusiveGateway | InclusiveGateway) and target.id not in seen:
                seen.add(target.id)
                ways.append(target.id)
                if len(target.outgoing) > 1:
                    yield target.id


def _take(
    found: dict[str, Question], expression: Any, known: Mapping[str, Any], *, is_first: bool
) -> None:
    for name in sorted(expression.names):
        if is_first or known.get(name) is None:
            found.setdefault(name, Question(name, [], known.get(name)))
    for name, value in _CONSTANT.findall(expression.text):
        if name in found and value not in found[name].choices:
            found[name].choices.append(value)
