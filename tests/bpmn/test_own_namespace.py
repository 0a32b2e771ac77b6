"""Tenuto's own namespace: keys, natural keys, inputs, and correlation keys."""

import pytest

from tenuto.graph.data import InputDeclaration, OutputDeclaration

FLOW = '<endEvent id="e"/><sequenceFlow id="f" sourceRef="s" targetRef="e"/>'


def process_with(extension, start=""):
    """Return a process with this extension, and this one on its start event."""
    return (
        f"<extensionElements>{extension}</extensionElements>"
        f'<startEvent id="s"><extensionElements>{start}</extensionElements></startEvent>{FLOW}'
    )


def test_business_key(models):
    """The business key of an instance is an expression over its first variables."""
    graph = models.graph(process_with('<tenuto:businessKey expression="=claimId"/>'))

    assert graph.business_key.expression.call({"claimId": "C-1"}) == "C-1"


def test_natural_key(models):
    """A natural key says what must be equal, what may be near, and where to report."""
    rule = '<tenuto:naturalKey key="=[policy, kind]" near="amount" tolerance="0.05" result="r"/>'

    natural = models.graph(process_with(rule)).natural_key

    assert natural.key.expression.call({"policy": "P", "kind": "fire"}) == ["P", "fire"]
    assert (natural.near, natural.tolerance, natural.result) == ("amount", "0.05", "r")


@pytest.mark.parametrize(
    "attributes", ['key="=a"', 'result="r"', 'key="=a" result="r" tolerance="some"']
)
def test_broken_natural_key_is_refused(models, attributes):
    """A natural key has a key, a result and a tolerance that is a number."""
    assert models.refusals(process_with(f"<tenuto:naturalKey {attributes}/>")) == [
        ("natural-key", "p")
    ]


def test_inputs(models):
    """The start event declares what a process expects."""
    start = '<tenuto:input name="amount" type="number" required="true"/><tenuto:input name="note"/>'

    assert models.graph(process_with("", start)).inputs == (
        InputDeclaration("amount", "number", required=True),
        InputDeclaration("note", "Any", required=False),
    )


@pytest.mark.parametrize("attributes", ['type="number"', 'name="a" type="list&lt;"'])
def test_broken_inputs_are_refused(models, attributes):
    """An input has a name and a FEEL type."""
    assert models.refusals(process_with("", f"<tenuto:input {attributes}/>")) == [("input", "s")]


ENDS = """<startEvent id="s"/><exclusiveGateway id="g"/>
<endEvent id="e"><extensionElements>{}</extensionElements></endEvent>
<endEvent id="e2"><extensionElements>{}</extensionElements></endEvent>
<sequenceFlow id="f" sourceRef="s" targetRef="g"/>
<sequenceFlow id="f1" sourceRef="g" targetRef="e"/>
<sequenceFlow id="f2" sourceRef="g" targetRef="e2"/>"""


def test_outputs(models):
    """End events declare what holds there, the process what holds at every end."""
    whole = '<extensionElements><tenuto:output name="paid" type="number"/></extensionElements>'
    ends = ENDS.format('<tenuto:output name="receipt" type="string"/>', '<tenuto:output name="x"/>')

    assert models.graph(whole + ends).outputs == (
        OutputDeclaration("paid", "number"),
        OutputDeclaration("receipt", "string", "e"),
        OutputDeclaration("x", "Any", "e2"),
    )


@pytest.mark.parametrize("attributes", ['type="number"', 'name="a" type="list&lt;"'])
def test_broken_outputs_are_refused(models, attributes):
    """An output has a name and a FEEL type."""
    assert models.refusals(ENDS.format(f"<tenuto:output {attributes}/>", "")) == [("output", "e")]


def test_an_output_has_one_type(models):
    """Two ends that give one name another type cannot both be relied on."""
    ends = ENDS.format(
        '<tenuto:output name="a" type="number"/>', '<tenuto:output name="a" type="string"/>'
    )

    (refusal,) = models.reading(models.process(ends)).report.refusals

    assert (refusal.code, refusal.element) == ("output", "e2")
    assert refusal.message.endswith("it is number at `e` and string here")


def test_a_call_activity_declares_what_it_passes_and_gets(models):
    """Its inputs and outputs are those of the call, beside the mappings."""
    call = """<startEvent id="s"/><callActivity id="c" calledElement="q"><extensionElements>
<tenuto:input name="amount" type="number" required="true"/><tenuto:output name="paid" type="date"/>
</extensionElements></callActivity><sequenceFlow id="f" sourceRef="s" targetRef="c"/>"""

    node = models.graph(call).nodes["c"]

    assert node.declared_inputs == (InputDeclaration("amount", "number", required=True),)
    assert node.declared_outputs == (OutputDeclaration("paid", "date"),)


def test_declarations_inside_a_subprocess_mean_nothing(models):
    """They are listed as ignored, start and end."""
    inner = """<startEvent id="s"/><subProcess id="sub"><startEvent id="is"><extensionElements>
<tenuto:input name="a"/></extensionElements></startEvent><endEvent id="ie"><extensionElements>
<tenuto:output name="a"/></extensionElements></endEvent>
<sequenceFlow id="if" sourceRef="is" targetRef="ie"/></subProcess>
<sequenceFlow id="f" sourceRef="s" targetRef="sub"/>"""

    ignored = models.reading(models.process(inner)).report.ignored

    assert [(one.code, one.element) for one in ignored] == [
        ("misplaced-extension", "is"),
        ("misplaced-extension", "ie"),
    ]


@pytest.mark.parametrize(
    ("on_message", "on_event"),
    [('tenuto:correlationKey="=k"', ""), ("", 'tenuto:correlationKey="=k"')],
)
def test_correlation_key(models, on_message, on_event):
    """A correlation key stands on the message, or on the event that uses it."""
    content = models.between("", name="receiveTask", attributes=f'messageRef="m" {on_event}')

    graph = models.graph(content, roots=f'<message id="m" name="paid" {on_message}/>')

    assert graph.nodes["n"].message.correlation_key.expression.call({"k": 1}) == 1
