"""Multi-instance activities (BPMN 2.0.2 §10.3.8)."""

import pytest


def repeated(models, vendor, attributes="", inner="", extension=""):
    """Return how a task repeats that has these loop characteristics."""
    extensions = f"<extensionElements>{extension}</extensionElements>" if extension else ""
    loop = (
        f"<multiInstanceLoopCharacteristics {attributes}>{extensions}{inner}"
        "</multiInstanceLoopCharacteristics>"
    )
    return models.node("userTask", vendor, inner=loop).multi_instance


def refusals(models, vendor, attributes="", inner=""):
    """Return the codes of what is refused about such a task."""
    loop = (
        f"<multiInstanceLoopCharacteristics {attributes}>{inner}</multiInstanceLoopCharacteristics>"
    )
    return models.node_refusals("userTask", vendor, inner=loop)


def test_zeebe_collection(models):
    """A zeebe loop runs over a collection, in parallel, and collects in order."""
    loop = repeated(
        models,
        "zeebe",
        extension='<zeebe:loopCharacteristics inputCollection="=items" inputElement="item" '
        'outputCollection="results" outputElement="=r"/>',
        inner="<completionCondition>=numberOfCompletedInstances &gt; 1</completionCondition>",
    )

    assert loop.sequential is False
    assert loop.collection.expression.call({"items": [1]}) == [1]
    assert (loop.element, loop.output_collection) == ("item", "results")
    assert loop.output_element.expression.call({"r": 2}) == 2
    assert loop.completion.expression.call({"numberOfCompletedInstances": 2}) is True
    assert loop.counter_base == 1


@pytest.mark.parametrize("collection", ["items", "${items}"])
def test_camunda_collection(models, collection):
    """A camunda loop names a variable or an expression, and counts from zero."""
    loop = repeated(
        models,
        "camunda",
        f'isSequential="true" camunda:collection="{collection}" camunda:elementVariable="item"',
    )

    assert loop.sequential is True
    assert loop.collection.expression.call({"items": [1]}) == [1]
    assert (loop.element, loop.counter_base) == ("item", 0)


def test_camunda_reads_data_inputs_as_variables(models):
    """In the camunda dialect loopDataInputRef and inputDataItem name variables."""
    inner = '<loopDataInputRef>items</loopDataInputRef><inputDataItem name="item"/>'

    loop = repeated(models, "camunda", inner=inner)

    assert loop.collection.expression.call({"items": [1]}) == [1]
    assert loop.element == "item"


@pytest.mark.parametrize("text", ["3", "=n", "${n}", "n"])
def test_cardinality(models, text):
    """A loop cardinality is a number or an expression."""
    loop = repeated(models, "camunda", inner=f"<loopCardinality>{text}</loopCardinality>")

    assert loop.cardinality.expression.call({"n": 3}) == 3


def test_camunda_counters_are_renamed(models):
    """Camunda 7's counters are those of Tenuto under other names."""
    inner = (
        "<loopCardinality>3</loopCardinality><completionCondition>"
        "${nrOfCompletedInstances / nrOfInstances >= 0.5}</completionCondition>"
    )

    completion = repeated(models, "camunda", inner=inner).completion

    counters = {"numberOfCompletedInstances": 2, "numberOfInstances": 3}
    assert completion.expression.call(counters) is True


@pytest.mark.parametrize(
    ("attributes", "inner"),
    [
        ("", ""),
        ('behavior="One"', "<loopCardinality>1</loopCardinality>"),
        ('behavior="Complex"', "<loopCardinality>1</loopCardinality>"),
        ("", "<loopCardinality>1</loopCardinality><loopDataOutputRef>o</loopDataOutputRef>"),
        ("", "<loopDataInputRef>i</loopDataInputRef>"),
    ],
)
def test_what_is_not_executable_is_refused(models, attributes, inner):
    """No collection, other behaviors than All, and data items are refused by the task's id."""
    assert refusals(models, "zeebe", attributes, inner) == ["multi-instance"]


def test_event_subprocess_does_not_repeat(models):
    """Event subprocesses have no loop characteristics."""
    found = models.refusals(
        '<startEvent id="s"/><endEvent id="e"/><sequenceFlow id="f" sourceRef="s" targetRef="e"/>'
        '<subProcess id="h" triggeredByEvent="true"><multiInstanceLoopCharacteristics>'
        "<loopCardinality>2</loopCardinality></multiInstanceLoopCharacteristics>"
        '<startEvent id="t"><errorEventDefinition/></startEvent></subProcess>'
    )

    assert found == [("event-subprocess-repeated", "h")]
