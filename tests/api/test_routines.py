"""Routines over HTTP: what a worker may say of one, and that nothing else does harm."""

from __future__ import annotations

import json
from typing import get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenuto import values, workflow
from tenuto.client import routine_wire as wire
from tenuto.engine import routine_commands as a
from tenuto.engine.queue_options import PlaceAsk
from tenuto.workflows.compile import SUFFIX, source_of
from tests.api.conftest import code_of


@workflow
async def nothing(n: int) -> int:
    """Its coroutine is played by the tests."""
    return n


@pytest.fixture
def flow(api):
    """Give a server that knows a workflow which nobody runs."""
    resource = {"name": f"nothing{SUFFIX}", "source": source_of(nothing).decode()}
    assert api.post("deployments", {"resources": [resource]}).status_code == 201
    return api


def leased(api, **more):
    """Start an instance and lease its routine; return the job."""
    api.start("nothing", {"n": 1})
    question = {"types": ["workflow:nothing:1"], "limit": 1, "wait": 5, **more}
    [job] = api.post("jobs/activate", question).json()["jobs"]
    return job


def say(api, job, *asks, reports=(), seen=0, after=0, **more):
    """Say how a coroutine goes on; return the status of the one item."""
    item = wire.AdvanceOne(
        job=job["job"], token=job["token"], seen=seen, after=after, reports=reports, asks=asks
    )
    data = msgspec.json.encode({"items": [item], **more})
    headers = {"content-type": "application/json"}
    answer = api.request("POST", "routines/advance", content=data, headers=headers)
    assert answer.status_code == 200, answer.text
    [found] = answer.json()["results"]
    return found.get("status", "accepted")


def test_a_leased_routine_says_where_it_stands(flow):
    """A new one begins with its arguments; other jobs have no such member."""
    job = leased(flow)
    routine = job["routine"]
    assert job["variables"] == {}
    assert (routine["seen"], routine["ordered"], routine["advances"]) == (0, 0, 0)
    assert routine["arguments"] == {"n": "AQ=="}


def test_a_step_is_asked_for_reported_and_the_end_is_said(flow):
    """What comes between is in the history."""
    job = leased(flow)
    one = values.encode(1)
    assert say(flow, job, a.BeginStep("s#1")) == "accepted"
    report = a.StepEnded("s#1", 1, one)
    assert say(flow, job, a.BeginStep("t#2"), reports=(report,), after=1) == "accepted"
    instance, _, element = job["job"].partition("-")
    path = f"instances/{instance}/routines/{element}/history"
    found = flow.get(path, params={"token": job["token"]}).json()
    assert found["asked"] == ["s#1", "t#2"]
    assert [one["key"] for one in found["outcomes"]] == ["s#1"]
    assert found["steps"] == {"t#2": 1}
    last = a.StepEnded("t#2", 2, one)
    assert say(flow, job, a.Return(one), reports=(last,), seen=1, after=2) == "accepted"
    assert flow.get(f"instances/{instance}").json()["status"] == "completed"


def test_an_advance_that_others_overtook_is_to_be_replayed(flow):
    """The same again, or one that has seen too little, changes nothing."""
    job = leased(flow)
    assert say(flow, job, a.BeginStep("s#1")) == "accepted"
    assert say(flow, job, a.BeginStep("s#1")) == "outcome-ordered"


def test_a_history_asks_for_the_lease(flow):
    """A worker reads the histories of what it was given only."""
    job, other = leased(flow), leased(flow)
    instance, _, element = job["job"].partition("-")
    path = f"instances/{instance}/routines/{element}/history"
    refused = flow.get(path, params={"token": other["token"]})
    assert code_of(refused) == (409, "stale-lease")
    assert flow.get(path, params={"token": job["token"]}).status_code == 200


def test_what_happens_comes_with_the_answer_and_again_until_it_was_heard(flow):
    """A timer fires while its worker holds the routine."""
    job = leased(flow, worker="w")
    assert say(flow, job, a.BeginStep("s#1"), a.SetTimer("t#2", 0)) == "accepted"
    question = {"worker": "w", "wait": 0}
    session = flow.post("routines/wakes", question).json()["session"]
    question |= {"session": session, "wait": 5}
    first = flow.post("routines/wakes", question).json()
    again = flow.post("routines/wakes", question).json()
    assert first["wakes"] == again["wakes"]
    [wake] = first["wakes"]
    assert wake["lease"] == job["routine"]["lease"]
    assert [one["key"] for one in wake["outcomes"]] == ["t#2"]
    rest = flow.post("routines/wakes", question | {"heard": wake["number"], "wait": 0}).json()
    assert rest["wakes"] == []


def test_leases_that_are_named_are_heard_of_by_another_worker(flow):
    """After a server began anew its workers name what they hold; what is lost is said."""
    job = leased(flow, worker="w")
    lease = {"job": job["job"], "token": job["token"]}
    gone = {"job": job["job"], "token": "x"}
    told = flow.post("routines/wakes", {"worker": "v", "leases": [lease, gone]}).json()
    assert told["lost"] == []
    assert say(flow, job, a.BeginStep("s#1"), a.SetTimer("t#2", 0)) == "accepted"
    question = {"worker": "v", "session": told["session"], "wait": 5}
    [wake] = flow.post("routines/wakes", question).json()["wakes"]
    assert [one["key"] for one in wake["outcomes"]] == ["t#2"]


ONE = values.encode(1)
REFUSED = [
    (a.Return(b"\xc1"),),
    (a.Return(b""),),
    (a.Return(ONE), a.BeginStep("s#1")),
    (a.SetTimer("t#1", 0), a.SetTimer("t#1", 0)),
    (a.BeginStep(""),),
    (a.SetTimer("t#1", 2**60),),
]


@pytest.mark.parametrize("asks", REFUSED)
def test_what_no_worker_says_is_refused(flow, asks):
    """The rest of the request is taken, and the routine goes on."""
    job = leased(flow)
    assert say(flow, job, *asks) in {"invalid-value", "invalid-input"}
    assert say(flow, job, a.Return(ONE)) == "accepted"


KEYS = st.sampled_from(["a#1", "b#2", "a", "@x", "cancel", "é#"])
IDS = st.sampled_from(["known", "unknown"])
NAMES = st.sampled_from(["n", "", "nothing"])
VALUES = st.sampled_from([ONE, values.encode({"x": [1, "y"]}), values.encode(None)])
VARIABLES = st.dictionaries(NAMES, VALUES, max_size=2)
NUMBERS = st.sampled_from([0, 1, -1, 2**31, 253_402_300_799_999])
PLACES = st.none() | st.builds(PlaceAsk, NAMES, NAMES, NUMBERS, NAMES, st.none() | NAMES, NUMBERS)
FIELDS = {
    "key": KEYS,
    "id": IDS,
    "place": PLACES,
}
KINDS = {
    "bytes": VALUES,
    "bytes | None": st.none() | VALUES,
    "Encoded": VARIABLES,
    "int": NUMBERS,
    "int | None": st.none() | NUMBERS,
    "str | None": st.none() | NAMES,
    "WhenLeft": st.sampled_from(get_args(a.WhenLeft)),
}


def drawn(field, kind):
    """Return a strategy for a member of what a worker may say."""
    if field in FIELDS:
        return FIELDS[field]
    return st.just(()) if "tuple" in kind else KINDS.get(kind, NAMES)


def said(*kinds):
    """Return a strategy for what a worker may say, of some types."""
    return st.one_of(
        *(st.builds(kind, *(drawn(*one) for one in kind.__annotations__.items())) for kind in kinds)
    )


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    turns=st.lists(
        st.tuples(
            st.lists(said(*get_args(a.StepReport)), max_size=2),
            st.lists(said(*get_args(a.Ask)), max_size=4),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_whatever_a_worker_says_the_node_goes_on(flow, turns):
    """It is accepted or refused; the journal stays whole."""
    job = leased(flow)
    seen = after = 0
    for reports, asks in turns:
        status = say(flow, job, *asks, reports=tuple(reports), seen=seen, after=after)
        if status == "accepted":
            after += 1
            seen += sum(isinstance(one, a.StepEnded) for one in reports)
        assert not flow.service.node.corridor.stopped.is_set(), (reports, asks)
    assert json.dumps(flow.get(f"instances/{job['instance']}").json())
