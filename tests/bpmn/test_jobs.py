"""Job policies: types, retries, headers and back-off of both dialects and our own."""

import pytest

from tenuto.graph.nodes import JobTask, ScriptTask


def camunda_task(models, attributes="", extension=""):
    """Return the service task of a camunda model."""
    return models.node("serviceTask", "camunda", attributes=attributes, extension=extension)


def codes(models, attributes, extension="", vendor="camunda"):
    """Return the codes of the refusals of a service task."""
    return models.node_refusals("serviceTask", vendor, attributes=attributes, extension=extension)


def test_zeebe_definition_gives_type_retries_and_headers(models):
    """Type and retries may be FEEL; headers are kept in order."""
    extension = (
        '<zeebe:taskDefinition type="=kind" retries="=n"/><zeebe:taskHeaders>'
        '<zeebe:header key="a" value="1"/><zeebe:header key="b" value="2"/></zeebe:taskHeaders>'
    )

    job = models.node("serviceTask", "zeebe", extension=extension).job

    assert job.type.expression.call({"kind": "pay"}) == "pay"
    assert job.retries.expression.call({"n": 4}) == 4
    assert job.headers == (("a", "1"), ("b", "2"))


def test_retries_are_three_by_default(models):
    """A job is tried three times where a model does not say."""
    job = models.node("serviceTask", "zeebe", extension='<zeebe:taskDefinition type="pay"/>').job

    assert job.retries.constant == 3


@pytest.mark.parametrize(
    "extension",
    ['<zeebe:taskDefinition type="pay" retries="many"/>', '<zeebe:taskDefinition retries="1"/>'],
)
def test_broken_definition_is_refused(models, extension):
    """A task definition needs a type and a number of retries."""
    assert codes(models, "", extension, "zeebe") in (["retries"], ["job-type"])


def test_external_task_is_a_job_of_its_topic(models):
    """The topic of an external task is its job type, without a warning."""
    content = models.between("", attributes='camunda:type="external" camunda:topic="pay"')
    reading = models.reading(models.process(content, "camunda"))

    assert reading.graphs[0].nodes["n"].job.type.constant == "pay"
    assert reading.report.warnings == ()


def test_external_task_without_topic_is_refused(models):
    """An external task has a topic."""
    assert codes(models, 'camunda:type="external"') == ["job-type"]


@pytest.mark.parametrize(
    ("attributes", "type_"),
    [
        ('camunda:class="org.example.Pay"', "org.example.Pay"),
        ('camunda:delegateExpression="${payService}"', "payService"),
        ('camunda:expression="${payService.pay(order, 3)}"', "payService.pay"),
        ('camunda:type="mail"', "mail"),
    ],
)
def test_java_code_maps_to_a_handler_by_name(models, attributes, type_):
    """Class, bean and method names become job types, and the report says so."""
    reading = models.reading(models.process(models.between("", attributes=attributes), "camunda"))

    node = reading.graphs[0].nodes["n"]
    assert isinstance(node, JobTask)
    assert node.job.type.constant == type_
    assert [finding.code for finding in reading.report.warnings] == ["mapped-handler"]


def test_expression_that_only_reads_is_evaluated(models):
    """A camunda:expression that calls nothing needs no worker."""
    node = camunda_task(models, 'camunda:expression="${a * 2}" camunda:resultVariable="b"')

    assert isinstance(node, ScriptTask)
    assert node.script.expression.call({"a": 4}) == 8
    assert node.result_variable == "b"


@pytest.mark.parametrize(
    "uri",
    ["http://activiti.org/bpmn", "http://flowable.org/bpmn", "http://operaton.org/schema/1.0/bpmn"],
)
def test_forks_are_read_alike(models, uri):
    """The namespaces of Activiti, Flowable and Operaton mean what camunda's means."""
    content = models.between("", attributes=f'xmlns:fork="{uri}" fork:class="Pay"')

    assert models.graph(content).nodes["n"].job.type.constant == "Pay"


def test_fields_become_headers_and_inputs(models):
    """Constant fields are headers, those that JUEL computes are local variables."""
    extension = (
        '<camunda:field name="to" stringValue="ann"/>'
        '<camunda:field name="text"><camunda:expression>Hi ${name}</camunda:expression>'
        "</camunda:field>"
    )

    node = camunda_task(models, 'camunda:class="Mail"', extension)

    assert node.job.headers == (("to", "ann"),)
    assert node.inputs[0].target == ("text",)
    assert node.inputs[0].source.expression.call({"name": "Bo"}) == "Hi Bo"


@pytest.mark.parametrize(
    ("text", "retries", "delays"),
    [
        ("R3/PT10M", 3, (600_000,)),
        ("R5/PT0S", 5, (0,)),
        ("PT1M,PT5M", 3, (60_000, 300_000)),
    ],
)
def test_retry_cycle_gives_attempts_and_delays(models, text, retries, delays):
    """A retry cycle repeats one delay, a list names each."""
    extension = f"<camunda:failedJobRetryTimeCycle>{text}</camunda:failedJobRetryTimeCycle>"

    job = camunda_task(models, 'camunda:class="Pay"', extension).job

    assert (job.retries.constant, job.backoff.delays_ms) == (retries, delays)


@pytest.mark.parametrize("text", ["often", "R3", "${cycle}", "R3/P1M"])
def test_broken_retry_cycle_is_refused(models, text):
    """A retry cycle is a repetition or a list of durations."""
    extension = f"<camunda:failedJobRetryTimeCycle>{text}</camunda:failedJobRetryTimeCycle>"

    assert codes(models, 'camunda:class="Pay"', extension) == ["retries"]


def test_own_retry_policy(models):
    """tenuto:retry gives first and longest delay, growth and jitter."""
    extension = (
        '<zeebe:taskDefinition type="pay"/>'
        '<tenuto:retry first="PT5S" max="PT1M" factor="3" jitter="0.5"/>'
    )

    backoff = models.node("serviceTask", "zeebe", extension=extension).job.backoff

    assert (backoff.first_ms, backoff.max_ms) == (5_000, 60_000)
    assert (backoff.factor, backoff.jitter) == (3.0, 0.5)


@pytest.mark.parametrize(
    "attributes", ['first="soon"', 'max="P1M"', 'factor="0.5"', 'jitter="2"', 'jitter="-1"']
)
def test_broken_retry_policy_is_refused(models, attributes):
    """Delays are durations, growth is at least one, jitter a share."""
    extension = f'<zeebe:taskDefinition type="pay"/><tenuto:retry {attributes}/>'

    assert codes(models, "", extension, "zeebe") == ["retries"]
