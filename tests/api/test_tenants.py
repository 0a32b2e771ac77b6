"""Tenants behind one server: nothing that A has or knows does anything at B (behaviour 74)."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from tenuto import console
from tenuto.api.routes import ROUTES
from tenuto.assembly import Address, Opening
from tenuto.client import requests as ask
from tenuto.errors import InputError
from tenuto.governance.tokens import mint_token
from tenuto.tenants import Folder, housing
from tests.api.conftest import ONE_TASK, code_of

EVERY = (*ROUTES, *console.ROUTES)
CLOSED = [route for route in EVERY if not route.is_public]
A, B = "http://acme.localhost", "http://bolt.localhost"


class Two:
    """Two tenants, each with a process, an instance of the same key, and a token."""

    def __init__(self, house, runner):
        self.house = house
        self.runner = runner
        self.tokens = {name: runner.run(self._prepare(name)) for name in ("acme", "bolt")}

    async def _prepare(self, name):
        client = self.house.served[name].running.client
        await client.deploy_sources([("m.bpmn", "bpmn", ONE_TASK)])
        await client.start("p", {"who": name}, business_key="same", unique=True)
        minted = mint_token()
        request = ask.TokenRequest(minted.id, "ann", "api", ("admin",), (), (), minted.digest, None)
        await client.issue_token(request)
        return minted.text

    def request(self, method, url, token="", **more):
        """Return the response to one request."""
        return self.runner.run(self.ask(method, url, token, **more))

    async def ask(self, method, url, token="", **more):
        """Return the response to one request."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        headers.update(more.pop("headers", {}))
        transport = httpx.ASGITransport(self.house.doors, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.request(method, url, headers=headers, **more)

    def key(self, name):
        """Return the key of the instance of a tenant."""
        found = self.request("GET", f"{url_of(name)}/api/v1/instances", self.tokens[name])
        [one] = found.json()["items"]
        assert one["business_key"] == "same"
        return one["instance"]


def url_of(name):
    return f"http://{name}.localhost"


def journal_of(house, name):
    """Return what a tenant's journal and instances are, to see that nothing changed."""
    reader = house.served[name].running.node.store.reader()
    try:
        return sorted((one.key, one.version) for one in reader.rows("instance"))
    finally:
        reader.close()


@pytest.fixture
def two(tmp_path):
    folder = Folder(tmp_path)
    folder.create("acme")
    folder.create("bolt")
    with (
        asyncio.Runner() as runner,
        housing(folder, Address(), Opening(operator="op")) as house,
    ):
        house.look()
        yield Two(house, runner)


def test_a_token_and_a_cookie_of_a_do_nothing_at_b_on_any_route(two):
    """Each route of the server, by the tenant's name and below its path, as if nobody had come
    (behaviour 74).
    """
    token, key = two.tokens["acme"], two.key("bolt")
    before = journal_of(two.house, "bolt")
    for route in CLOSED:
        path = re.sub(r"{\w+}", key, route.path)
        ways = [(f"{B}{path}", {"authorization": f"Bearer {token}"})]
        ways += [(f"{B}{path}", {"cookie": f"tenuto_session={token}"})]
        if path.startswith("/api/"):
            ways += [(f"http://127.0.0.1/t/bolt{path}", {"authorization": f"Bearer {token}"})]
        for url, headers in ways:
            answer = two.request(route.method, url, headers=headers, json={})
            if route.is_page:
                assert answer.status_code == 303, (route.name, url)
                assert answer.headers["location"].startswith("/login"), route.name
            else:
                assert code_of(answer) == (401, "unauthenticated"), (route.name, url)
    assert journal_of(two.house, "bolt") == before


def test_the_same_keys_and_names_do_not_meet(two):
    """A business key is unique in each; what A lists, sends and broadcasts is A's alone
    (behaviour 74).
    """
    token = two.tokens["acme"]
    [mine] = two.request("GET", f"{A}/api/v1/instances", token).json()["items"]
    shown = two.request("GET", f"{A}/api/v1/instances/{mine['instance']}/variables", token)
    assert shown.json()["who"] == "acme"
    other = two.key("bolt")
    found = two.request("GET", f"{A}/api/v1/instances/{other}", token)
    assert code_of(found) == (404, "not-found")
    jobs = two.request(
        "POST",
        f"{A}/api/v1/jobs/activate",
        token,
        json={"types": ["work"], "limit": 10},
    )
    assert [one["instance"] for one in jobs.json()["jobs"]] == [mine["instance"]]


def test_a_program_comes_below_a_path_and_a_browser_by_a_name(two):
    """Where names below the host do not resolve, the API is below `/t/NAME`; no page is there."""
    token = two.tokens["acme"]
    below = "http://127.0.0.1:8080/t/acme"
    begun = two.request(
        "POST", f"{below}/api/v1/instances", token, json={"process": "p", "variables": {}}
    )
    assert begun.status_code == 201
    assert begun.headers["location"].startswith("/t/acme/api/v1/instances/")
    where = f"http://127.0.0.1:8080{begun.headers['location']}"
    assert two.request("GET", where, token).status_code == 200
    assert code_of(two.request("GET", f"{below}/tasks", token)) == (404, "no-such-route")
    page = two.request("GET", f"{A}:8080/login")
    assert page.status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/api/v1/instances",
        "http://localhost/t/nobody/api/v1/instances",
        "http://nobody.localhost/api/v1/instances",
        "http://localhost/t/../api/v1/instances",
        "http://acme.localhost/t/bolt/api/v1/instances",
        "http://acme.localhost.evil.example/api/v1/instances",
        "http://acme.bolt.localhost/api/v1/instances",
    ],
)
def test_what_names_no_tenant_leads_nowhere(two, url):
    """It is told how a tenant is named, and not which there are."""
    status, code = code_of(two.request("GET", url, two.tokens["acme"]))
    assert (status, code) == (404, "no-such-route")
    assert "bolt" not in two.request("GET", url, "").json()["detail"].replace("/t/bolt", "")


def test_a_host_that_is_not_ours_is_refused_below_a_path_too(two):
    """The name of the host decides before the tenant does."""
    answer = two.request("GET", "http://evil.example/t/acme/api/v1/instances", two.tokens["acme"])
    assert code_of(answer) == (404, "no-such-route")


def test_a_suspended_tenant_is_reached_by_nobody_and_goes_on_where_it_was(two):
    """Its engine ends; the other one is not touched; who comes later is served too."""
    folder, keep = two.house.folder, two.house.doors._keep

    async def seen(name, is_served):
        keeping = asyncio.create_task(keep())
        async with asyncio.timeout(30):
            while (name in two.house.served) is not is_served:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        keeping.cancel()
        await asyncio.wait([keeping])

    folder.suspend("bolt")
    two.runner.run(seen("bolt", is_served=False))
    answer = two.request("GET", f"{B}/api/v1/instances", two.tokens["bolt"])
    assert code_of(answer) == (503, "tenant-suspended")
    assert two.key("acme")

    folder.resume("bolt")
    two.runner.run(seen("bolt", is_served=True))
    assert two.key("bolt")

    folder.create("cord")
    two.runner.run(seen("cord", is_served=True))
    found = two.request("GET", "http://cord.localhost/api/v1/instances", two.tokens["acme"])
    assert code_of(found) == (401, "unauthenticated")


def test_a_tenant_that_cannot_be_opened_hinders_no_other(tmp_path):
    """Its requests are told so; the log has the reason."""
    folder = Folder(tmp_path)
    folder.create("acme")
    folder.create("broken").write_bytes(b"no database at all" * 1000)
    with asyncio.Runner() as runner, housing(folder, Address(), Opening()) as house:
        house.look()
        assert list(house.served) == ["acme"]
        transport = httpx.ASGITransport(house.doors)

        async def ask_it():
            async with httpx.AsyncClient(transport=transport) as client:
                return await client.get("http://broken.localhost/api/v1/instances")

        assert code_of(runner.run(ask_it())) == (503, "tenant-unavailable")


@pytest.mark.parametrize("name", ["", "Acme", "a_b", "../x", "-a", "a-", "a" * 64, "a.b", "é"])
def test_a_name_that_no_host_can_have_is_refused(tmp_path, name):
    """And nothing is made."""
    with pytest.raises(InputError, match="the name of a tenant"):
        Folder(tmp_path).create(name)
    assert list(tmp_path.iterdir()) == []


def test_a_tenant_is_made_once(tmp_path):
    """Who is not there is named with the command that makes it."""
    folder = Folder(tmp_path)
    folder.create("acme")
    with pytest.raises(InputError, match="expected a new tenant"):
        folder.create("acme")
    with pytest.raises(InputError, match="tenuto tenants create bolt"):
        folder.suspend("bolt")
    assert folder.names() == ["acme"]


def test_a_tenant_that_others_reach_needs_a_token(tmp_path):
    """As a server of one database does; it is not served before."""
    folder = Folder(tmp_path)
    folder.create("acme")
    with housing(folder, Address("0.0.0.0"), Opening()) as house:
        house.look()
        assert house.served == {}
