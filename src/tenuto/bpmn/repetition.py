"""Multi-instance activities.

BPMN 2.0.2 §10.3.8 and §13.3.7: over a collection or a count, in parallel or one after the other.
"""

from __future__ import annotations

from tenuto.bpmn.formulas import camunda_text, expression, name_reference, zeebe_text
from tenuto.bpmn.juel import is_juel
from tenuto.bpmn.model import Dialect, Model
from tenuto.bpmn.report import Place
from tenuto.bpmn.xml import Markup
from tenuto.graph.data import Formula
from tenuto.graph.policy import MultiInstance

_REFUSED = (
    "bpmn:loopDataOutputRef",
    "bpmn:outputDataItem",
    "bpmn:complexBehaviorDefinition",
)


def multi_instance(model: Model, node: Markup, place: Place) -> MultiInstance | None:
    """Return how an activity repeats; nothing when it runs once."""
    if node.first("bpmn:standardLoopCharacteristics") is not None:
        model.findings.refuse(
            "unsupported-loop", "the loop marker is not executable yet: model the loop", place
        )
    loop = node.first("bpmn:multiInstanceLoopCharacteristics")
    if loop is None:
        return None
    inside = place.within(loop)
    _refuse_behaviour(model, loop, inside)
    zeebe = loop.extension("zeebe:loopCharacteristics")
    collection, element = _collection(model, loop, zeebe, inside)
    cardinality = expression(model, loop.first("bpmn:loopCardinality"), inside)
    if collection is None and cardinality is None:
        model.findings.refuse(
            "multi-instance", "expected a collection or a loop cardinality", inside
        )
    output = zeebe.get("outputElement") if zeebe else None
    return MultiInstance(
        sequential=loop.flag("isSequential", default=False),
        collection=collection,
        cardinality=None if collection is not None else cardinality,
        element=element,
        output_collection=zeebe.get("outputCollection") if zeebe else None,
        output_element=None if output is None else zeebe_text(model, output, inside),
        completion=expression(model, loop.first("bpmn:completionCondition"), inside),
        counter_base=0 if model.dialect is Dialect.CAMUNDA else 1,
    )


def _refuse_behaviour(model: Model, loop: Markup, place: Place) -> None:
    """Refuse what would throw events while instances end (§10.3.8, behavior)."""
    behaviour = loop.get("behavior") or "All"
    events = loop.get("oneBehaviorEventRef") or loop.get("noneBehaviorEventRef")
    if behaviour != "All" or events:
        model.findings.refuse(
            "multi-instance", f"expected the behavior All, but it is {behaviour}", place
        )
    if loop.first(*_REFUSED) is not None:
        model.findings.refuse(
            "multi-instance", "output data items are not executable: use an output mapping", place
        )


def _collection(
    model: Model, loop: Markup, zeebe: Markup | None, place: Place
) -> tuple[Formula | None, str | None]:
    """Return the collection and the variable of an item, in the words of either dialect."""
    if zeebe is not None:
        text = zeebe.get("inputCollection")
        collection = None if text is None else zeebe_text(model, text, place)
        return collection, zeebe.get("inputElement")
    item = loop.first("bpmn:inputDataItem")
    element = loop.get("camunda:elementVariable") or (item.get("name") if item else None)
    text = loop.get("camunda:collection")
    reference = loop.first("bpmn:loopDataInputRef")
    if text is None and reference is not None and reference.text.strip():
        # Camunda 7 reads the reference as the name of a variable; data inputs are not executed.
        if model.dialect is not Dialect.CAMUNDA:
            model.findings.refuse(
                "multi-instance", "data inputs are not executable: name a collection", place
            )
        text = reference.text.strip()
    if text is None:
        return None, element
    if is_juel(text):
        return camunda_text(model, text, place), element
    return name_reference(model, text, place), element
