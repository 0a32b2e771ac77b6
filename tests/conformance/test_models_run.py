"""Real models as input: what is accepted of the Camunda 7 and MIWG models deploys and runs.

Nothing in the engine may raise: an instance ends, waits for something nameable, or stands at an
incident.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tenuto import bpmn
from tenuto.graph.nodes import StartEvent
from tenuto.runtime.verify import verify
from tenuto.testing import Scenario

SUITES = Path(__file__).parents[3] / "shared" / "conformance"

pytestmark = pytest.mark.conformance


def _models(suite: str) -> list[Path]:
    return sorted((SUITES / suite).rglob("*.bpmn")) + sorted((SUITES / suite).rglob("*.bpmn20.xml"))


def run_accepted(suite: str) -> tuple[int, int]:
    """Deploy and start every accepted model; return how many were accepted and how many refused."""
    accepted = refused = 0
    for path in _models(suite):
        reading = bpmn.read(path.read_bytes(), name=path.name)
        if reading.report.refusals:
            refused += 1
            continue
        accepted += 1
        scenario = Scenario()
        scenario.deploy(path.read_bytes())
        for graph in reading.graphs:
            starts = [graph.nodes[id] for id in graph.starts]
            plain = [one for one in starts if isinstance(one, StartEvent) and one.trigger is None]
            if plain or graph.implicit_starts:
                scenario.start(graph.id)
        scenario.advance("P2D")
        assert verify(scenario.store.reader()).differences == [], path.name
        for case in scenario.instances():
            state = case.state
            at_rest = not state.is_live or state.waits or state.jobs or state.user_tasks
            assert at_rest or state.incidents or state.calls, f"{path.name} hangs at {case.active}"
    return accepted, refused


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("suite", "least"), [("camunda7-bpmn", 56), ("miwg", 5)])
def test_accepted_models_run_to_rest(suite, least):
    """Every accepted model comes to rest at an end, a wait or an incident, and its rows agree."""
    accepted, _refused = run_accepted(suite)

    assert accepted >= least
