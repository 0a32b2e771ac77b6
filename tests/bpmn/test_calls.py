"""Call activities (BPMN 2.0.2 §10.3.6): which process, which variables in and out."""

import pytest


def zeebe_call(models, attributes, extension=""):
    """Return the call activity of a zeebe model."""
    called = f"<zeebe:calledElement {attributes}/>{extension}"
    return models.node("callActivity", "zeebe", extension=called)


def camunda_call(models, extension, attributes=""):
    """Return the call activity of a camunda model."""
    attributes = f'calledElement="child" {attributes}'
    return models.node("callActivity", "camunda", attributes=attributes, extension=extension)


def test_zeebe_call_passes_everything_by_default(models):
    """Without flags all variables go in and come back."""
    node = zeebe_call(models, 'processId="child"')

    assert node.process.constant == "child"
    assert (node.propagate_all_in, node.propagate_all_out) == (True, True)


def test_zeebe_call_may_name_its_process_by_feel(models):
    """The called process may be chosen by an expression."""
    node = zeebe_call(models, 'processId="=kind"')

    assert node.process.expression.call({"kind": "child"}) == "child"


def test_zeebe_call_with_outputs_returns_only_them(models):
    """Where outputs are mapped, only they leave the call activity."""
    mapping = '<zeebe:ioMapping><zeebe:output source="=total" target="sum"/></zeebe:ioMapping>'

    node = zeebe_call(models, 'processId="child"', mapping)

    assert node.propagate_all_out is False
    assert [one.target for one in node.outputs] == [("sum",)]


def test_zeebe_call_keeps_its_flags_and_binding(models):
    """Propagation flags, binding, version tag and business id are kept."""
    node = zeebe_call(
        models,
        'processId="child" propagateAllParentVariables="false" propagateAllChildVariables="false" '
        'bindingType="versionTag" versionTag="v2" businessId="=id"',
    )

    assert (node.propagate_all_in, node.propagate_all_out) == (False, False)
    assert (node.binding, node.version_tag) == ("versionTag", "v2")
    assert node.business_key.expression.call({"id": "k"}) == "k"


def test_camunda_call_passes_only_what_is_named(models):
    """In the camunda dialect variables pass one by one, in both directions."""
    node = camunda_call(
        models,
        '<camunda:in source="a" target="x"/>'
        '<camunda:in sourceExpression="${a + 1}" target="y"/>'
        '<camunda:out source="z" target="b"/>',
    )

    assert (node.propagate_all_in, node.propagate_all_out) == (False, False)
    assert [(m.source.expression.call({"a": 1}), m.target) for m in node.inputs] == [
        (1, ("x",)),
        (2, ("y",)),
    ]
    assert [m.target for m in node.outputs] == [("b",)]


def test_camunda_call_may_pass_everything(models):
    """variables="all" passes all variables of its direction."""
    node = camunda_call(models, '<camunda:in variables="all"/>')

    assert (node.propagate_all_in, node.propagate_all_out) == (True, False)


@pytest.mark.parametrize(
    ("text", "expected"), [("#{execution.processBusinessKey}", None), ("${key}", "k")]
)
def test_camunda_call_passes_a_business_key(models, text, expected):
    """The caller's business key is inherited; another one is an expression."""
    node = camunda_call(models, f'<camunda:in businessKey="{text}"/>')

    given = node.business_key and node.business_key.expression.call({"key": "k"})
    assert given == expected


def test_plain_call_passes_everything(models):
    """A file without vendor attributes calls with all variables, in and out."""
    node = models.node("callActivity", attributes='calledElement="child"')

    assert (node.process.constant, node.propagate_all_in) == ("child", True)


@pytest.mark.parametrize(
    ("attributes", "extension", "code"),
    [
        ("", "", "called-element"),
        ('calledElement="c"', '<camunda:in variables="all" local="true"/>', "call-local"),
        ('calledElement="c"', '<camunda:out source="a"/>', "mapping-target"),
        ('calledElement="c" camunda:calledElementBinding="version"', "", "binding"),
        ('calledElement="c" camunda:calledElementVersion="3"', "", "unsupported-extension"),
        ('calledElement="c" camunda:variableMappingClass="M"', "", "unsupported-extension"),
        ('camunda:caseRef="case" calledElement="c"', "", "unsupported-extension"),
    ],
)
def test_call_that_cannot_be_made_is_refused(models, attributes, extension, code):
    """A call of nothing, of a case, of a foreign version, or by Java is refused."""
    refusals = models.node_refusals(
        "callActivity", "camunda", attributes=attributes, extension=extension
    )

    assert refusals == [code]


def test_call_of_a_global_task_is_refused(models):
    """A call activity that calls a global task is not executable yet."""
    refusals = models.node_refusals(
        "callActivity", attributes='calledElement="g"', roots='<globalUserTask id="g"/>'
    )

    assert refusals == ["unsupported-element"]


def test_zeebe_call_names_a_process(models):
    """A called element without process is refused."""
    refusals = models.node_refusals("callActivity", "zeebe", extension="<zeebe:calledElement/>")

    assert refusals == ["called-element"]
