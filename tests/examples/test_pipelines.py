"""The quarter of pipelines, in small."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "examples" / "pipelines" / "simulate.py"


@pytest.fixture(scope="module")
def simulate():
    """Return the function of the example."""
    spec = importlib.util.spec_from_file_location("simulate_pipelines", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.simulate


def test_prepared_pipelines_miss_nothing(simulate):
    """Retries and waiting for data bring every partition in; alerts come once."""
    found = simulate(5, 7, 1)

    assert found["partitions"] == found["made"] == 35
    assert found["alerts doubled"] == 0


def test_without_preparation_partitions_are_missed_and_told(simulate):
    """The same world without retries: each partition that is missed was told as late."""
    found = simulate(5, 7, 1, prepared=False)

    assert found["missed"] > 5
    assert found["alerts"] >= found["missed"]


def test_the_same_seed_gives_the_same_quarter(simulate):
    """Everything but the time that it took."""
    one, two = simulate(3, 4, 9), simulate(3, 4, 9)

    assert {**one, "seconds": 0} == {**two, "seconds": 0}


def test_who_is_late_was_told(simulate):
    """What was not made until the deadline is what alerts were given of: no more, no less."""
    found = simulate(10, 14, 1)

    assert found["made"] == 140
    assert found["in time"] < 140
    assert found["partitions"] - found["in time"] == found["alerts"]
    assert 0 < found["late p50 minutes"] <= found["late p95 minutes"]
