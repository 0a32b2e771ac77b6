"""Pausing: an instance stands still, and goes on in the order in which things came."""

from __future__ import annotations

import pytest

from tenuto import JobContext
from tenuto.client.requests import encode_variables
from tenuto.engine.commands import ResolveIncident
from tenuto.errors import Rejected
from tenuto.runtime.requests import Request
from tenuto.runtime.verify import verify
from tests.spec.models import (
    boundary,
    end,
    flows,
    message,
    model,
    on_message,
    on_signal,
    signal,
    start,
    task,
    timer,
    user,
)

TWO_TASKS = model(start() + task("a") + task("b") + end() + flows("start>a", "a>b", "b>end"))


@pytest.fixture
def sound(scenario):
    """Give a scenario whose rows are what its journal says, at the end too."""
    yield scenario
    assert verify(scenario.read.reader).differences == []


def work(scenario):
    """Let a worker complete jobs; return what it was given."""
    given = []

    def perform(ctx: JobContext) -> None:
        given.append(ctx.element)

    scenario.handle("work", perform)
    return given


def test_a_paused_instance_hands_out_no_job(sound):
    """Its jobs wait while those of another instance are worked."""
    sound.deploy(TWO_TASKS)
    case, other = sound.start("p"), sound.start("p")
    sound.pause(case)
    given = work(sound)
    sound.advance("PT1H")

    assert other.is_completed
    assert case.active == ["a"]
    assert len(given) == 2

    sound.resume(case)
    sound.advance("PT1S")

    assert case.is_completed


def test_what_follows_a_completed_job_waits(sound):
    """A job that is out may be completed; the token behind it stands still."""
    sound.deploy(TWO_TASKS)
    case = sound.start("p")
    sound.pause(case)
    sound.complete_job(case, "a", n=1)

    assert case.active == []
    assert case.variables["n"] == 1

    sound.resume(case)

    assert case.active == ["b"]


def test_a_scope_that_ended_while_paused_ends_at_resume(sound):
    """A task without an outgoing flow was the last of its instance."""
    sound.deploy(model(start() + task("a") + flows("start>a")))
    case = sound.start("p")
    sound.pause(case)
    sound.complete_job(case, "a")

    assert not case.is_completed

    sound.resume(case)

    assert case.is_completed


def test_timers_that_fall_due_wait_and_fire_at_resume(sound):
    """They fire once each, in the order in which they were due."""
    body = start() + user("t")
    body += boundary("second", "t", timer("Duration", "PT2H"), interrupting=False)
    body += boundary("first", "t", timer("Duration", "PT1H"), interrupting=False)
    body += user("x") + user("y")
    sound.deploy(model(body + flows("start>t", "first>x", "second>y")))
    case = sound.start("p")
    sound.pause(case)
    sound.advance("PT5H")

    assert case.active == ["t"]
    assert verify(sound.read.reader).differences == []

    sound.resume(case)

    assert case.path.index("first") < case.path.index("second")
    assert sorted(case.active) == ["t", "x", "y"]


def test_the_timer_that_was_due_first_wins_over_a_later_message(sound):
    """Behind an event-based gateway the order of arrival decides, also after a pause."""
    body = start() + '<eventBasedGateway id="g"/>'
    body += f'<intermediateCatchEvent id="m">{on_message("msg")}</intermediateCatchEvent>'
    body += f'<intermediateCatchEvent id="t">{timer("Duration", "PT1H")}</intermediateCatchEvent>'
    body += user("a") + user("b")
    roots = message("msg", "go", "id")
    sound.deploy(model(body + flows("start>g", "g>m", "g>t", "m>a", "t>b"), roots=roots))
    case = sound.start("p", id="1")
    sound.pause(case)
    sound.advance("PT2H")
    sound.publish("go", "1", time_to_live="PT9H")

    assert case.active == ["g"]

    sound.resume(case)

    assert case.active == ["b"]
    other = sound.start("p", id="1")
    assert other.active == ["a"], "the message that was not taken is free again"


def test_messages_and_signals_wait_for_a_paused_instance(sound):
    """They are held as they came; none is lost and none moves anything on."""
    body = start() + f'<intermediateCatchEvent id="m">{on_message("msg")}</intermediateCatchEvent>'
    body += f'<intermediateCatchEvent id="s">{on_signal("sig")}</intermediateCatchEvent>' + end()
    roots = message("msg", "go", "id") + signal("sig", "all")
    body += '<parallelGateway id="f"/><parallelGateway id="j"/>'
    pairs = ("start>f", "f>m", "f>s", "m>j", "s>j", "j>end")
    sound.deploy(model(body + flows(*pairs), roots=roots))
    case = sound.start("p", id="1")
    sound.pause(case)
    sound.publish("go", "1", got=7)
    sound.broadcast("all", heard=True)
    sound.advance("P3D")

    assert sorted(case.active) == ["m", "s"]

    sound.resume(case)

    assert case.is_completed
    assert (case.variables["got"], case.variables["heard"]) == (7, True)


def test_a_call_that_ended_waits_for_its_paused_caller(sound):
    """The called instance ends; its caller takes the result at resume."""
    called = model(start() + user("u") + end() + flows("start>u", "u>end"), process="c")
    calling = (
        '<callActivity id="call"><extensionElements><zeebe:calledElement processId="c"/>'
        "</extensionElements></callActivity>"
    )
    sound.deploy(called)
    sound.deploy(model(start() + calling + end() + flows("start>call", "call>end")))
    case = sound.start("p")
    sound.pause(case)
    sound.complete_task("u", n=3)

    assert case.active == ["call"]

    sound.resume(case)

    assert case.is_completed
    assert case.variables["n"] == 3


def test_pausing_twice_and_resuming_what_runs_are_refused(sound):
    """The refusal says why it is paused."""
    sound.deploy(TWO_TASKS)
    case = sound.start("p")
    with pytest.raises(Rejected) as runs:
        sound.resume(case)
    sound.pause(case, "bank is closed")
    with pytest.raises(Rejected, match="bank is closed") as paused:
        sound.pause(case)

    assert (runs.value.code, paused.value.code) == ("not-paused", "paused")


def test_a_paused_instance_can_be_canceled(sound):
    """What it held is given back: the message is free for another instance."""
    body = start() + f'<intermediateCatchEvent id="m">{on_message("msg")}</intermediateCatchEvent>'
    sound.deploy(model(body + flows("start>m"), roots=message("msg", "go", "id")))
    case = sound.start("p", id="1")
    sound.pause(case)
    sound.publish("go", "1", time_to_live="PT9H")
    sound.cancel(case)

    assert case.status == "terminated"
    assert sound.start("p", id="1").is_completed


def test_a_failed_attempt_counts_while_paused(sound):
    """Its next attempt waits for resume, not for the back-off alone."""
    sound.deploy(TWO_TASKS)
    case = sound.start("p")
    sound.pause(case)
    sound.fail_job(case, "a")
    given = work(sound)
    sound.advance("PT9H")

    assert given == []

    sound.resume(case)
    sound.advance("PT1H")

    assert given == ["a", "b"]


def test_a_job_is_tried_again_with_the_input_that_was_wrong(sound):
    """A variable is changed where the stuck task finds it: in its own inputs before the process."""
    mapped = task("a", retries=1, io='<zeebe:input source="=card" target="used"/>')
    sound.deploy(model(start() + mapped + end() + flows("start>a", "a>end")))
    case = sound.start("p", card="bad")
    sound.fail_job(case, "a")
    number = next(iter(case.state.incidents))
    changed = encode_variables({"used": "good", "note": "by hand"})
    sound.ask(Request(case.key, ResolveIncident(number, 1, changed)))
    seen = []

    def perform(used: str, note: str) -> None:
        seen.append((used, note))

    sound.handle("work", perform)
    sound.advance("PT1S")

    assert seen == [("good", "by hand")]
    assert "used" not in case.variables


def test_the_row_of_a_paused_instance_says_so(sound):
    """Lists and counts see it, and it is active again after resume."""
    sound.deploy(TWO_TASKS)
    case = sound.start("p")
    sound.pause(case)

    assert [row.status for row in sound.rows("p")] == ["paused"]

    sound.resume(case)

    assert [row.status for row in sound.rows("p")] == ["active"]
