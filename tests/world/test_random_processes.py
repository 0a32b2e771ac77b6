"""Random processes: replay equals live, memory and SQLite agree, and every process can finish."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenuto.engine.records import encode_records
from tenuto.runtime import batch
from tenuto.runtime.verify import verify
from tenuto.runtime.warm import fold
from tenuto.store.audit import verify_chain
from tenuto.store.memory import MemoryStore
from tenuto.store.port import Store
from tenuto.store.sqlite import SqliteStore
from tenuto.testing import Case, Scenario
from tenuto.testing.strategies import JOB, RandomProcess, drive, processes


def play(process: RandomProcess, seed: int, store: Store) -> tuple[Scenario, Case]:
    """Start a process and drive it to its end, comparing live with replayed state at every step."""
    scenario = Scenario(store=store)
    scenario.handle(JOB, lambda: {"worked": True})
    scenario.deploy(process.source)
    case = scenario.start_with("p", process.variables)
    for turn in range(seed, seed + 300):
        warm = scenario.corridor.warm.peek(case.key)
        stored = scenario.store.reader().instance(case.key)
        assert stored is not None
        if warm is not None:
            assert fold(stored).state == warm.state
        if not case.state.is_live:
            break
        drive(scenario, case, turn=turn)
    return scenario, case


def check(process: RandomProcess, seed: int) -> None:
    """Hold one random process against every promise."""
    memory, case = play(process, seed, MemoryStore())
    assert case.is_completed, f"stands at {case.active} with {case.incidents}"
    reader = memory.store.reader()
    assert verify(reader).differences == []
    assert verify_chain(reader).findings == []


@settings(max_examples=200, deadline=None)
@given(processes(), st.integers(0, 5))
@pytest.mark.timeout(180)
def test_every_random_process_finishes_and_its_replay_is_its_life(process, seed):
    """Whatever the order of tasks, messages and time, the process ends and folds to what it was."""
    check(process, seed)


@settings(max_examples=40, deadline=None)
@given(processes(), st.integers(0, 5))
@pytest.mark.timeout(180)
def test_replay_from_a_snapshot_is_the_same(process, seed):
    """With a snapshot every second turn the fold of snapshot and tail is the live state."""
    kept = batch.TAIL_TURNS_MAX
    batch.TAIL_TURNS_MAX = 2
    try:
        check(process, seed)
    finally:
        batch.TAIL_TURNS_MAX = kept


@settings(max_examples=30, deadline=None)
@given(processes(2), st.integers(0, 5))
@pytest.mark.timeout(180)
def test_memory_and_sqlite_tell_the_same_story(process, seed):
    """The same steps give the same records on both stores."""
    _memory, first = play(process, seed, MemoryStore())
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "t.db")
        _sqlite, second = play(process, seed, store)

        told = [[encode_records(turn.records) for turn in case.history] for case in (first, second)]
        store.close()

    assert told[0] == told[1]


@pytest.mark.soak
@pytest.mark.timeout(7_200)
@settings(max_examples=5_000, deadline=None)
@given(processes(4), st.integers(0, 50))
def test_thousands_of_random_processes(process, seed):
    """Thousands of deeper processes keep every promise."""
    check(process, seed)
