"""Handlers that misbehave: they hang, return nonsense, or end their process; the others go on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tenuto.engine.commands import CompleteJob
from tenuto.errors import Rejected
from tenuto.runtime.requests import Request
from tenuto.store.sqlite_reader import SqliteReader
from tenuto.testing import Scenario
from tests.spec.models import end, flows, model, start, task

KILLER = Path(__file__).with_name("killer.py")
ONE_TASK = model(start() + task("w", retries=2) + end() + flows("start>w", "w>end"))


@pytest.mark.crash
@pytest.mark.timeout(120)
def test_a_handler_that_ends_its_process_is_found_alone(tmp_path):
    """Life by life fewer jobs run beside the guilty one, until it is alone: an incident; all
    others end.
    """
    database = tmp_path / "t.db"
    source = KILLER.parents[2] / "src"
    for _ in range(30):
        done = subprocess.run(
            [sys.executable, str(KILLER), str(database), "40"],
            env={**os.environ, "PYTHONPATH": str(source)},
            capture_output=True,
            check=False,
        )
        if done.returncode == 0:
            break
        assert done.returncode == 9, done.stderr.decode()[-2000:]

    reader = SqliteReader(database)
    assert reader.count_instances() == {
        ("three-steps", "active"): 1,
        ("three-steps", "completed"): 39,
    }
    assert [row.code for row in reader.rows("incident")] == ["job-crashed"]
    reader.close()


def test_a_hanging_handler_loses_its_lease_and_its_late_result_is_refused(scenario):
    """When the lease ends the attempt counts as failed; what comes later with its token is
    stale.
    """
    scenario.deploy(ONE_TASK)
    taken = []
    scenario.hold("work", taken.append)
    case = scenario.start("p")

    scenario.advance("PT1H")

    late = taken[0]
    with pytest.raises(Rejected) as refused:
        scenario.ask(Request(case.key, CompleteJob(late.element, {}, late.token)))
    assert refused.value.code == "stale-lease"
    assert [job.attempt for job in taken] == [1, 2]
    assert [incident.code for incident in case.incidents] == ["job-failed"]


@pytest.mark.parametrize("nonsense", [42, "text", ["list"], {"x": object()}, {"": 1}])
def test_a_handler_that_returns_nonsense_stops_with_a_clear_incident(scenario, nonsense):
    """A result that is no dict of values is no reason to try again."""
    scenario.deploy(ONE_TASK)
    scenario.handle("work", lambda: nonsense)

    case = scenario.start("p")

    assert [incident.code for incident in case.incidents] == ["job-failed"]
    assert "expected" in case.incidents[0].message


def test_feel_that_explodes_stops_its_instance_alone():
    """An expression that spends its budget is an incident; other instances end."""
    scenario = Scenario()
    body = (
        start()
        + ('<exclusiveGateway id="g" default="g_end"/><userTask id="u"/>')
        + end()
        + flows(
            "start>g", "g>u?big and count(for a in 1..1000, b in 1..1000 return a) > 0", "g>end"
        )
    )
    scenario.deploy(model(body))

    stuck = scenario.start("p", big=True)
    free = scenario.start("p", big=False)

    assert [incident.code for incident in stuck.incidents] == ["feel-budget"]
    assert free.is_completed


def test_a_value_too_large_is_refused_at_the_door(scenario):
    """Nothing of a start with a value that no store should keep is kept."""
    scenario.deploy(ONE_TASK)

    with pytest.raises(Exception, match="expected"):
        scenario.start("p", text="x" * (5 << 20))

    assert scenario.instances() == []


def test_an_unknown_process_names_what_is_deployed(scenario):
    """The refusal lists the processes that could be started."""
    scenario.deploy(ONE_TASK)

    with pytest.raises(Rejected, match="deployed: p"):
        scenario.start("q")


def test_a_declared_business_key_is_unique(scenario):
    """A second instance with the business key of a first is refused."""
    body = (
        '<extensionElements><tenuto:businessKey expression="=id"/></extensionElements>'
        + start()
        + end()
        + flows("start>end")
    )
    scenario.deploy(model(body))
    scenario.start("p", id="A")

    with pytest.raises(Rejected) as refused:
        scenario.start("p", id="A")

    assert refused.value.code == "duplicate-business-key"


def test_a_job_type_that_nobody_serves_waits_and_is_named(scenario):
    """The model deploys, the instance waits, and the report says for whom."""
    scenario.deploy(ONE_TASK)

    scenario.start("p")

    assert scenario.read.waiting() == [("p", "w", "job:work", 1)]
