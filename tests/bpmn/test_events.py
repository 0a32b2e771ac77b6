"""Events (BPMN 2.0.2 §10.5): every definition in every position that the standard allows."""

import pytest

from tenuto.graph import nodes, triggers

ROOTS = (
    '<message id="m" name="paid"/><signal id="g" name="alarm"/>'
    '<error id="x" name="broken" errorCode="E1"/>'
)
MESSAGE = '<messageEventDefinition messageRef="m" tenuto:correlationKey="=key"/>'
TIMER = "<timerEventDefinition><timeDuration>PT1H</timeDuration></timerEventDefinition>"
SIGNAL = '<signalEventDefinition signalRef="g"/>'
ERROR = '<errorEventDefinition errorRef="x"/>'
TERMINATE = "<terminateEventDefinition/>"

TRIGGERS = {
    MESSAGE: triggers.MessageTrigger,
    TIMER: triggers.TimerTrigger,
    SIGNAL: triggers.SignalTrigger,
    ERROR: triggers.ErrorTrigger,
}
THROWS = {
    MESSAGE: triggers.MessageThrow,
    SIGNAL: triggers.SignalThrow,
    ERROR: triggers.ErrorThrow,
    TERMINATE: triggers.TerminateThrow,
}
NOT_YET = [
    "<escalationEventDefinition/>",
    "<conditionalEventDefinition><condition>a</condition></conditionalEventDefinition>",
    "<compensateEventDefinition/>",
    "<cancelEventDefinition/>",
    '<linkEventDefinition name="l"/>',
]
FLOW = '<sequenceFlow id="f" sourceRef="{}" targetRef="{}"/>'


def start(definition, attributes=""):
    """Return a process that begins with this event."""
    event = f'<startEvent id="n" {attributes}>{definition}</startEvent><endEvent id="e"/>'
    return event + FLOW.format("n", "e")


def boundary(definition, attributes=""):
    """Return a process with this event on the boundary of a task."""
    return (
        '<startEvent id="s"/><userTask id="t"/><endEvent id="e"/><endEvent id="d"/>'
        '<sequenceFlow id="f1" sourceRef="s" targetRef="t"/>'
        '<sequenceFlow id="f2" sourceRef="t" targetRef="e"/>'
        f'<boundaryEvent id="n" attachedToRef="t" {attributes}>{definition}</boundaryEvent>'
        '<sequenceFlow id="f3" sourceRef="n" targetRef="d"/>'
    )


def event_subprocess(definition, attributes=""):
    """Return a process with an event subprocess that this event starts."""
    return (
        '<startEvent id="s"/><endEvent id="e"/><sequenceFlow id="f1" sourceRef="s" targetRef="e"/>'
        '<subProcess id="h" triggeredByEvent="true">'
        f'<startEvent id="n" {attributes}>{definition}</startEvent><endEvent id="d"/>'
        '<sequenceFlow id="f2" sourceRef="n" targetRef="d"/></subProcess>'
    )


def middle(name, definition):
    """Return a process with this event between start and end."""
    return (
        f'<startEvent id="s"/><{name} id="n">{definition}</{name}><endEvent id="e"/>'
        '<sequenceFlow id="f1" sourceRef="s" targetRef="n"/>'
        '<sequenceFlow id="f2" sourceRef="n" targetRef="e"/>'
    )


def end(definition):
    """Return a process that ends with this event."""
    event = f'<startEvent id="s"/><endEvent id="n">{definition}</endEvent>'
    return event + FLOW.format("s", "n")


@pytest.mark.parametrize("definition", [MESSAGE, TIMER, SIGNAL])
def test_process_starts_by_message_timer_or_signal(models, definition):
    """Message, timer and signal events start a process."""
    node = models.graph(start(definition), roots=ROOTS).nodes["n"]

    assert isinstance(node, nodes.StartEvent)
    assert isinstance(node.trigger, TRIGGERS[definition])


def test_message_start_has_no_correlation_key(models):
    """A message start event of a process takes every message of its name."""
    node = models.graph(start(MESSAGE), roots=ROOTS).nodes["n"]

    assert node.trigger.correlation_key is None


def test_none_start_has_no_trigger(models):
    """A none start event waits for nothing."""
    graph = models.graph(start(""))

    assert graph.nodes["n"].trigger is None
    assert graph.starts == ("n",)


@pytest.mark.parametrize("definition", [MESSAGE, TIMER, SIGNAL])
def test_catch_event_waits(models, definition):
    """Message, timer and signal events wait in the flow."""
    node = models.graph(middle("intermediateCatchEvent", definition), roots=ROOTS).nodes["n"]

    assert isinstance(node, nodes.CatchEvent)
    assert isinstance(node.trigger, TRIGGERS[definition])


@pytest.mark.parametrize("definition", [MESSAGE, TIMER, SIGNAL])
@pytest.mark.parametrize("interrupting", [True, False])
def test_boundary_event_interrupts_or_not(models, definition, interrupting):
    """Message, timer and signal events sit on a boundary, interrupting or not."""
    attributes = f'cancelActivity="{str(interrupting).lower()}"'

    graph = models.graph(boundary(definition, attributes), roots=ROOTS)

    node = graph.nodes["n"]
    assert isinstance(node.trigger, TRIGGERS[definition])
    assert (node.attached_to, node.interrupting) == ("t", interrupting)
    assert graph.nodes["t"].boundaries == ("n",)


@pytest.mark.parametrize("definition", [MESSAGE, TIMER, SIGNAL])
@pytest.mark.parametrize("interrupting", [True, False])
def test_event_subprocess_interrupts_or_not(models, definition, interrupting):
    """Message, timer and signal events start an event subprocess, interrupting or not."""
    attributes = f'isInterrupting="{str(interrupting).lower()}"'

    graph = models.graph(event_subprocess(definition, attributes), roots=ROOTS)

    node = graph.nodes["h"]
    assert isinstance(node, nodes.EventSubProcess)
    assert isinstance(node.trigger, TRIGGERS[definition])
    assert (node.start, node.interrupting) == ("n", interrupting)
    assert graph.event_subprocesses == {"p": ("h",)}


def test_error_is_caught_by_code(models):
    """An error event catches the errorCode of its error, into variables if it names some."""
    definition = (
        '<errorEventDefinition errorRef="x" camunda:errorCodeVariable="code" '
        'camunda:errorMessageVariable="text"/>'
    )

    node = models.graph(boundary(definition), "camunda", roots=ROOTS).nodes["n"]

    assert node.trigger == triggers.ErrorTrigger("E1", "code", "text")
    assert node.interrupting is True


def test_error_without_reference_catches_all(models):
    """An error boundary event without errorRef catches every error."""
    node = models.graph(boundary("<errorEventDefinition/>")).nodes["n"]

    assert node.trigger == triggers.ErrorTrigger()


@pytest.mark.parametrize(
    ("error", "code"),
    [('errorCode="E1" name="n1"', "E1"), ('name="n1"', "n1"), ('errorCode=""', "x")],
)
def test_error_code_falls_back_to_name_and_id(models, error, code):
    """The code of an error is its errorCode, else its name, else its id."""
    roots = f'<error id="x" {error}/>'

    assert models.graph(boundary(ERROR), roots=roots).nodes["n"].trigger.code == code


def test_error_starts_an_event_subprocess(models):
    """An error event starts an interrupting event subprocess."""
    node = models.graph(event_subprocess(ERROR), roots=ROOTS).nodes["h"]

    assert node.trigger == triggers.ErrorTrigger("E1")


@pytest.mark.parametrize(
    "content",
    [boundary(ERROR, 'cancelActivity="false"'), event_subprocess(ERROR, 'isInterrupting="false"')],
)
def test_error_always_interrupts(models, content):
    """An error event that would not interrupt is refused."""
    assert models.refusals(content, roots=ROOTS) == [("event-position", "n")]


@pytest.mark.parametrize("definition", [MESSAGE, SIGNAL])
def test_throw_event_throws(models, definition):
    """Message and signal events throw in the flow."""
    node = models.graph(middle("intermediateThrowEvent", definition), roots=ROOTS).nodes["n"]

    assert isinstance(node, nodes.ThrowEvent)
    assert isinstance(node.throw, THROWS[definition])


@pytest.mark.parametrize("definition", list(THROWS))
def test_end_event_throws(models, definition):
    """Message, signal, error and terminate events end a path."""
    node = models.graph(end(definition), roots=ROOTS).nodes["n"]

    assert isinstance(node, nodes.EndEvent)
    assert isinstance(node.throw, THROWS[definition])


def test_none_events_throw_nothing(models):
    """None intermediate and end events only pass."""
    graph = models.graph(middle("intermediateThrowEvent", ""))

    assert (graph.nodes["n"].throw, graph.nodes["e"].throw) == (None, None)


@pytest.mark.parametrize("name", ["intermediateThrowEvent", "endEvent"])
def test_throw_by_a_worker_is_a_job(models, name):
    """A throwing event with a task definition is a job of a worker."""
    definition = (
        '<extensionElements><zeebe:taskDefinition type="tell"/></extensionElements>' + MESSAGE
    )
    content = end(definition) if name == "endEvent" else middle(name, definition)

    node = models.graph(content, "zeebe", roots=ROOTS).nodes["n"]

    assert isinstance(node.throw, triggers.JobThrow)
    assert node.throw.job.type.constant == "tell"


def test_throw_by_a_camunda_topic_is_a_job(models):
    """A message event definition with a topic is a job of that type."""
    definition = (
        '<messageEventDefinition messageRef="m" camunda:type="external" camunda:topic="tell"/>'
    )

    node = models.graph(end(definition), "camunda", roots=ROOTS).nodes["n"]

    assert node.throw.job.type.constant == "tell"


def test_published_message_carries_the_inputs(models):
    """The input mappings of a message throw are the variables of the message."""
    mapping = (
        '<extensionElements><zeebe:ioMapping><zeebe:input source="=a" target="b"/>'
        "</zeebe:ioMapping></extensionElements>"
    )

    throw = models.graph(end(mapping + MESSAGE), "zeebe", roots=ROOTS).nodes["n"].throw

    assert [one.target for one in throw.variables] == [("b",)]
    assert throw.correlation_key.expression.call({"key": 5}) == 5


@pytest.mark.parametrize("definition", NOT_YET)
@pytest.mark.parametrize(
    "content", [start, boundary, event_subprocess, end], ids=lambda place: place.__name__
)
def test_definitions_that_are_not_executable_yet_are_refused(models, definition, content):
    """Escalation, conditional, compensation, cancel and link events are refused by their id."""
    assert ("unsupported-event", "n") in models.refusals(content(definition))


@pytest.mark.parametrize(
    "content",
    [
        start(ERROR),
        start(TERMINATE),
        boundary(TERMINATE),
        boundary(""),
        event_subprocess(TERMINATE),
        middle("intermediateCatchEvent", ERROR),
        middle("intermediateCatchEvent", ""),
        middle("intermediateThrowEvent", TIMER),
        middle("intermediateThrowEvent", ERROR),
        end(TIMER),
    ],
)
def test_definitions_in_the_wrong_place_are_refused(models, content):
    """Table 10.93 says where an event definition may stand."""
    assert models.refusals(content, roots=ROOTS) == [("event-position", "n")]


def test_event_with_several_definitions_is_refused(models):
    """Multiple events are not executable yet."""
    assert models.refusals(boundary(TIMER + SIGNAL), roots=ROOTS) == [("unsupported-event", "n")]


@pytest.mark.parametrize(
    "definition",
    [
        '<messageEventDefinition messageRef="nobody"/>',
        "<messageEventDefinition/>",
        '<signalEventDefinition signalRef="m"/>',
        '<errorEventDefinition errorRef="m"/>',
        "<eventDefinitionRef>nobody</eventDefinitionRef>",
    ],
)
def test_dangling_references_are_refused(models, definition):
    """A message, signal, error or event definition that does not exist is refused."""
    assert models.refusals(boundary(definition), roots=ROOTS) == [("reference-missing", "n")]


def test_error_end_needs_an_error(models):
    """An error end event says which error it throws."""
    assert models.refusals(end("<errorEventDefinition/>")) == [("reference-missing", "n")]


@pytest.mark.parametrize("reference", ["t1", "tns:t1"])
def test_event_definition_at_the_root_is_resolved(models, reference):
    """An eventDefinitionRef means a definition at the root, by id or by qualified name."""
    roots = TIMER.replace("<timerEventDefinition>", '<timerEventDefinition id="t1">')
    content = boundary(f"<eventDefinitionRef>{reference}</eventDefinitionRef>")

    node = models.graph(content, roots=roots).nodes["n"]

    assert isinstance(node.trigger, triggers.TimerTrigger)


def test_waiting_without_correlation_key_is_warned_about(models):
    """A message event without key shares one mailbox with all waiting instances: a warning."""
    definition = '<messageEventDefinition messageRef="m"/>'

    report = models.reading(models.process(boundary(definition), roots=ROOTS)).report

    assert [(finding.code, finding.element) for finding in report.warnings] == [
        ("correlation-key", "n")
    ]


@pytest.mark.parametrize(("name", "text"), [("=kind", "FEEL"), ("${kind}", "JUEL")])
def test_names_may_be_expressions(models, name, text):
    """The name of a signal may be FEEL or JUEL."""
    roots = f'<signal id="g" name="{name}"/>'

    trigger = models.graph(boundary(SIGNAL), roots=roots).nodes["n"].trigger

    assert trigger.name.expression.call({"kind": text}) == text


def test_code_to_catch_is_constant(models):
    """Which error is caught is known before anything runs."""
    found = models.refusals(boundary(ERROR), roots='<error id="x" errorCode="=code"/>')

    assert found == [("error-code", "n")]
