"""Events: BPMN 2.0.2 §13.5, boundary events, event subprocesses, errors, messages, signals,
timers.
"""

from __future__ import annotations

from tests.spec.models import (
    boundary,
    end,
    error,
    flows,
    message,
    model,
    on_error,
    on_message,
    on_signal,
    signal,
    start,
    task,
    timer,
    user,
)


def test_interrupting_timer_replaces_the_task(scenario):
    """A timer boundary event that interrupts ends its task and continues from the event."""
    body = start() + user("approve") + boundary("late", "approve", timer("Duration", "PT2H"))
    scenario.deploy(model(body + user("remind") + flows("start>approve", "late>remind")))
    case = scenario.start("p")

    scenario.advance("PT2H")

    assert case.terminated == ["approve"]
    assert case.active == ["remind"]


def test_cycle_timer_fires_as_often_as_it_says_and_dies_with_its_task(scenario):
    """R3/PT1H on a task that ends after two and a half hours fires twice."""
    body = start() + user("t") + boundary("b", "t", timer("Cycle", "R3/PT1H"), interrupting=False)
    scenario.deploy(model(body + end("beep") + end() + flows("start>t", "b>beep", "t>end")))
    case = scenario.start("p")

    scenario.advance("PT2H30M")
    scenario.complete_task("t")
    scenario.advance("PT5H")

    assert case.path.count("beep") == 2
    assert case.is_completed


def test_event_gateway_takes_one_branch_and_withdraws_the_others(scenario):
    """A message comes first: the timer behind the same gateway never fires."""
    body = start() + '<eventBasedGateway id="g"/>'
    body += f'<intermediateCatchEvent id="m">{on_message("msg")}</intermediateCatchEvent>'
    body += f'<intermediateCatchEvent id="t">{timer("Duration", "PT1H")}</intermediateCatchEvent>'
    body += user("a") + user("b")
    roots = message("msg", "go", "id")
    scenario.deploy(model(body + flows("start>g", "g>m", "g>t", "m>a", "t>b"), roots=roots))
    case = scenario.start("p", id="1")

    assert scenario.publish("go", "1", got=7) == "correlated"
    scenario.advance("PT2H")

    assert case.active == ["a"]
    assert case.variables["got"] == 7


def test_message_before_subscription_is_buffered_until_its_time_to_live(scenario):
    """Either order of arrival correlates; with no time to live the sender is told that it is
    lost.
    """
    body = (
        start()
        + user("first")
        + (f'<intermediateCatchEvent id="m">{on_message("msg")}</intermediateCatchEvent>')
        + end()
    )
    scenario.deploy(
        model(body + flows("start>first", "first>m", "m>end"), roots=message("msg", "go", "id"))
    )
    case = scenario.start("p", id="1")

    assert scenario.publish("go", "1") == "expired"
    assert scenario.publish("go", "1", time_to_live="PT1H") == "buffered"
    scenario.complete_task("first")

    assert case.is_completed


def test_buffered_message_expires(scenario):
    """After its time to live a buffered message reaches nobody."""
    body = start() + f'<intermediateCatchEvent id="m">{on_message("msg")}</intermediateCatchEvent>'
    scenario.deploy(
        model(body + end() + flows("start>m", "m>end"), roots=message("msg", "go", "id"))
    )
    scenario.publish("go", "1", time_to_live="PT1H")

    scenario.advance("PT1H1M")
    case = scenario.start("p", id="1")

    assert case.active == ["m"]


def test_duplicate_message_id_has_one_effect(scenario):
    """The same message id within its time to live is taken once."""
    body = start() + f'<intermediateCatchEvent id="m">{on_message("msg")}</intermediateCatchEvent>'
    scenario.deploy(
        model(body + end() + flows("start>m", "m>end"), roots=message("msg", "go", "id"))
    )

    first = scenario.publish("go", "1", time_to_live="PT1H", message_id="a")
    second = scenario.publish("go", "1", time_to_live="PT1H", message_id="a")

    assert (first, second) == ("buffered", "duplicate")


def test_one_message_goes_once_to_each_process(scenario):
    """Two instances of one process wait for the same key: one gets it, the other waits on."""
    body = start() + f'<intermediateCatchEvent id="m">{on_message("msg")}</intermediateCatchEvent>'
    scenario.deploy(
        model(body + end() + flows("start>m", "m>end"), roots=message("msg", "go", "id"))
    )
    one, two = scenario.start("p", id="1"), scenario.start("p", id="1")

    scenario.publish("go", "1")

    assert (one.status, two.status) == ("completed", "active")


def test_message_start_with_a_key_waits_for_the_running_instance(scenario):
    """A second message with the key of a running instance starts a new one when that ends."""
    body = f'<startEvent id="s">{on_message("msg")}</startEvent>' + user("t") + end()
    scenario.deploy(model(body + flows("s>t", "t>end"), roots=message("msg", "order", "id")))

    scenario.publish("order", "1", time_to_live="PT1H", id="1", n=1)
    scenario.publish("order", "1", time_to_live="PT1H", id="1", n=2)
    assert [case.variables["n"] for case in scenario.instances()] == [1]
    scenario.complete_task("t")

    assert [case.variables["n"] for case in scenario.instances()] == [1, 2]


def test_signal_reaches_all_who_wait_and_starts_processes(scenario):
    """A broadcast reaches every waiting instance once and starts those that begin with it."""
    waiting = (
        start()
        + f'<intermediateCatchEvent id="c">{on_signal("s")}</intermediateCatchEvent>'
        + end()
    )
    scenario.deploy(model(waiting + flows("start>c", "c>end"), roots=signal("s", "alarm")))
    begun = f'<startEvent id="b">{on_signal("s")}</startEvent>' + end()
    scenario.deploy(model(begun + flows("b>end"), roots=signal("s", "alarm"), process="q"))
    cases = [scenario.start("p") for _ in range(3)]

    scenario.broadcast("alarm", level=2)

    assert all(case.is_completed and case.variables["level"] == 2 for case in cases)
    assert [case.status for case in scenario.instances("q")] == ["completed"]


def test_error_code_beats_catch_all_and_event_subprocess_beats_boundary(scenario):
    """On one level the handler of the very code wins; inside the scope comes before its border."""
    inner = start("is") + task("w") + flows("is>w")
    inner += (
        '<subProcess id="handler" triggeredByEvent="true">'
        f'<startEvent id="hs">{on_error("e")}</startEvent>' + user("inside") + flows("hs>inside")
    ) + "</subProcess>"
    body = start() + f'<subProcess id="sub">{inner}</subProcess>'
    body += boundary("any", "sub", on_error()) + boundary("coded", "sub", on_error("f"))
    body += user("a") + user("c") + flows("start>sub", "any>a", "coded>c")
    roots = error("e", "E") + error("f", "F")
    scenario.deploy(model(body, roots=roots))

    one, two, three = scenario.start("p"), scenario.start("p"), scenario.start("p")
    scenario.throw_error(one, "w", "E")
    scenario.throw_error(two, "w", "F")
    scenario.throw_error(three, "w", "OTHER")

    assert "inside" in one.active
    assert two.active == ["c"]
    assert three.active == ["a"]


def test_error_end_inside_its_own_handler_goes_to_the_parent(scenario):
    """An error thrown in the event subprocess that handles it is not caught by it again."""
    inner = start("is") + task("w") + flows("is>w")
    inner += (
        '<subProcess id="handler" triggeredByEvent="true">'
        f'<startEvent id="hs">{on_error("e")}</startEvent>'
        f'<endEvent id="he">{on_error("e")}</endEvent>' + flows("hs>he") + "</subProcess>"
    )
    body = start() + f'<subProcess id="sub">{inner}</subProcess>'
    body += boundary("b", "sub", on_error("e")) + user("outer") + flows("start>sub", "b>outer")
    scenario.deploy(model(body, roots=error("e", "E")))
    case = scenario.start("p")

    scenario.throw_error(case, "w", "E")

    assert case.active == ["outer"]


def test_uncaught_error_is_an_incident(scenario):
    """Nothing catches the error of a worker: the instance waits for repair, nothing is lost."""
    scenario.deploy(model(start() + task("w") + end() + flows("start>w", "w>end")))
    case = scenario.start("p")

    scenario.throw_error(case, "w", "E")

    assert [incident.code for incident in case.incidents] == ["unhandled-error"]
    assert case.status == "active"


def test_interrupting_event_subprocess_ends_everything_else_in_its_scope(scenario):
    """The scope's tasks and a running non-interrupting event subprocess are withdrawn."""
    sub = (
        '<subProcess id="quiet" triggeredByEvent="true">'
        f'<startEvent id="qs" isInterrupting="false">{on_message("note")}</startEvent>'
        + user("noted")
        + flows("qs>noted")
        + "</subProcess>"
        '<subProcess id="loud" triggeredByEvent="true">'
        f'<startEvent id="ls">{on_message("stop")}</startEvent>'
        + user("stopped")
        + flows("ls>stopped")
        + "</subProcess>"
    )
    roots = message("note", "note", "id") + message("stop", "stop", "id")
    scenario.deploy(model(start() + user("t") + flows("start>t") + sub, roots=roots))
    case = scenario.start("p", id="1")
    scenario.publish("note", "1")
    assert "noted" in case.active

    scenario.publish("stop", "1")

    assert case.active == ["loud", "stopped"]


def test_signal_end_does_not_reach_a_boundary_that_ends_with_it(scenario):
    """A signal thrown by an end event starts nothing twice and lets the instance complete."""
    body = start() + f'<endEvent id="e">{on_signal("s")}</endEvent>'
    scenario.deploy(model(body + flows("start>e"), roots=signal("s", "done")))

    assert scenario.start("p").is_completed


def test_terminate_ends_its_scope_and_the_outer_flow_goes_on(scenario):
    """A terminate end inside a subprocess ends that subprocess normally."""
    inner = (
        start("is")
        + '<parallelGateway id="g"/>'
        + user("t")
        + ('<endEvent id="x"><terminateEventDefinition/></endEvent>')
        + flows("is>g", "g>t", "g>x")
    )
    body = start() + f'<subProcess id="sub">{inner}</subProcess>' + user("after")
    scenario.deploy(model(body + flows("start>sub", "sub>after")))

    case = scenario.start("p")

    assert case.active == ["after"]
    assert "t" in case.terminated


def test_terminate_with_an_incident_elsewhere_completes_the_instance(scenario):
    """A terminate end closes the incident of the other branch; the instance is completed."""
    body = (
        start()
        + '<parallelGateway id="g"/>'
        + task("w", retries=1)
        + user("u")
        + ('<endEvent id="x"><terminateEventDefinition/></endEvent>')
    )
    scenario.deploy(model(body + flows("start>g", "g>w", "g>u", "u>x")))
    case = scenario.start("p")
    scenario.fail_job(case, "w", retry=False)
    assert len(case.incidents) == 1

    scenario.complete_task("u")

    assert case.is_completed
    assert case.incidents == []


def test_timer_start_starts_instances_and_a_new_version_replaces_it(scenario):
    """A cycle start fires at its rhythm; deploying a version without it ends the rhythm."""
    body = f'<startEvent id="s">{timer("Cycle", "R/PT1H")}</startEvent>' + end()
    scenario.deploy(model(body + flows("s>end")))
    scenario.advance("PT3H30M")
    assert len(scenario.instances("p")) == 3

    scenario.deploy(model(start() + end() + flows("start>end")))
    scenario.advance("PT5H")

    assert len(scenario.instances("p")) == 3
