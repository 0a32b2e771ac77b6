"""Lines of workflows are written once, with where they come from."""

from __future__ import annotations

import asyncio
import logging

import pytest
import structlog

from tenuto import Retry, step, wf, workflow

log = wf.logger("tests.shop")
plain = logging.getLogger("tests.shop.plain")


@step(retries=Retry(2, first=1.0, jitter=0.0))
async def charge(n: int) -> int:
    """Say it and give it."""
    log.info("charging", n=n)
    return n


@workflow
async def talk(n: int) -> int:
    """Say a line before and after each wait."""
    total = 0
    for i in range(n):
        log.info("before", i=i)
        plain.warning("plain %s", i)
        total += await charge(i)
        await wf.sleep("1h")
        log.bind(more=True).warning("after", i=i)
    log.info("done")
    return total


@workflow
def talk_plainly(n: int) -> int:
    """Do the same in a plain function."""
    log.info("begun")
    wf.wait(wf.sleep(1))
    log.info("ended")
    return n


@workflow
async def race_lines() -> list[str]:
    """Say the same line several times, beside a message."""
    found = await asyncio.gather(*(said(i) for i in range(3)))
    log.info("all")
    return found


async def said(i: int) -> str:
    """Say a line that is the same in each branch, on both sides of a step."""
    log.info("tick")
    await charge(i)
    log.info("tock")
    return str(i)


@pytest.fixture
def lines():
    """Give what structlog would write."""
    with structlog.testing.capture_logs() as written:
        yield written


def events(lines):
    """Return the events of the body's own lines."""
    return [one["event"] for one in lines if one["event"] != "charging"]


@pytest.mark.parametrize("evict", [False, True])
def test_each_line_of_a_body_is_written_once_in_order(durable, lines, evict):
    """Replays at every wait, and a restart, say nothing again (behaviour 20)."""
    durable.evict_always = evict
    run = durable.start(talk, 3)
    durable.restart()
    durable.advance("1h")
    durable.restart()
    durable.advance("2h")

    assert run.result == 3
    assert events(lines) == ["before", "after"] * 3 + ["done"]


def test_a_line_names_instance_and_workflow_and_in_steps_the_attempt(durable, lines):
    """What is bound by hand is there too."""
    run = durable.start(talk, 1)
    durable.advance("1h")

    before, charging, after, done = lines
    assert before == {
        "event": "before",
        "log_level": "info",
        "instance": run.key,
        "workflow": "talk",
        "i": 0,
    }
    assert (charging["step"], charging["attempt"], charging["workflow"]) == ("charge#1", 1, "talk")
    assert charging["instance"] == run.key
    assert (after["more"], after["log_level"]) == (True, "warning")
    assert done["instance"] == run.key


def test_a_body_that_is_a_plain_function_writes_each_line_once(durable, lines):
    """It is made again on another thread, and says nothing there."""
    durable.evict_always = True
    run = durable.start(talk_plainly, 1)
    durable.restart()
    durable.advance(1)

    assert run.result == 1
    assert events(lines) == ["begun", "ended"]


def test_a_crash_after_any_commit_repeats_no_line(durable, lines):
    """Each life says what it came to first, and nothing twice (behaviour 20)."""
    durable.evict_always = True
    commits = durable.explore(race_lines)

    found = events(lines)
    assert found.count("all") == commits + 1
    assert found.count("tick") == found.count("tock") == 3 * (commits + 1)


def test_the_filter_lets_ordinary_logging_through_once(durable, caplog):
    """The standard library's loggers are silent in a replay, and say where they are."""
    once = wf.OnceFilter()
    plain.addFilter(once)
    durable.evict_always = True
    try:
        run = durable.start(talk, 2)
        durable.restart()
        durable.advance("2h")
    finally:
        plain.removeFilter(once)

    mine = [one for one in caplog.records if one.name == plain.name]
    assert [one.getMessage() for one in mine] == ["plain 0", "plain 1"]
    assert [(one.instance, one.workflow) for one in mine] == [(run.key, "talk")] * 2


def test_the_filter_lets_everything_through_outside_of_workflows():
    """Two handlers with it decide alike."""
    record = logging.makeLogRecord({"msg": "hello"})

    assert [wf.OnceFilter().filter(record) for _ in range(2)] == [True, True]
    assert (record.instance, record.attempt) == ("", "")


def test_a_logger_outside_of_workflows_writes_as_any_other(lines):
    """Nothing is bound that is not known."""
    log.error("outside", n=1)

    assert lines == [{"event": "outside", "log_level": "error", "n": 1}]
