"""Contradictions between what a file says twice: the flows of a node, and a gateway's direction.

BPMN 2.0.2 §8.4.13 and §10.6.1. The sequence flows decide what runs; the rest is worth a warning.
"""

from __future__ import annotations

from tenuto.bpmn.model import Model
from tenuto.bpmn.report import Place
from tenuto.bpmn.xml import Markup

# Direction -> (more than one incoming, more than one outgoing); None means either.
_DIRECTIONS: dict[str, tuple[bool | None, bool | None]] = {
    "Converging": (None, False),
    "Diverging": (False, None),
    "Mixed": (True, True),
}


def note_contradictions(
    model: Model, member: Markup, incoming: set[str], outgoing: set[str]
) -> None:
    """Warn where a node's own words do not fit the sequence flows."""
    place = Place(member, member.id)
    for name, flows in (("incoming", incoming), ("outgoing", outgoing)):
        for reference in member.all(f"bpmn:{name}"):
            flow = reference.text.strip().rpartition(":")[2]
            if flow not in flows and reference.text.strip() not in flows:
                model.findings.warn(
                    "flow-reference",
                    f"names {flow!r} as {name}, but no such sequence flow is joined to it",
                    place,
                )
    direction = member.get("gatewayDirection")
    expected = _DIRECTIONS.get(direction or "")
    if expected is None:
        return
    for wanted, flows, name in zip(
        expected, (incoming, outgoing), ("incoming", "outgoing"), strict=True
    ):
        if wanted is not None and wanted != (len(flows) > 1):
            model.findings.warn(
                "gateway-direction",
                f"is drawn {direction}, but has {len(flows)} {name} flows",
                place,
            )
