"""Activities: BPMN 2.0.2 §13.3, jobs, user tasks, call activities, multi-instance, mappings."""

from __future__ import annotations

import pytest

from tenuto import BpmnError, JobContext, NoRetry
from tenuto.engine.commands import AssignUserTask, CompleteJob, CompleteUserTask
from tenuto.errors import Rejected
from tenuto.runtime.requests import Request
from tests.spec.models import (
    boundary,
    end,
    error,
    flows,
    loop,
    model,
    on_error,
    start,
    task,
    timer,
    user,
)

ONE_TASK = model(start() + task("w", retries=3) + end() + flows("start>w", "w>end"))


def test_handler_gets_typed_arguments_and_its_result_is_merged(scenario):
    """Arguments come from variables by name; a returned dict changes the process variables."""
    scenario.deploy(ONE_TASK)

    @scenario.handle("work")
    async def work(amount: int, note: str = "none") -> dict[str, object]:
        return {"doubled": amount * 2, "note": note}

    case = scenario.start("p", amount=21)

    assert case.is_completed
    assert case.variables == {"amount": 21, "doubled": 42, "note": "none"}


def test_failed_job_is_retried_after_its_back_off_and_then_stops_with_an_incident(scenario):
    """Three attempts with growing delays, then a person is asked."""
    scenario.deploy(ONE_TASK)
    attempts = []

    @scenario.handle("work")
    def work() -> None:
        attempts.append(scenario.clock.now())
        raise RuntimeError("no connection")

    case = scenario.start("p")
    scenario.advance("PT10M")

    assert len(attempts) == 3
    assert [incident.code for incident in case.incidents] == ["job-failed"]


def test_no_retry_stops_at_once(scenario):
    """A handler that says that another attempt cannot help gets none."""
    scenario.deploy(ONE_TASK)
    calls = []

    @scenario.handle("work")
    def work() -> None:
        calls.append(1)
        raise NoRetry("the account does not exist")

    case = scenario.start("p")
    scenario.advance("PT10M")

    assert len(calls) == 1
    assert len(case.incidents) == 1


def test_resolved_incident_gives_the_job_new_attempts(scenario):
    """After repair the job runs again with the same idempotency key and the next attempt number."""
    scenario.deploy(ONE_TASK)
    seen = []

    @scenario.handle("work")
    def work(ctx: JobContext) -> None:
        seen.append((ctx.idempotency_key, ctx.attempt))
        if len(seen) == 1:
            raise NoRetry("broken")

    case = scenario.start("p")
    scenario.resolve(case)

    assert case.is_completed
    assert [attempt for _, attempt in seen] == [1, 2]
    assert len({key for key, _ in seen}) == 1


def test_bpmn_error_from_a_handler_is_caught_by_the_model(scenario):
    """A handler's BPMN error goes to the boundary event with its variables."""
    body = start() + task("w") + boundary("b", "w", on_error("e")) + user("mend")
    scenario.deploy(model(body + flows("start>w", "b>mend"), roots=error("e", "CLOSED")))

    @scenario.handle("work")
    def work() -> None:
        raise BpmnError("CLOSED", "the account is closed", account="17")

    case = scenario.start("p")

    assert case.active == ["mend"]
    assert case.variables["account"] == "17"


def test_wrong_argument_type_stops_with_a_clear_incident(scenario):
    """A variable that does not fit its annotation is no reason to retry."""
    scenario.deploy(ONE_TASK)

    @scenario.handle("work")
    def work(amount: int) -> None:
        raise AssertionError("not reached")

    case = scenario.start("p", amount="many")

    assert "expected variable `amount` to be int" in case.incidents[0].message


def test_second_completion_of_a_job_is_refused(scenario):
    """A job that was completed takes no second result."""
    scenario.deploy(ONE_TASK)
    case = scenario.start("p")
    number = next(iter(case.state.jobs))
    scenario.complete_job(case, "w")

    with pytest.raises(Rejected, match="expected instance"):
        scenario.ask(Request(case.key, CompleteJob(number, {})))


def test_output_mappings_hide_the_rest_and_paths_keep_other_keys(scenario):
    """Only mapped targets change; `a.b` changes one key of a context."""
    io = (
        '<zeebe:input source="=amount * 2" target="twice"/>'
        '<zeebe:output source="=result" target="order.total"/>'
    )
    scenario.deploy(model(start() + task("w", io=io) + end() + flows("start>w", "w>end")))

    @scenario.handle("work")
    def work(twice: int) -> dict[str, int]:
        return {"result": twice, "hidden": 1}

    case = scenario.start("p", amount=4, order={"id": "x"})

    assert case.variables == {"amount": 4, "order": {"id": "x", "total": 8}}


def test_parallel_multi_instance_keeps_the_order_of_its_inputs(scenario):
    """Outputs stand in input order however the items finish; an empty collection is skipped."""
    body = start() + task("w", inner=loop("items", output=("results", "result"))) + end()
    scenario.deploy(model(body + flows("start>w", "w>end")))

    @scenario.handle("work")
    def work(item: int) -> dict[str, int]:
        return {"result": item * item}

    assert scenario.start("p", items=[3, 1, 2]).variables["results"] == [9, 1, 4]
    assert scenario.start("p", items=[]).variables["results"] == []


def test_sequential_multi_instance_runs_one_item_at_a_time(scenario):
    """A sequential body never has two items; a completion condition ends it early."""
    inner = loop("items", sequential=True, completion="numberOfCompletedInstances >= 2")
    body = start() + f'<userTask id="u">{inner}</userTask>' + end()
    scenario.deploy(model(body + flows("start>u", "u>end")))
    case = scenario.start("p", items=[1, 2, 3])

    assert len(scenario.tasks("u")) == 1
    scenario.complete_task("u")
    assert len(scenario.tasks("u")) == 1
    scenario.complete_task("u")

    assert case.is_completed


def test_completion_condition_withdraws_the_other_parallel_items(scenario):
    """After the first of three the condition holds: two user tasks are withdrawn."""
    inner = loop("items", completion="numberOfCompletedInstances >= 1")
    body = start() + f'<userTask id="u">{inner}</userTask>' + end()
    scenario.deploy(model(body + flows("start>u", "u>end")))
    case = scenario.start("p", items=[1, 2, 3])
    instance, _, number = scenario.tasks("u")[0].key.partition("-")

    scenario.ask(Request(int(instance), CompleteUserTask(int(number), {})))

    assert case.is_completed
    assert case.terminated == ["u", "u"]


def test_interrupting_boundary_on_a_multi_instance_ends_all_items(scenario):
    """The boundary belongs to the body: all items go, no partial output is published."""
    inner = loop("items", output=("results", "item"))
    body = (
        start()
        + f'<userTask id="u">{inner}</userTask>'
        + boundary("b", "u", timer("Duration", "PT1H"))
        + user("after")
    )
    scenario.deploy(model(body + flows("start>u", "b>after")))
    case = scenario.start("p", items=[1, 2])

    scenario.advance("PT1H")

    assert case.active == ["after"]
    assert "results" not in case.variables


def _call(boundary_events: str = "", wires: tuple[str, ...] = ()) -> bytes:
    body = (
        start()
        + (
            '<callActivity id="call"><extensionElements>'
            '<zeebe:calledElement processId="child"/></extensionElements></callActivity>'
        )
        + boundary_events
        + user("after")
        + flows("start>call", "call>after", *wires)
    )
    return model(body, roots=error("e", "E"))


def test_call_activity_passes_variables_both_ways(scenario):
    """The called process sees the caller's variables and gives its own back."""
    child = start() + '<scriptTask id="s"><extensionElements><zeebe:script expression="=x + 1" '
    child += (
        'resultVariable="y"/></extensionElements></scriptTask>' + end() + flows("start>s", "s>end")
    )
    scenario.deploy(model(child, process="child"), _call())

    case = scenario.start("p", x=1)

    assert case.active == ["after"]
    assert case.variables["y"] == 2


def test_error_crosses_the_call_and_interruption_ends_the_child_first(scenario):
    """An error that leaves the child uncaught is thrown at the call activity."""
    child = start() + f'<endEvent id="x">{on_error("e")}</endEvent>' + flows("start>x")
    events = boundary("b", "call", on_error("e")) + user("caught")
    scenario.deploy(
        model(child, process="child", roots=error("e", "E")), _call(events, ("b>caught",))
    )

    case = scenario.start("p")

    assert case.active == ["caught"]
    assert [one.status for one in scenario.instances("child")] == ["failed"]


def test_timer_on_a_call_ends_the_child_before_its_path_begins(scenario):
    """The child instance is terminated when the boundary timer interrupts the call."""
    child = start() + user("u") + flows("start>u")
    events = boundary("b", "call", timer("Duration", "PT1H")) + user("late")
    scenario.deploy(model(child, process="child"), _call(events, ("b>late",)))
    case = scenario.start("p")

    scenario.advance("PT1H")

    assert case.active == ["late"]
    assert [one.status for one in scenario.instances("child")] == ["terminated"]


def test_cancel_reaches_called_instances(scenario):
    """Canceling the caller ends what it called, bottom up."""
    scenario.deploy(model(start() + user("u") + flows("start>u"), process="child"), _call())
    case = scenario.start("p")

    scenario.cancel(case)

    assert case.status == "terminated"
    assert [one.status for one in scenario.instances("child")] == ["terminated"]


def test_claim_by_a_second_person_is_refused(scenario):
    """A task that somebody has cannot be taken by another."""
    scenario.deploy(model(start() + user("u") + flows("start>u")))
    scenario.start("p")
    instance, _, number = scenario.tasks("u")[0].key.partition("-")
    scenario.ask(Request(int(instance), AssignUserTask(int(number), "ada")))

    with pytest.raises(Rejected, match="ada has it"):
        scenario.ask(Request(int(instance), AssignUserTask(int(number), "bob")))


def test_long_chains_end_their_turn_by_count_and_go_on(scenario):
    """A loop of FEEL scripts longer than a turn is continued behind other work."""
    body = (
        start()
        + (
            '<scriptTask id="s"><extensionElements><zeebe:script expression="=n + 1" '
            'resultVariable="n"/></extensionElements></scriptTask>'
            '<exclusiveGateway id="g" default="g_end"/>'
        )
        + end()
        + flows("start>s", "s>g", "g>s?n < 3000", "g>end")
    )
    scenario.deploy(model(body))

    case = scenario.start("p", n=0)

    assert case.is_completed
    assert case.variables["n"] == 3000
    assert len(case.history) > 5
