"""The client of a server: the same answers as in the process, exact, and each change once."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

import tenuto
from tenuto.client.where import Where
from tenuto.errors import InputError, Rejected, StoreError, Unreachable, ValueRefused
from tests.client.conftest import TASK
from tests.serving import Server


def only_task(client, key):
    """Return the open user task of an instance."""
    [found] = [one for one in client.tasks(limit=1_000) if one.instance == key]
    return found


def test_an_instance_is_started_and_shown(client):
    """What was started is found by its key and by its business key, with its variables."""
    key = client.start("asked", {"amount": 12}, business_key="order-7")

    found = client.show("order-7")

    assert (found.instance, found.process, found.status) == (key, "asked", "active")
    assert found.variables == {"amount": 12}
    assert [one.what for one in found.waiting] == ["user-task"]
    assert [one.instance for one in client.instances(business_key="order-7")] == [key]


def test_numbers_are_exact(client):
    """A number comes back as it went, however many digits it has; a date as its text."""
    given = {
        "cents": Decimal("0.1"),
        "huge": Decimal("12345678901234567890.123456789"),
        "whole": Decimal("2.0"),
        "list": [1, None, True, {"a": "ü"}],
        "day": datetime.date(2027, 3, 31),
    }

    ended = client.run("quick", given)

    assert ended.status == "completed"
    assert ended.variables == {**given, "whole": 2, "day": "2027-03-31"}
    assert client.variables(ended.key) == ended.variables


def test_the_awaited_client_gives_the_same(remote):
    """The client for event loops and the blocking one ask alike."""

    async def question(one):
        key = await one.start("quick", {"n": 1})
        return await one.show(key), await one.counts()

    found, counts = remote(question)

    assert (found.status, found.variables) == ("completed", {"n": 1})
    assert counts["quick", "completed"] >= 1


def test_a_task_is_claimed_released_and_completed(client):
    """A task is taken by one person, not by a second, and completed by whoever is expected."""
    key = client.start("asked", {"n": 1})
    task = only_task(client, key).task

    client.claim_task(task, "ann")
    client.claim_task(task, "ann")
    with pytest.raises(Rejected) as claimed:
        client.claim_task(task, "bob")
    with pytest.raises(Rejected) as released:
        client.release_task(task, "bob")
    client.release_task(task, "ann")
    client.claim_task(task, "bob")
    with pytest.raises(Rejected) as unexpected:
        client.complete_task(task, {"ok": True}, expected="ann")
    client.complete_task(task, {"ok": True}, expected="bob")

    codes = [one.value.code for one in (claimed, released, unexpected)]
    assert codes == ["already-claimed", "version-mismatch", "version-mismatch"]
    assert client.show(key).variables == {"n": 1, "ok": True}
    assert [one["element"] for one in client.path(key)] == ["start", "ask", "end"]


def test_a_job_is_completed_by_hand_and_variables_change(client):
    """A job is completed in place of a worker; variables are changed meanwhile."""
    key = client.start("worked")
    [waits] = client.show(key).waiting

    client.set_variables(key, {"n": 5})
    client.complete_job(waits.key, {"m": 6})

    assert client.show(key).status == "completed"
    assert client.variables(key) == {"n": 5, "m": 6}
    commands = [one["command"] for one in client.history(key)]
    assert commands == ["StartInstance", "SetVariables", "CompleteJob"]


def test_messages_signals_and_an_end(client):
    """A message says what became of it, a signal nothing, and an instance ends when it is told."""
    key = client.start("asked", business_key="cancel/me?")

    status = client.publish("nobody-waits", "k", {"a": 1}, time_to_live="PT1H", message_id="m1")
    again = client.publish("nobody-waits", "k", message_id="m1", time_to_live="PT1H")
    client.broadcast("to-all", {"a": 1})
    client.cancel("cancel/me?", reason="enough")

    assert (status, again) == ("buffered", "duplicate")
    assert client.show(key).status == "terminated"


def test_an_instance_is_paused_and_resumed(client):
    """It says since when and why."""
    key = client.start("asked")

    client.pause(key, reason="look")

    assert client.show(key).paused.reason == "look"
    client.resume(key)
    assert client.show(key).paused is None


def test_many_instances_are_canceled_in_one_call(client):
    """Filters, dates and numbers among them, reach the server as they are."""
    key = client.start("asked", {"n": Decimal("1.50"), "day": datetime.date(2026, 1, 31)})
    client.start("asked", {"n": 2})
    where = Where(
        state="active", variables={"n": Decimal("1.5"), "day": datetime.date(2026, 1, 31)}
    )

    result = client.bulk("cancel", where, reason="enough")

    assert (result.instances, result.done) == ([key], 1)
    with pytest.raises(InputError, match="at least one filter"):
        client.bulk("cancel", Where())


def test_a_deployment_tells_what_came_of_it(client, tmp_path):
    """Deployed again, a model changes nothing; one that cannot run is refused with the reason."""
    path = tmp_path / "again.bpmn"
    path.write_bytes(TASK)

    first, second = client.deploy(path), client.deploy(path)

    assert [one.id for one in first.processes] == ["asked"]
    assert (second.changed, second.job_types) == (False, {})
    assert [one.verdict for one in second.reports] == ["accepted"]
    with pytest.raises(InputError, match=r"bad\.bpmn"):
        client.deploy_sources([("bad.bpmn", "bpmn", b"<definitions")])
    with pytest.raises(InputError, match="expected the name of a dmn model"):
        client.deploy_sources([("bad.bpmn", "dmn", b"")])


def test_lists_come_page_by_page(client):
    """A list longer than a page of the server is whole, and a limit holds."""
    for _ in range(3):
        client.start("quick", business_key="paged")

    assert len(client.instances(business_key="paged", limit=2)) == 2
    assert len(client.instances(business_key="paged", limit=5_000)) == 3


def test_tokens_come_and_go(client, server):
    """A new token lets in with its roles alone, until it is revoked."""
    minted = client.let_in("mia", ["metrics"], expires_in="PT1H")

    with tenuto.connect(server.url, minted.token) as mia:
        with pytest.raises(Rejected) as refused:
            mia.start("quick")
        assert refused.value.code == "forbidden"
        assert minted.id in [one.id for one in client.tokens()]
        client.revoke_token(minted.id)
        with pytest.raises(Rejected) as stranger:
            mia.who()
    assert stranger.value.code == "unauthenticated"
    assert client.login_link().startswith(f"{server.url}/login?code=")


def test_refusals_are_the_exceptions_of_the_process(client):
    """What the engine refuses is `Rejected` with its code; what cannot be used is an input
    error.
    """
    with pytest.raises(Rejected) as unknown:
        client.start("nowhere")
    with pytest.raises(Rejected) as missing:
        client.show("nobody")
    with pytest.raises(ValueRefused, match="variable `x`"):
        client.start("quick", {"x": "\ud800"})
    with pytest.raises(InputError, match="time_to_live"):
        client.publish("m", time_to_live="yesterday")

    assert (unknown.value.code, missing.value.code) == ("unknown-process", "not-found")


def test_a_lost_answer_starts_no_second_instance(server, wire):
    """A request whose answers are lost is sent again, and happens once."""
    wire.to_lose = 3

    with tenuto.connect(wire.url, server.token, patience_seconds=15) as lossy:
        key = lossy.start("asked", business_key="once")
        found = lossy.instances(business_key="once")
        wire.to_lose = 1
        ended = lossy.run("quick", {"n": 2}, business_key="once-more")
        ended_ones = lossy.instances(business_key="once-more")

    assert wire.lost == 4
    assert [one.instance for one in found] == [key]
    assert [one.instance for one in ended_ones] == [ended.key]


def test_events_go_on_where_they_were(server, client, wire):
    """A stream whose connection is lost goes on without a gap and without an event twice."""
    place = first_event(client).id
    keys = [client.start("quick", business_key=f"\u2028{n}") for n in range(5)]
    told = []

    with tenuto.connect(wire.url, server.token, patience_seconds=15) as lossy:
        stream = lossy.events(processes=["quick"], last_id=place)
        for event in stream:
            told += [event] if event.data["subject"] in keys else []
            if len(told) == 4:
                wire.to_lose = 1
                keys.append(client.start("quick"))
            if len(told) == 12:
                break
        stream.close()

    assert wire.lost == 1
    kinds = ["io.tenuto.instance.started", "io.tenuto.instance.completed"]
    seen = [(event.data["subject"], event.type) for event in told]
    assert sorted(seen) == sorted((key, kind) for key in keys for kind in kinds)
    assert all([kind for one, kind in seen if one == key] == kinds for key in keys)
    assert told[0].data["data"]["business_key"] == "\u20280"


def test_events_are_chosen_by_type(client):
    """Only the types that were asked for come; one that does not exist is an input error."""
    place = first_event(client).id
    key = client.start("asked")

    stream = client.events(types=["io.tenuto.task.created"], last_id=place)
    event = next(one for one in stream if one.data["subject"] == key)
    stream.close()

    assert event.data["data"]["element"] == "ask"
    with pytest.raises(InputError, match="expected types among"):
        next(client.events(types=["io.tenuto.nothing"]))
    with pytest.raises(InputError):
        next(client.events(last_id="made up"))


def first_event(client):
    """Return the first event of a stream; instances are started until it sees one."""
    stream = client.events()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, stream)
        while not coming.done():
            client.start("quick")
    stream.close()
    return coming.result()


def test_what_has_no_key_is_not_sent_twice(server, wire):
    """A link to log in whose answer is lost is not made again behind the caller's back."""
    wire.to_lose = 1

    with (
        tenuto.connect(wire.url, server.token, patience_seconds=15) as lossy,
        pytest.raises(Unreachable, match="it may have done what was asked"),
    ):
        lossy.login_link()


def test_a_token_whose_answer_is_lost_is_told_again(server, wire):
    """The token that comes is the one that was issued, and there is one."""
    wire.to_lose = 1

    with tenuto.connect(wire.url, server.token, patience_seconds=15) as lossy:
        made = lossy.let_in("twice?", ["person"])

    with tenuto.connect(server.url, server.token) as client:
        assert [one.id for one in client.tokens() if one.name == "twice?"] == [made.id]
    with tenuto.connect(server.url, made.token) as let_in:
        assert let_in.who()["name"] == "twice?"


def test_a_restart_is_waited_for(tmp_path):
    """A client that asks while the server is away gets its answer when it is back."""
    with Server(tmp_path) as server:
        with tenuto.connect(server.url, server.token) as before:
            token = before.let_in("keeper", ["admin"]).token
            before.deploy_sources([("t.bpmn", "bpmn", TASK)])
        server.end()

        with (
            tenuto.connect(server.url, token, patience_seconds=0.01) as hasty,
            pytest.raises(Unreachable, match="expected an answer"),
        ):
            hasty.start("asked")
        with tenuto.connect(server.url, token) as patient, ThreadPoolExecutor(1) as pool:
            asked = pool.submit(patient.start, "asked")
            server.begin()

            assert patient.show(asked.result(15)).status == "active"


def test_a_url_that_leads_nowhere_is_said(server):
    """What is no URL, no server or no server of ours is told apart and told at once."""
    with pytest.raises(InputError, match="expected the URL"):
        tenuto.connect("localhost:80")
    with pytest.raises(InputError, match="TENUTO_URL"):
        tenuto.connect("")
    with (
        tenuto.connect("http://127.0.0.1:1", patience_seconds=0.01) as nobody,
        pytest.raises(StoreError, match="there is none"),
    ):
        nobody.counts()
    with (
        tenuto.connect(f"{server.url}/elsewhere", server.token) as lost,
        pytest.raises(Rejected) as refused,
    ):
        lost.counts()
    assert refused.value.code == "no-such-route"
