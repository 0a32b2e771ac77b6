"""Databases that earlier commits wrote are opened, verified and continued by this one."""

import shutil
from pathlib import Path

import pytest

from tenuto.client import requests as ask
from tenuto.engine.commands import CompleteUserTask
from tenuto.runtime.requests import Request
from tenuto.runtime.verify import verify
from tenuto.store.audit import verify_chain
from tenuto.store.sqlite import SqliteStore
from tenuto.store.sqlite_reader import open_reader
from tenuto.testing import Scenario

GOLDEN = Path(__file__).parent / "golden"
LATER = "2026-01-05T11:00:00Z"


@pytest.fixture(params=sorted(path.name for path in GOLDEN.glob("*.db")))
def golden(request, tmp_path):
    """Give a copy of a golden database."""
    return shutil.copyfile(GOLDEN / request.param, tmp_path / request.param)


@pytest.fixture
def claims(golden):
    """Give a node on a copy of a golden database, an hour after its last commit."""
    one = Scenario(store=SqliteStore(golden), start=LATER)
    yield one
    one.read.reader.close()
    one.store.close()


def test_a_golden_database_is_sound(golden):
    """State is the fold of the journal, and no hash of the chain is broken."""
    with open_reader(golden) as reader:
        state, chain = verify(reader), verify_chain(reader)

    assert (state.differences, state.pruned) == ([], 0)
    assert chain.findings == []
    assert state.instances == 8


def test_a_golden_database_waits_where_it_waited(claims):
    """Every instance stands at the element at which it was left."""
    found = {row.business_key: row.key for row in claims.read.reader.rows("instance")}
    at = {case.key: case.active for case in claims.instances()}

    assert {name: at[key] for name, key in found.items()} == {
        "C-person": ["review"],
        "C-time": ["cool"],
        "C-message": ["papers"],
        "C-signal": ["storm"],
        "C-job": ["pay"],
        "C-none": [],
        "C-letter": ["review"],
        "C-broken": ["pay"],
    }


def test_a_golden_database_goes_on_to_the_end(claims, golden):
    """People, time, messages, signals, workers and repairs end every instance that waits."""
    claims.handle("pay", lambda amount: {"paid": amount})
    broken = next(case for case in claims.instances() if case.incidents)

    claims.settle()
    for task in claims.tasks("review"):
        claims.ask(complete(task))
    claims.publish("papers received", "C-message")
    claims.broadcast("storm is over")
    claims.resolve(broken)
    claims.advance("P3D")

    assert {case.status for case in claims.instances()} == {"completed"}
    assert broken.variables["paid"] == 10
    with open_reader(golden) as reader:
        assert verify(reader).differences == []
        assert verify_chain(reader).findings == []


def test_a_golden_message_is_still_kept(claims):
    """A message that was kept for a later claim is taken by it."""
    facts = {"case": "C-later", "way": "message", "amount": 1}

    case = claims.start("claim", **facts)

    assert case.is_completed
    assert case.variables["pages"] == 3


def test_a_golden_start_is_still_known(claims):
    """A start that is repeated under its idempotency key gets the instance of the first."""
    before = len(claims.instances())
    facts = {"case": "C-broken", "way": "job", "amount": 10}
    again = claims.start_with("claim", facts, business_key="C-broken", idempotency_key="claim-8")

    assert len(claims.instances()) == before
    assert again.incidents


def test_a_golden_value_by_reference_is_read(claims):
    """A long value that is kept apart from the turns is found by its digest."""
    letters = [
        case.variables["letter"] for case in claims.instances() if "letter" in case.variables
    ]

    assert [len(letter) for letter in letters] == [47 * 40]


def complete(task):
    """Return the request that completes a task."""
    instance, number = ask.task_key(task.key)
    return Request(instance, CompleteUserTask(number, {}))
