"""The numbers of the last measurement, which are kept beside the code, reach what was promised."""

import json

import pytest

from tidy.sources import ROOT

KEPT = json.loads((ROOT / "bench" / "results" / "latest.json").read_text(encoding="utf-8"))
FLOORS = {"workflows.sqlite.steps_per_second": 5_000}
CEILINGS = {
    "workflows.sqlite.step_p99_ms": 20,
    "workflows.sqlite.cpu_ms_per_step": 0.15,
    "workflows.sqlite.replay_10000_steps_seconds": 1,
}


@pytest.mark.parametrize("key", FLOORS)
def test_durable_steps_are_as_many_as_promised(key):
    """Behaviour 79: 64 workflows of five steps at a time, each outcome durable before the next."""
    assert KEPT[key] >= FLOORS[key]


@pytest.mark.parametrize("key", CEILINGS)
def test_durable_steps_cost_no_more_than_promised(key):
    """Behaviours 79 and 21: the slowest, the processor time of each, and ten thousand replayed."""
    assert KEPT[key] < CEILINGS[key]
