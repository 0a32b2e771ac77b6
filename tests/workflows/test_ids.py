"""Ids of workflows: started once, found again, or refused, through every door."""

from __future__ import annotations

import asyncio
from functools import partial

import httpx
import pytest

from tenuto import InputError, Rejected, wf, workflow
from tenuto.client.blocking import BlockingClient
from tenuto.client.requests import start_request
from tests.serving import Server
from tests.workflows.running import at_work
from tests.workflows.test_doors import APP, tenuto

said = wf.Message[str]("said", str)


@workflow
async def listens(name: str) -> str:
    """Return what it is told."""
    return f"{name}: {await said.receive()}"


@workflow
async def other(name: str) -> str:
    """Have the same arguments and another name."""
    return name


def serving(tmp_path):
    """Run a node with these."""
    return at_work(tmp_path / "a.db", listens, other)


def test_an_id_that_exists_is_refused_if_that_was_asked_for(tmp_path):
    """Behaviour 11: the refusal names the instance; who does not mind gets it."""

    async def talk(client):
        only = listens.options(id="o-1", existing="reject")
        first = await client.begin(only, "a")
        with pytest.raises(Rejected, match=f"`o-1` to be new, but instance {first.key}") as refused:
            await client.begin(only, "a")
        assert refused.value.code == "duplicate-business-key"
        again = await client.begin(listens.options(id="o-1"), "a")
        assert (again.key, again.is_new) == (first.key, False)
        told = await client.send_with_start(said, "hello", only, "a")
        assert told.key == first.key
        return await first.result()

    with serving(tmp_path) as at:
        assert asyncio.run(talk(at.client)) == "a: hello"


def test_an_id_is_the_same_whether_it_is_given_by_a_handle_or_by_name(tmp_path):
    """Behaviours 11 and 12: `start` and `begin` find each other's; another workflow conflicts."""

    async def talk(client):
        first = await client.start("listens", {"name": "b"}, id="o-2")
        assert await client.start("listens", {"name": "other"}, id="o-2") == first
        handle = await client.begin(listens.options(id="o-2"), "b")
        assert (handle.key, handle.is_new) == (first, False)
        with pytest.raises(Rejected, match="`o-2`"):
            await client.start("listens", {"name": "b"}, id="o-2", unique=True)
        with pytest.raises(Rejected, match="`o-2`"):
            await client.start("other", {"name": "b"}, id="o-2")

    with serving(tmp_path) as at:
        asyncio.run(talk(at.client))


def test_a_start_that_wants_to_be_the_only_one_may_be_repeated_under_its_key(tmp_path):
    """A caller that got no answer asks again and gets its own instance; another one is refused."""

    async def talk(client):
        ask = partial(client.start, "listens", {"name": "c"}, id="o-3", unique=True)
        first = await ask(idempotency_key="mine")
        assert await ask(idempotency_key="mine") == first
        with pytest.raises(Rejected, match="`o-3`"):
            await ask(idempotency_key="yours")
        with pytest.raises(Rejected, match="`o-3`"):
            await ask()

    with serving(tmp_path) as at:
        asyncio.run(talk(at.client))


def test_of_fifty_that_want_to_be_the_only_one_one_is(tmp_path):
    """Behaviour 11: one starts, all others are refused."""

    async def talk(client):
        asked = (client.start("listens", {"name": "d"}, id="o-4", unique=True) for _ in range(50))
        return await asyncio.gather(*asked, return_exceptions=True)

    with serving(tmp_path) as at:
        found = asyncio.run(talk(at.client))

    assert sum(isinstance(one, str) for one in found) == 1
    assert sum(isinstance(one, Rejected) for one in found) == 49


def test_what_no_id_can_say_is_refused():
    """With what was expected."""
    with pytest.raises(InputError, match="`existing` to be return or reject, got 'replace'"):
        workflow(existing="replace")(listens.function)
    with pytest.raises(InputError, match="`existing` to be return or reject"):
        listens.options(existing="both")
    with pytest.raises(InputError, match="an id or a business key, got both"):
        start_request("p", id="a", business_key="b")


@pytest.mark.timeout(120)
def test_an_id_is_started_once_by_command_and_over_http(tmp_path):
    """Behaviour 11: by command, by HTTP and by client it is one instance; `unique` is refused."""
    (tmp_path / "app.py").write_text(APP)
    with Server(tmp_path, app="app") as server:
        key = tenuto(server, tmp_path, "start", "sleeps", "--id", "o-5")
        assert tenuto(server, tmp_path, "start", "sleeps", "--id", "o-5") == key
        with BlockingClient(server.url, token=server.token) as client:
            assert client.start("sleeps", id="o-5") == key
            with pytest.raises(Rejected, match="`o-5`") as refused:
                client.start("sleeps", id="o-5", unique=True)
            assert refused.value.code == "duplicate-business-key"
            fresh = client.start("sleeps", id="o-6", unique=True)
            assert client.show(fresh).business_key == "o-6"
        asked = partial(
            httpx.post,
            f"{server.url}/api/v1/instances",
            headers={"Authorization": f"Bearer {server.token}"},
        )
        again = asked(json={"process": "sleeps", "id": "o-5"})
        assert (again.status_code, again.json()) == (201, {"instance": key, "repeated": True})
        assert asked(json={"process": "sleeps", "id": "o-5", "unique": True}).status_code == 409
