"""Timers (BPMN 2.0.2 §10.5.5.5): constants are checked, cron of both dialects is understood."""

import pytest

from tenuto.graph.triggers import TimerKind
from tenuto.schedules import first_due


def catch(kind, text):
    """Return a process that waits for this timer."""
    return (
        '<startEvent id="s"/><intermediateCatchEvent id="n"><timerEventDefinition>'
        f"<{kind}>{text}</{kind}></timerEventDefinition></intermediateCatchEvent>"
        '<endEvent id="e"/><sequenceFlow id="f1" sourceRef="s" targetRef="n"/>'
        '<sequenceFlow id="f2" sourceRef="n" targetRef="e"/>'
    )


def begin(kind, text):
    """Return a process that this timer starts."""
    return (
        f'<startEvent id="n"><timerEventDefinition><{kind}>{text}</{kind}></timerEventDefinition>'
        '</startEvent><endEvent id="e"/><sequenceFlow id="f" sourceRef="n" targetRef="e"/>'
    )


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("timeDate", TimerKind.DATE, "2030-01-01T00:00:00Z"),
        ("timeDuration", TimerKind.DURATION, "PT15M"),
        ("timeDuration", TimerKind.DURATION, "P1Y2M3DT4H"),
        ("timeCycle", TimerKind.CYCLE, "R3/PT1H"),
        ("timeCycle", TimerKind.CYCLE, "R/2030-01-01T00:00:00Z/P1D"),
        ("timeCycle", TimerKind.CYCLE, "0 9 * * MON-FRI"),
    ],
)
def test_constant_timers(models, name, kind, text):
    """Dates, durations, repetitions and cron are read as they are."""
    trigger = models.graph(catch(name, text)).nodes["n"].trigger

    assert (trigger.kind, trigger.value.constant) == (kind, text)


@pytest.mark.parametrize(("text", "value"), [("=wait", "PT1H"), ("${wait}", "PT1H")])
def test_timers_may_be_expressions(models, text, value):
    """A timer may be FEEL or JUEL."""
    trigger = models.graph(catch("timeDuration", text)).nodes["n"].trigger

    assert trigger.value.expression.call({"wait": "PT1H"}) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("timeDate", "tomorrow"),
        ("timeDuration", "an hour"),
        ("timeDuration", ""),
        ("timeCycle", "R0/PT1H"),
        ("timeCycle", "R/PT0S"),
        ("timeCycle", "R3"),
        ("timeCycle", "every day"),
    ],
)
def test_broken_timers_are_refused(models, name, text):
    """What is no time is refused while the model is read, not when it is due."""
    assert models.refusals(catch(name, text)) == [("timer", "n")]


def test_repetition_from_long_ago_is_checked_at_once(models):
    """A repetition of a millisecond since year 1 is not walked while it is checked."""
    assert models.graph(catch("timeCycle", "R/0001-01-01T00:00:00Z/PT0.001S"))


@pytest.mark.parametrize(
    ("vendor", "text", "plain"),
    [
        ("zeebe", "0 0 9 ? * 1-5", "0 0 9 * * 1-5"),
        ("camunda", "0 0 9 ? * 2-6", "0 0 9 * * 1-5"),
        ("camunda", "0 0 9 ? * 1,7 *", "0 0 9 * * 0,6"),
        ("camunda", "0 0 9 ? * MON-FRI", "0 0 9 * * MON-FRI"),
        ("camunda", "0 0/5 * * * ?", "0 0/5 * * * *"),
    ],
)
def test_cron_of_the_dialects(models, vendor, text, plain):
    """Quartz counts Sunday as 1, Spring as 0; a question mark is any day."""
    trigger = models.graph(catch("timeCycle", text), vendor).nodes["n"].trigger

    assert trigger.value.constant == plain
    assert first_due("cycle", plain, 0).at > 0


def test_start_timer_reads_no_variables(models):
    """Before a process starts there are no variables to compute a timer from."""
    assert models.refusals(begin("timeDuration", "=wait")) == [("timer", "n")]


def test_start_timer_may_be_computed(models):
    """An expression without variables may start a process."""
    trigger = models.graph(begin("timeDuration", '=duration("PT1H")')).nodes["n"].trigger

    assert str(trigger.value.expression.call({})) == "PT1H"
