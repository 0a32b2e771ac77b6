"""Activities (BPMN 2.0.2 §10.3.3, §10.3.6): which node each task becomes, in which dialect."""

import pytest

from tenuto.graph import nodes
from tenuto.graph.triggers import MessageThrow

MESSAGE = '<message id="m" name="paid"/>'


@pytest.mark.parametrize(("name", "manual"), [("task", False), ("manualTask", True)])
def test_undefined_and_manual_tasks_pass(models, name, manual):
    """Undefined and manual tasks are passed through."""
    node = models.node(name)

    assert isinstance(node, nodes.PassTask)
    assert node.manual is manual


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("serviceTask", "service"),
        ("sendTask", "send"),
        ("scriptTask", "script"),
        ("businessRuleTask", "business-rule"),
    ],
)
def test_task_with_a_definition_is_a_job(models, name, kind):
    """A zeebe task definition makes a job of any task that a worker can perform."""
    node = models.node(name, "zeebe", extension='<zeebe:taskDefinition type="pay" retries="5"/>')

    assert isinstance(node, nodes.JobTask)
    assert (node.kind, node.job.type.constant, node.job.retries.constant) == (kind, "pay", 5)


def test_service_task_without_worker_takes_its_id_in_plain_models(models):
    """In a file without vendor attributes a service task's id is its job type, with a warning."""
    reading = models.reading(models.process(models.between("")))

    assert reading.graphs[0].nodes["n"].job.type.constant == "n"
    assert [finding.code for finding in reading.report.warnings] == ["implied-job-type"]


@pytest.mark.parametrize("vendor", ["zeebe", "camunda"])
def test_service_task_without_worker_is_refused_in_a_dialect(models, vendor):
    """Where a dialect is used, a service task that names no worker is refused."""
    assert models.node_refusals("serviceTask", vendor) == ["job-type"]


def test_send_task_without_worker_publishes_its_message(models):
    """A send task that names no worker publishes its message from the engine."""
    node = models.node("sendTask", attributes='messageRef="m"', roots=MESSAGE)

    assert isinstance(node, nodes.ThrowEvent)
    assert isinstance(node.throw, MessageThrow)
    assert (node.throw.name.constant, node.throw.correlation_key.constant) == ("paid", "")


def test_send_task_with_neither_is_refused(models):
    """A send task without worker and message has nothing to do."""
    assert models.node_refusals("sendTask") == ["job-type"]


def test_receive_task_waits_for_its_message(models):
    """A receive task waits for its message under the correlation key of the subscription."""
    roots = (
        '<message id="m" name="paid"><extensionElements>'
        '<zeebe:subscription correlationKey="=orderId"/></extensionElements></message>'
    )

    node = models.node("receiveTask", "zeebe", attributes='messageRef="m"', roots=roots)

    assert isinstance(node, nodes.ReceiveTask)
    assert node.message.name.constant == "paid"
    assert node.message.correlation_key.expression.call({"orderId": 7}) == 7


def test_receive_task_without_message_waits_for_its_id(models):
    """A receive task without message waits for one of its own id, as Camunda 7's signal call."""
    reading = models.reading(models.process(models.between("", name="receiveTask")))

    assert reading.graphs[0].nodes["n"].message.name.constant == "n"
    assert [finding.code for finding in reading.report.warnings] == ["receive-without-message"]


def test_receive_task_that_starts_a_process_is_refused(models):
    """instantiate=true is not executable yet."""
    refusals = models.node_refusals("receiveTask", attributes='instantiate="true"')

    assert refusals == ["unsupported-attribute"]


def test_zeebe_script_is_evaluated(models):
    """A zeebe script is FEEL whose value goes to its result variable."""
    script = '<zeebe:script expression="=a + 1" resultVariable="b"/>'

    node = models.node("scriptTask", "zeebe", extension=script)

    assert isinstance(node, nodes.ScriptTask)
    assert node.script.expression.call({"a": 1}) == 2
    assert node.result_variable == "b"


@pytest.mark.parametrize(
    ("format_", "text"),
    [("feel", "a + 1"), ("", "a + 1"), ("juel", "${a + 1}"), ("", "${a + 1}")],
)
def test_script_in_feel_or_juel_is_evaluated(models, format_, text):
    """A script of the standard is FEEL, or JUEL that only reads variables."""
    attributes = f'scriptFormat="{format_}"' if format_ else ""

    node = models.node("scriptTask", attributes=attributes, inner=f"<script>{text}</script>")

    assert node.script.expression.call({"a": 1}) == 2


@pytest.mark.parametrize("language", ["groovy", "javascript", "python"])
def test_script_in_another_language_is_refused(models, language):
    """Models carry no general-purpose language."""
    refusals = models.node_refusals(
        "scriptTask", attributes=f'scriptFormat="{language}"', inner="<script>x = 1</script>"
    )

    assert refusals == ["script-language"]


def test_script_task_without_script_is_refused(models):
    """A script task has a script."""
    assert models.node_refusals("scriptTask") == ["script-missing"]


def test_zeebe_decision_is_called(models):
    """A called decision is evaluated by the engine, its id may be FEEL."""
    called = '<zeebe:calledDecision decisionId="risk" resultVariable="r" bindingType="deployment"/>'

    node = models.node("businessRuleTask", "zeebe", extension=called)

    assert isinstance(node, nodes.DecisionTask)
    assert (node.decision.constant, node.result_variable) == ("risk", "r")
    assert (node.binding, node.result_shape) == ("deployment", "value")


def test_camunda_decision_is_called(models):
    """A decisionRef is evaluated by the engine, its result shaped as Camunda 7 does."""
    attributes = (
        'camunda:decisionRef="risk" camunda:mapDecisionResult="singleEntry" '
        'camunda:resultVariable="r"'
    )

    node = models.node("businessRuleTask", "camunda", attributes=attributes)

    assert (node.decision.constant, node.result_variable) == ("risk", "r")
    assert (node.binding, node.result_shape) == ("latest", "singleEntry")


def test_camunda_decision_without_shape_gives_a_list(models):
    """Without mapDecisionResult the outcome is the list of results, under Camunda 7's name."""
    node = models.node("businessRuleTask", "camunda", attributes='camunda:decisionRef="risk"')

    assert (node.result_variable, node.result_shape) == ("decisionResult", "resultList")


@pytest.mark.parametrize(
    "attributes",
    [
        'camunda:decisionRef="risk" camunda:decisionRefBinding="version"',
        'camunda:decisionRef="risk" camunda:mapDecisionResult="first"',
    ],
)
def test_camunda_decision_out_of_reach_is_refused(models, attributes):
    """Version numbers of another engine and unknown result shapes are refused."""
    refusals = models.node_refusals("businessRuleTask", "camunda", attributes=attributes)

    assert refusals in (["binding"], ["called-decision"])


def test_node_keeps_name_line_and_properties(models):
    """What people named and noted stays with the node, and so does its line."""
    extension = (
        '<zeebe:properties><zeebe:property name="cost" value="3"/></zeebe:properties>'
        '<zeebe:taskDefinition type="pay"/>'
    )

    node = models.node("serviceTask", "zeebe", attributes='name="Pay"', extension=extension)

    assert (node.name, node.line) == ("Pay", 2)
    assert node.properties == (("cost", "3"),)


@pytest.mark.parametrize(
    "attributes",
    ['isForCompensation="true"', 'startQuantity="2"', 'completionQuantity="3"'],
)
def test_attributes_that_are_not_executable_yet_are_refused(models, attributes):
    """Compensation handlers and token quantities are refused, never ignored."""
    assert models.node_refusals("task", attributes=attributes) == ["unsupported-attribute"]


def test_loop_marker_is_refused(models):
    """The standard loop is not executable yet."""
    refusals = models.node_refusals("task", inner="<standardLoopCharacteristics/>")

    assert refusals == ["unsupported-loop"]


def test_send_task_may_be_an_expression_that_only_reads(models):
    """A send task with a pure expression is evaluated, as a service task is."""
    node = models.node("sendTask", "camunda", attributes='camunda:expression="${1 + 1}"')

    assert node.script.expression.call({}) == 2


def test_broken_expression_of_a_task_is_refused(models):
    """An expression that is no JUEL is refused; only a call becomes a job."""
    refusals = models.node_refusals("serviceTask", "camunda", attributes='camunda:expression="${"')

    assert refusals == ["juel"]


def test_zeebe_decision_names_decision_and_result(models):
    """A called decision needs its id and a result variable."""
    refusals = models.node_refusals(
        "businessRuleTask", "zeebe", extension='<zeebe:calledDecision decisionId="risk"/>'
    )

    assert refusals == ["called-decision"]
