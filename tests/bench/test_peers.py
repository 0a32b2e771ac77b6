"""What is pure about measuring the peers; the engines themselves are not run here."""

import asyncio
import json

import pytest

from bench.peers import closed_loop, results, run, servers


def row(**changes):
    """Return a row of a peer, with these changes."""
    known = {
        "peer": "dbos",
        "store": "sqlite",
        "steps": 3,
        "in_flight": 64,
        "workflows": 800,
        "workflows_per_second": 100.0,
        "steps_per_second": 300.0,
        "cpu_seconds_per_workflow": 0.01,
        "p50_ms": 600.0,
        "p99_ms": 900.0,
        "failed": 0,
        "settings": "fsync",
        "version": "dbos 3.4.0",
    }
    return {**known, **changes}


def test_rows_are_found_among_the_chatter_of_an_engine():
    """Lines that are no rows are left out."""
    output = "\n".join(["starting", json.dumps(row()), "[1]", '{"peer": "dbos"}', "null", ""])

    assert results.lines(output) == [row()]


def test_a_ratio_above_one_is_ours_being_better():
    """Throughput is ours over theirs; CPU and latency theirs over ours."""
    ours = row(
        peer="tenuto", workflows_per_second=400.0, cpu_seconds_per_workflow=0.002, p50_ms=100.0
    )

    assert results.ratios([ours], [row()]) == [
        {
            "peer": "dbos",
            "store": "sqlite",
            "our_store": "sqlite",
            "steps": 3,
            "in_flight": 64,
            "throughput": pytest.approx(4),
            "cpu": pytest.approx(5),
            "p50": pytest.approx(6),
        }
    ]


def test_only_rows_of_one_shape_are_compared():
    """Other steps, other flights and rows with an error have no ratio."""
    theirs = [row(steps=1), row(in_flight=1), row(error="absent")]

    assert results.ratios([row(peer="tenuto")], theirs) == []


def test_an_undisturbed_measurement_is_not_repeated():
    """The first that nobody disturbed is kept."""
    attempts = iter([row(others_cores=0.5), row(others_cores=0.05, p50_ms=1.0)])

    assert run.least_disturbed(lambda: next(attempts))["p50_ms"] == 1.0


def test_the_least_disturbed_of_three_is_kept_whatever_its_result():
    """A faster measurement beside more of others' work is not preferred."""
    attempts = iter(
        [
            row(others_cores=0.9, workflows_per_second=200.0),
            row(others_cores=0.4, workflows_per_second=50.0),
            row(others_cores=0.6, workflows_per_second=300.0),
        ]
    )

    assert run.least_disturbed(lambda: next(attempts))["workflows_per_second"] == 50.0


def test_an_error_is_not_tried_away():
    """A row with an error is returned at once."""
    attempts = iter([row(error="it ended with 1")])

    assert run.least_disturbed(lambda: next(attempts))["error"] == "it ended with 1"


def test_people_see_failures_and_errors():
    """A line says how many workflows failed, or why there is no number."""
    assert "2 failed" in results.shown(row(failed=2))
    assert "failed" not in results.shown(row())
    assert results.shown(row(error="absent")).endswith("3 steps  64 in flight: absent")


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_a_value_that_was_measured(percent, value):
    """The nearest rank, never an interpolation."""
    assert closed_loop.percentile(range(100, 0, -1), percent) == value


def test_one_value_is_every_percentile():
    """A single measurement is its own median and its own worst."""
    assert closed_loop.percentile([7.0], 50) == closed_loop.percentile([7.0], 99) == 7.0


def test_a_summary_counts_steps_and_shares_the_cpu():
    """Rates are over the elapsed time, CPU over the workflows."""
    numbers = closed_loop.summary(3, 2.0, [0.1] * 10, 0.5)

    assert numbers["workflows_per_second"] == 5
    assert numbers["steps_per_second"] == 15
    assert numbers["cpu_seconds_per_workflow"] == 0.05
    assert numbers["p50_ms"] == numbers["p99_ms"] == 100


def test_failed_workflows_are_counted_and_are_no_throughput():
    """Of two workflows in turn the one that fails is not among those that ended."""
    calls = iter(range(1_000_000))

    async def workflow(_steps):
        await asyncio.sleep(0)
        if next(calls) % 2:
            raise OSError("refused")

    numbers = asyncio.run(closed_loop.Lanes(workflow, 1, 1).measure(0.05, []))

    assert abs(numbers["failed"] - numbers["workflows"]) <= 1


def test_an_engine_that_ends_no_workflow_is_an_error_with_its_cause():
    """The first failure of the engine is the cause."""

    async def workflow(_steps):
        raise OSError("refused")

    with pytest.raises(RuntimeError, match="no workflow ended") as raised:
        asyncio.run(closed_loop.Lanes(workflow, 1, 1).measure(0.01, []))

    assert isinstance(raised.value.__cause__, OSError)


def test_a_peer_that_is_not_set_up_is_in_the_list_with_the_reason(tmp_path, monkeypatch):
    """What the setup said is what the row says."""
    monkeypatch.setattr(servers, "PLACE", tmp_path)
    (tmp_path / "dbos.error").write_text("no such version", encoding="utf-8")

    found = run.measured(run.PEERS[0], 3, 64, 1)

    assert "no such version" in found.pop("error")
    assert found == {"peer": "dbos", "store": "sqlite", "steps": 3, "in_flight": 64}
