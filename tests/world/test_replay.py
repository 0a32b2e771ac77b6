"""Random processes: replay equals live, every store says the same, and every process can end."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings

from tenuto.engine.records import AnyRecord, decode_records
from tenuto.engine.rows import TABLES
from tenuto.runtime import batch
from tenuto.runtime.verify import verify
from tenuto.runtime.warm import fold
from tenuto.store.audit import verify_chain
from tenuto.store.codec import unpack_blob
from tenuto.store.port import InstanceQuery, Store
from tenuto.store.sqlite import SqliteStore
from tenuto.testing import Scenario
from tenuto.testing.strategies import Program, describe, drive, load, programs

FEW = settings(max_examples=200, deadline=None)
MANY = settings(max_examples=5_000, deadline=None)
WITH_SNAPSHOTS = 2


def run(program: Program, *, store: Store | None = None, after: Callable[[Scenario], None]) -> None:
    """Run a program to its end on a store; `after` looks on after every step of the corridor."""
    scenario = Scenario(store=store)
    corridor = scenario.corridor
    step = corridor.step

    def watched(*, block: bool = False) -> bool:
        moved = step(block=block)
        after(scenario)
        return moved

    with mock.patch.object(corridor, "step", watched):
        load(scenario, program)
        scenario.start_with(program.process, program.variables)
        drive(scenario, program.choices)


def check_replay(scenario: Scenario) -> None:
    """Every warm instance equals the fold of what the store holds of it."""
    warm = scenario.corridor.warm
    for row in scenario.read.instances(InstanceQuery(limit=1 << 31)):
        held = warm.peek(row.key)
        if held is not None:
            (stored,) = scenario.store.load_instances((row.key,))
            assert fold(stored).state == held.state


def replay_equals_live(program: Program, tail: int) -> None:
    """Run a program with a snapshot every `tail` turns, comparing after every step."""
    kept: list[Scenario] = []

    def after(scenario: Scenario) -> None:
        check_replay(scenario)
        kept[:] = [scenario]

    with mock.patch.object(batch, "TAIL_TURNS_MAX", tail):
        run(program, after=after)
    reader = kept[0].store.reader()
    assert verify(reader).differences == []
    assert verify_chain(reader).findings == []


@pytest.mark.timeout(120)
@FEW
@given(programs())
def test_replay_equals_live(program):
    """After every step the warm state is the fold of the journal, and the rows agree with it."""
    replay_equals_live(program, batch.TAIL_TURNS_MAX)


@pytest.mark.timeout(120)
@FEW
@given(programs())
def test_replay_through_snapshots_equals_live(program):
    """The same holds when the fold begins at a snapshot that a few turns follow."""
    replay_equals_live(program, WITH_SNAPSHOTS)


@pytest.mark.soak
@pytest.mark.timeout(7_200)
@MANY
@given(programs())
def test_replay_equals_live_in_thousands(program):
    """Replay equals live over thousands of processes, with and without snapshots."""
    replay_equals_live(program, batch.TAIL_TURNS_MAX)
    replay_equals_live(program, WITH_SNAPSHOTS)


# --- stores


def contents(store: Store) -> dict[str, object]:
    """Return all records by turn and all rows by table."""
    reader = store.reader()
    journal: list[tuple[int, int, bytes, list[AnyRecord]]] = [
        (turn.aggregate, turn.version, turn.header, decode_records(unpack_blob(turn.blob or b"")))
        for log in reader.logs()
        for turn in reader.turns_of_log(log, (0, -1), 1 << 31)
    ]
    found: dict[str, object] = {"journal": journal}
    for table, _ in TABLES:
        found[table] = reader.rows(table, limit=1 << 31)
    reader.close()
    return found


def stores_agree(program: Program) -> None:
    """Run a program on both stores and compare what they hold."""
    held: dict[str, dict[str, object]] = {}

    def keep(name: str) -> Callable[[Scenario], None]:
        def after(scenario: Scenario) -> None:
            held[name] = contents(scenario.store)

        return after

    run(program, after=keep("memory"))
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder, "random.db"))
        run(program, store=store, after=keep("sqlite"))
        store.close()
    assert held["sqlite"] == held["memory"]


@pytest.mark.timeout(120)
@FEW
@given(programs())
def test_memory_and_sqlite_agree(program):
    """The same program leaves the same records and the same rows in both stores."""
    stores_agree(program)


@pytest.mark.soak
@pytest.mark.timeout(7_200)
@MANY
@given(programs())
def test_memory_and_sqlite_agree_in_thousands(program):
    """Both stores agree over thousands of processes."""
    stores_agree(program)


# --- ends


def can_end(program: Program) -> None:
    """Drive a program until nothing is left to do and ask how it ended."""
    scenario = Scenario()
    load(scenario, program)
    case = scenario.start_with(program.process, program.variables)
    drive(scenario, program.choices)
    waiting = scenario.read.waiting()
    named = [what for _, _, what, _ in waiting]
    assert case.is_completed or "incident" in named, f"{describe(case)}; waiting: {waiting}"
    if case.is_completed:
        assert waiting == []


@pytest.mark.timeout(120)
@FEW
@given(programs(breaks=False))
def test_a_process_without_broken_jobs_completes(program):
    """Every task done, every message sent and every timer passed, the process has ended."""
    scenario = Scenario()
    load(scenario, program)
    case = scenario.start_with(program.process, program.variables)
    drive(scenario, program.choices)
    assert case.is_completed, describe(case)


@pytest.mark.timeout(120)
@FEW
@given(programs())
def test_what_cannot_end_has_a_named_incident(program):
    """A process that nothing can move any more waits at an incident, never silently."""
    can_end(program)


@pytest.mark.soak
@pytest.mark.timeout(7_200)
@MANY
@given(programs())
def test_every_process_ends_or_names_its_incident_in_thousands(program):
    """Thousands of processes end or wait at an incident."""
    can_end(program)
