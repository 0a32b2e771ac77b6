"""The vocabulary: attributes and extensions are executed, listed as ignored, or refused."""

import pytest

from tenuto.bpmn import vocabulary

NAMES = [
    *((name, "ignored-extension") for name in vocabulary.IGNORED),
    *((name, "unsupported-extension") for name in vocabulary.REFUSED),
    *((name, "listener") for name in vocabulary.LISTENERS),
]


def holding(models, name, form):
    """Return a user task that holds this name as an attribute or as an element."""
    if form == "attribute":
        return models.between("", name="userTask", attributes=f'{name}="x"')
    return models.between("", f"<{name}/>", name="userTask")


def all_findings(models, content):
    """Return (code, element) of everything found in a process with both dialects."""
    report = models.reading(models.process(content, "zeebe", "camunda")).report
    found = (*report.refusals, *report.ignored)
    return [(finding.code, finding.element) for finding in found]


@pytest.mark.parametrize("form", ["attribute", "element"])
@pytest.mark.parametrize(("name", "code"), NAMES)
def test_every_name_is_reported(models, name, code, form):
    """What is not executed is reported under its code with the element's id."""
    assert (code, "n") in all_findings(models, holding(models, name, form))


@pytest.mark.parametrize("name", sorted(vocabulary.EXECUTED))
def test_no_name_is_in_two_tables(name):
    """A name is executed, ignored, refused or a listener, never two of them."""
    tables = (vocabulary.IGNORED, vocabulary.REFUSED, vocabulary.LISTENERS)

    assert not any(name in table for table in tables)


def test_executed_name_in_the_wrong_place_is_ignored_aloud(models):
    """A name that means something elsewhere is listed as ignored."""
    content = models.between("", '<zeebe:taskDefinition type="t"/>', name="userTask")

    assert all_findings(models, content) == [("misplaced-extension", "n")]


@pytest.mark.parametrize("form", ["attribute", "element"])
def test_stranger_in_a_vendor_namespace_is_ignored_aloud(models, form):
    """A vendor's name that nobody knows is listed as ignored."""
    content = holding(models, "camunda:brandNew", form)

    assert all_findings(models, content) == [("unknown-extension", "n")]


def test_flows_are_reviewed_too(models):
    """A listener on a sequence flow is refused by the flow's id."""
    content = (
        '<startEvent id="s"/><endEvent id="e"/><sequenceFlow id="f" sourceRef="s" targetRef="e">'
        '<extensionElements><camunda:executionListener class="L"/></extensionElements>'
        "</sequenceFlow>"
    )

    assert models.refusals(content, "camunda") == [("listener", "f")]


def test_unknown_parts_of_a_node_are_refused(models):
    """A child of a node that is none of the standard's executable ones is refused."""
    assert models.node_refusals("task", inner="<brandNew/>") == ["unsupported-element"]


@pytest.mark.parametrize("form", ["attribute", "element"])
def test_stranger_in_our_namespace_is_refused(models, form):
    """A slip of the pen in our own namespace is refused."""
    refusals = models.refusals(holding(models, "tenuto:retri", form))

    assert refusals == [("unknown-extension", "n")]


def test_listeners_are_left_out_of_a_lenient_reading(models):
    """A lenient reading lists listeners as ignored instead of refusing them."""
    content = models.between(
        "", '<camunda:executionListener event="start" class="L"/>', name="userTask"
    )

    strict = models.reading(models.process(content, "camunda")).report
    lenient = models.reading(models.process(content, "camunda"), lenient=True).report

    assert [finding.code for finding in strict.refusals] == ["listener"]
    assert lenient.refusals == ()
    assert [finding.code for finding in lenient.ignored] == ["listener"]


def test_extensions_of_other_tools_are_listed_once(models):
    """What other tools wrote is kept in the file and listed once for each namespace."""
    content = models.between("", '<x:a xmlns:x="urn:x"/><x:b xmlns:x="urn:x"/>', name="task")

    assert models.ignored(content) == ["foreign-extension"]


@pytest.mark.parametrize(
    "decoration",
    [
        '<laneSet><lane id="l"><flowNodeRef>n</flowNodeRef></lane></laneSet>',
        '<association id="x" sourceRef="n" targetRef="s"/>',
        '<group id="x"/>',
        '<textAnnotation id="x"/>',
        '<dataObject id="x"/>',
        '<dataObjectReference id="x"/>',
        '<dataStoreReference id="x"/>',
        '<property id="x"/>',
    ],
)
def test_decorations_are_listed_as_ignored(models, decoration):
    """What is drawn and changes nothing is accepted and listed."""
    assert models.ignored(models.between("", name="task") + decoration) == ["decoration"]


def test_pools_and_message_flows_are_listed_as_ignored(models):
    """A collaboration changes nothing about its processes."""
    roots = '<collaboration id="c"><participant id="x" processRef="p"/></collaboration>'

    assert models.ignored(models.between("", name="task"), roots=roots) == ["decoration"]


def test_drawn_data_associations_are_ignored(models):
    """A data association without computation only draws an arrow."""
    inner = "<dataInputAssociation><sourceRef>d</sourceRef></dataInputAssociation>"

    assert models.ignored(models.between("", name="task", inner=inner)) == ["decoration"]


@pytest.mark.parametrize("computation", ["assignment", "transformation"])
def test_computing_data_associations_are_refused(models, computation):
    """A data association that computes would change variables: it is refused."""
    inner = f"<dataInputAssociation><{computation}/></dataInputAssociation>"

    assert models.node_refusals("task", inner=inner) == ["data-association"]


def test_dialect_follows_the_modeler(models):
    """The modeler's platform says whose defaults hold where both namespaces are declared."""
    content = models.between("", name="callActivity", attributes='calledElement="c"')
    platform = (
        'xmlns:modeler="http://camunda.org/schema/modeler/1.0" '
        'modeler:executionPlatform="Camunda Platform"'
    )
    source = models.process(content, "zeebe", "camunda")

    cloud = models.reading(source).graphs[0].nodes["n"]
    seven = (
        models.reading(source.replace(b"<definitions ", f"<definitions {platform} ".encode(), 1))
        .graphs[0]
        .nodes["n"]
    )

    assert (cloud.propagate_all_in, seven.propagate_all_in) == (True, False)
