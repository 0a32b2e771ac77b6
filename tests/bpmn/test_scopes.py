"""Scopes, flows and gateways (BPMN 2.0.2 §8.4.13, §10.4, §10.6): the shape of the graph."""

import pytest

from tenuto.graph import nodes

TIMER = "<timerEventDefinition><timeDuration>PT1H</timeDuration></timerEventDefinition>"


def flow(id_, source, target, condition=""):
    """Return a sequence flow."""
    inner = f"<conditionExpression>{condition}</conditionExpression>" if condition else ""
    return (
        f'<sequenceFlow id="{id_}" sourceRef="{source}" targetRef="{target}">{inner}</sequenceFlow>'
    )


def split(gateway, attributes=""):
    """Return a process in which a gateway chooses between two tasks."""
    return (
        f'<startEvent id="s"/><{gateway} id="g" {attributes}/><task id="a"/><task id="b"/>'
        + flow("f1", "s", "g")
        + flow("f2", "g", "a", "=x &gt; 1")
        + flow("f3", "g", "b")
        + '<endEvent id="e"/>'
        + flow("f4", "a", "e")
        + flow("f5", "b", "e")
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("exclusiveGateway", nodes.ExclusiveGateway),
        ("inclusiveGateway", nodes.InclusiveGateway),
        ("parallelGateway", nodes.ParallelGateway),
    ],
)
def test_gateways_keep_flows_in_model_order(models, name, kind):
    """A gateway's outgoing flows keep the order of the file, with their conditions."""
    node = models.graph(split(name)).nodes["g"]

    assert isinstance(node, kind)
    assert [one.id for one in node.outgoing] == ["f2", "f3"]
    assert node.outgoing[0].condition.expression.call({"x": 2}) is True
    assert node.outgoing[1].condition is None
    assert node.incoming == ("f1",)


def test_default_flow_is_kept(models):
    """The default flow is named by the gateway."""
    assert models.graph(split("exclusiveGateway", 'default="f3"')).nodes["g"].default_flow == "f3"


@pytest.mark.parametrize("default", ["f4", "nobody"])
def test_default_flow_must_leave_its_node(models, default):
    """A default flow that does not leave the node is refused."""
    assert models.refusals(split("exclusiveGateway", f'default="{default}"')) == [
        ("default-flow", "g")
    ]


def test_default_flow_has_no_condition(models):
    """A default flow with a condition is refused."""
    assert models.refusals(split("exclusiveGateway", 'default="f2"')) == [
        ("default-with-condition", "f2")
    ]


def test_activities_have_conditional_and_default_flows(models):
    """Conditions and a default flow may leave an activity without gateway."""
    node = models.graph(split("task", 'default="f3"')).nodes["g"]

    assert (node.default_flow, node.outgoing[0].condition is None) == ("f3", False)


@pytest.mark.parametrize("text", ["x &gt; 1", "= x &gt; 1", "${x &gt; 1}"])
def test_conditions_are_feel_or_juel(models, text):
    """A condition is FEEL with or without its sign, or JUEL."""
    content = '<startEvent id="s"/><exclusiveGateway id="g"/><endEvent id="e"/><endEvent id="d"/>'
    content += flow("f1", "s", "g") + flow("f2", "g", "e", text) + flow("f3", "g", "d", "=true")

    condition = models.graph(content).flows["f2"].condition

    assert condition.expression.call({"x": 2}) is True


@pytest.mark.parametrize("language", ["http://www.w3.org/1999/XPath", "javascript"])
def test_conditions_in_another_language_are_refused(models, language):
    """An expression that declares another language is refused by the flow's id."""
    content = '<startEvent id="s"/><task id="e"/><sequenceFlow id="f" sourceRef="s" targetRef="e">'
    content += f'<conditionExpression language="{language}">1</conditionExpression></sequenceFlow>'

    assert models.refusals(content) == [("expression-language", "f")]


def test_condition_that_calls_a_bean_is_refused(models):
    """A condition that calls a method cannot be mapped to a handler."""
    content = '<startEvent id="s"/><task id="e"/>' + flow("f", "s", "e", "${bean.ok()}")

    assert models.refusals(content) == [("juel", "f")]


def test_condition_in_a_file_of_its_own_is_refused(models):
    """A condition that lies in another file is not taken for an empty one."""
    content = '<startEvent id="s"/><task id="e"/><sequenceFlow id="f" sourceRef="s" targetRef="e">'
    content += '<conditionExpression camunda:resource="a.groovy"/></sequenceFlow>'

    assert ("script-resource", "f") in models.refusals(content, "camunda")


def test_feel_may_hold_the_signs_of_juel(models):
    """A FEEL condition with `${` in a text is still FEEL."""
    content = '<startEvent id="s"/><task id="e"/>' + flow("f", "s", "e", '=x = "${a}"')

    assert models.graph(content).flows["f"].condition.expression.call({"x": "${a}"}) is True


def test_empty_condition_counts_as_none(models):
    """An empty condition is no condition, with a warning."""
    content = '<startEvent id="s"/><endEvent id="e"/><sequenceFlow id="f" sourceRef="s"'
    content += ' targetRef="e"><conditionExpression/></sequenceFlow>'

    reading = models.reading(models.process(content))

    assert reading.graphs[0].flows["f"].condition is None
    assert [finding.code for finding in reading.report.warnings] == ["condition-empty"]


def test_flows_without_id_get_one(models):
    """A sequence flow without id is named by what it joins."""
    content = '<startEvent id="s"/><task id="t"/><sequenceFlow sourceRef="s" targetRef="t"/>'
    content += '<sequenceFlow sourceRef="s" targetRef="t"/>'

    assert list(models.graph(content).flows) == ["s->t", "s->t#2"]


def test_subprocess_begins_at_its_start_event(models):
    """A subprocess holds its nodes in a scope of its own and starts at its start event."""
    inner = '<startEvent id="is"/><task id="it"/>' + flow("if", "is", "it")

    graph = models.graph(models.between("", name="subProcess", inner=inner))

    assert graph.nodes["n"].starts == ("is",)
    assert graph.nodes["it"].scope == "n"
    assert graph.nodes["n"].scope == "p"


def test_scope_without_start_event_begins_where_nothing_leads(models):
    """Without start event every node without incoming flow starts."""
    graph = models.graph('<task id="a"/><task id="b"/><task id="c"/>' + flow("f", "a", "c"))

    assert (graph.starts, graph.implicit_starts) == ((), ("a", "b"))


def test_event_subprocess_lists_its_scope(models):
    """Event subprocesses of inner scopes are listed under those scopes."""
    inner = (
        '<startEvent id="is"/><subProcess id="h" triggeredByEvent="true">'
        '<startEvent id="hs"><errorEventDefinition/></startEvent></subProcess>'
    )

    graph = models.graph(models.between("", name="subProcess", inner=inner))

    assert graph.event_subprocesses == {"n": ("h",)}


@pytest.mark.parametrize(
    "inner",
    ["", '<startEvent id="a"/><startEvent id="b"/>', '<task id="t"/>'],
)
def test_event_subprocess_needs_one_triggered_start(models, inner):
    """An event subprocess has exactly one start event, and that has a trigger."""
    content = '<startEvent id="s"/><endEvent id="e"/>' + flow("f", "s", "e")
    found = models.refusals(
        f'{content}<subProcess id="h" triggeredByEvent="true">{inner}</subProcess>'
    )

    assert ("event-subprocess", "h") in found


def test_subprocess_start_has_no_trigger(models):
    """The start event of an embedded subprocess waits for nothing."""
    inner = f'<startEvent id="is">{TIMER}</startEvent>'

    assert ("event-position", "is") in models.refusals(
        models.between("", name="subProcess", inner=inner)
    )


@pytest.mark.parametrize("attributes", ['instantiate="true"', 'eventGatewayType="Parallel"'])
def test_event_gateway_that_starts_a_process_is_refused(models, attributes):
    """Instantiating event-based gateways are not executable yet."""
    content = (
        f'<startEvent id="s"/><eventBasedGateway id="g" {attributes}/>'
        f'<intermediateCatchEvent id="a">{TIMER}</intermediateCatchEvent><receiveTask id="b"/>'
    )
    content += flow("f1", "s", "g") + flow("f2", "g", "a") + flow("f3", "g", "b")

    assert models.refusals(content) == [("unsupported-attribute", "g")]


@pytest.mark.parametrize(
    "name",
    ["complexGateway", "transaction", "adHocSubProcess", "choreographyTask", "somethingElse"],
)
def test_elements_that_are_not_executable_are_refused(models, name):
    """Elements outside the executable set are refused with their id, never passed through."""
    found = models.refusals(models.between("", name=name, inner='<task id="i"/>'))

    assert ("unsupported-element", "n") in found


def test_inside_of_a_refused_subprocess_is_read_too(models):
    """What stands inside a refused subprocess is reported in the same reading."""
    inner = '<scriptTask id="i" scriptFormat="groovy"><script>x</script></scriptTask>'

    found = models.refusals(models.between("", name="transaction", inner=inner))

    assert found == [("unsupported-element", "n"), ("script-language", "i")]
