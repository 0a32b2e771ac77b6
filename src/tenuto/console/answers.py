"""What a person may have to answer: the variables that a process reads right after a task."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tenuto.graph.nodes import ExclusiveGateway

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenuto.graph.process import ProcessGraph

_CONSTANT = re.compile(r"""(?<![\w.])([A-Za-z_]\w*)\s*=\s*("[^"\\]*"|true|false)(?![\w.])""")
GATEWAYS_MAX = 8


class Question(Struct):
    """A variable that the process reads next; `choices` are the values that it is compared with,
    as JSON texts.
    """

    name: str
    choices: list[str]


def questions(graph: ProcessGraph | None, element: str, known: Mapping[str, Any]) -> list[Question]:
    """Return what the gateways after a task ask, in the order of the model.

    A variable that has a value already is not asked for.
    """
    if graph is None or element not in graph.nodes:
        return []
    found: dict[str, Question] = {}
    ways, seen = [element], {element}
    while ways and len(seen) <= GATEWAYS_MAX:
        node = ways.pop(0)
        for flow in graph.flows.values():
            if flow.source != node:
                continue
            if flow.condition is not None and flow.condition.expression is not None:
                _take(found, flow.condition.expression, known)
            target = graph.nodes.get(flow.target)
            if isinstance(target, ExclusiveGateway) and target.id not in seen:
                seen.add(target.id)
                ways.append(target.id)
    return list(found.values())


def _take(found: dict[str, Question], expression: Any, known: Mapping[str, Any]) -> None:
    for name in sorted(expression.names):
        if known.get(name) is None:
            found.setdefault(name, Question(name, []))
    for name, value in _CONSTANT.findall(expression.text):
        if name in found and value not in found[name].choices:
            found[name].choices.append(value)
    for question in found.values():
        if question.choices in (["true"], ["false"]):
            question.choices = ["true", "false"]
