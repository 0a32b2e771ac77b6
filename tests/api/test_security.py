"""Who is let in: every route of the table is tried by whoever may not call it, in every spelling.

The tests are generated from the table, so a route that is added is tried too.
"""

from __future__ import annotations

import re
import socket

import pytest

from tenuto.api.routes import ROUTES
from tenuto.assembly import Address, serving
from tenuto.errors import InputError
from tenuto.governance.permits import ROLES
from tests.api.conftest import code_of
from tests.api.raw import call, headers_of

CLOSED = [route for route in ROUTES if not route.is_public]
JSON = {"content_type": "application/json"}
SUFFIXES = (
    b"/",
    b"//",
    b".json",
    b".css",
    b";.css",
    b";a=b",
    b"%2f",
    b"%00",
    b"%0d%0a",
    b"/.",
    b"/..",
    b"/..;/",
    b"..;/",
    b"%3b.css",
    b"%23",
    b"%3f",
    b"\xff",
    b"%ff",
    b" ",
    b"%20",
    b"~",
    b".bak",
)


def path_of(route):
    """Return a path of a route, with a key in the place of each parameter."""
    return re.sub(r"{\w+}", "381399806771515392-7", route.path).encode()


def spellings(path):
    """Yield other spellings of a path that some server takes for the same."""
    for suffix in SUFFIXES:
        yield path + suffix
    yield path.upper()
    yield path.title()
    yield b"/" + path
    yield b"/." + path
    yield b"/x/.." + path
    yield b"/x/..;" + path
    yield b"//127.0.0.1" + path
    yield path.replace(b"/api", b"/%61pi")
    yield path.replace(b"/v1/", b"/v1//")
    yield path.replace(b"/v1/", b"/v1/./")
    yield path.replace(b"/v1/", b"/v1%2f")
    yield path.replace(b"/v1/", b"/v1\\")
    yield path.replace(b"/api", b"")
    yield b"*"
    yield b""


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)
def test_a_stranger_is_refused_in_every_spelling(worked, route):
    """Without a token no path gives anything; no spelling makes the server fail."""

    async def scenario():
        headers = headers_of(**JSON)
        exact = await call(worked.app, route.method, path_of(route), headers, [b"{}"])
        assert (exact.status, exact.code) == (401, "unauthenticated")
        for path in spellings(path_of(route)):
            answer = await call(worked.app, route.method, path, headers, [b"{}"])
            assert 400 <= answer.status < 500, (path, answer)
            assert answer.code is not None, path

    worked.runner.run(scenario())


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_no_other_spelling_leads_to_a_route(worked, route):
    """With the admin's token too, a route has one path: nothing else is taken for it."""

    async def scenario():
        headers = headers_of(worked.token, **JSON)
        for path in spellings(path_of(route)):
            answer = await call(worked.app, route.method, path, headers, [b"{}"])
            assert 400 <= answer.status < 500, (path, answer)

    worked.runner.run(scenario())


NO_TOKENS = (
    "x",
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Bearer tnt__",
    "Bearer tnt_0000000000000000_x",
    "Bearer " + "t" * 10_000,
    "Bearer tnt_\xff_x",
    "Basic YWRtaW46YWRtaW4=",
    "bearer\ttoken",
)


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)
def test_what_is_no_token_lets_nobody_in(worked, route):
    """Whatever comes in its place is answered as nothing."""

    async def scenario():
        for text in NO_TOKENS:
            headers = headers_of(authorization=text, **JSON)
            answer = await call(worked.app, route.method, path_of(route), headers, [b"{}"])
            assert (answer.status, answer.code) == (401, "unauthenticated"), text
            assert answer.headers["www-authenticate"] == "Bearer"

    worked.runner.run(scenario())


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)
def test_every_role_is_refused_what_it_is_not_granted(worked, route):
    """The permission of the route decides, before anything of the request is read."""

    async def ask(token):
        headers = headers_of(token, content_type="text/nonsense")
        return await call(worked.app, route.method, path_of(route), headers, [b"\xff"])

    refused = [role for role, granted in ROLES.items() if route.permission not in granted]
    for role in refused:
        answer = worked.runner.run(ask(worked.issue(role)))
        assert (answer.status, answer.code) == (403, "forbidden"), role
    assert "admin" not in refused


def test_a_role_that_this_release_does_not_know_grants_nothing(worked):
    """A token of a later release lets in without any right."""
    token = worked.issue("emperor")

    assert code_of(worked.get("processes", token=token)) == (403, "forbidden")


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)
def test_no_header_overrides_the_method(worked, route):
    """A GET that says to be something else is a GET."""
    names = ("x_http_method_override", "x_http_method", "x_method_override")
    overriding = dict.fromkeys(names, route.method)
    headers = headers_of(worked.issue("metrics"), **overriding, **JSON)

    answer = worked.runner.run(
        call(worked.app, "GET", path_of(route) + b"?_method=" + route.method.encode(), headers)
    )

    assert answer.status in {200, 403, 405}
    assert answer.status != 200 or route.name == "getMetrics"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", ""])
def test_another_method_is_not_allowed(worked, method):
    """What a path does not know is refused, and what it knows is named."""
    answer = worked.runner.run(
        call(worked.app, method, b"/api/v1/instances", headers_of(worked.token))
    )

    assert (answer.status, answer.code) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    "name",
    ["authorization", "host", "content-type", "origin", "if-match", "idempotency-key"],
)
def test_a_header_that_decides_comes_once(worked, name):
    """Two values, equal or not, are refused: somebody on the way may have seen the other."""
    both = [(name.encode(), b"x"), *headers_of(worked.token, **JSON), (name.encode(), b"x")]

    answer = worked.runner.run(call(worked.app, "GET", b"/api/v1/processes", both))

    assert (answer.status, answer.code) == (400, "invalid-header")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8080",
        "127.0.0.1@evil.example",
        "evil.example#127.0.0.1",
        "127.0.0.1, evil.example",
        "127.0.0.2",
        "",
        "[::1",
        "127.0.0.1:x",
        "localhost:999999",
        "\xff",
    ],
)
def test_another_host_is_refused(worked, host):
    """A name that leads here by somebody else's DNS is not this server's (rebinding)."""
    for path in (b"/api/v1/processes", b"/api/v1/health/live"):
        answer = worked.runner.run(call(worked.app, "GET", path, headers_of(worked.token, host)))
        assert (answer.status, answer.code) == (421, "wrong-host")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8080", "LOCALHOST", "[::1]:80"])
def test_a_name_of_this_machine_is_this_host(worked, host):
    """Whatever the port."""
    answer = worked.runner.run(
        call(worked.app, "GET", b"/api/v1/processes", headers_of(worked.token, host))
    )

    assert answer.status == 200


def test_a_request_without_host_is_refused(worked):
    """HTTP/1.1 has one always."""
    answer = worked.runner.run(call(worked.app, "GET", b"/api/v1/health/live"))

    assert (answer.status, answer.code) == (421, "wrong-host")


CHANGES = [route for route in CLOSED if route.method != "GET"]


ELSEWHERE = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://[::1"},
    {"origin": ""},
    {"origin": "http://127.0.0.1:1"},
    {"origin": "http://127.0.0.1.evil.example"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
)


@pytest.mark.parametrize("route", CHANGES, ids=lambda route: route.name)
def test_a_change_that_another_site_asks_for_is_refused(worked, route):
    """A browser says from where a request comes; a session does not let other sites change
    anything.
    """

    async def scenario():
        for more in ELSEWHERE:
            headers = headers_of(cookie=f"tenuto_session={worked.token}", **more, **JSON)
            answer = await call(worked.app, route.method, path_of(route), headers, [b"{}"])
            assert (answer.status, answer.code) == (403, "wrong-origin"), more

    worked.runner.run(scenario())


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_form_of_another_site_is_no_json(worked, kind):
    """What a page may send without being asked is not taken for JSON."""
    answer = worked.request(
        "POST", "instances", content=b'{"process": "p"}', headers={"content-type": kind}
    )

    assert code_of(answer) == (415, "unsupported-media-type")


def test_a_session_comes_as_a_cookie_and_from_this_site(worked):
    """The same origin may change things; several cookies do not confuse."""
    headers = headers_of(
        cookie=f"a=b; tenuto_session={worked.token}; c=d", origin="http://127.0.0.1", **JSON
    )

    answer = worked.runner.run(
        call(worked.app, "POST", b"/api/v1/instances", headers, [b'{"process": "p"}'])
    )

    assert answer.status == 201


@pytest.mark.parametrize(
    "cookie", ["tenuto_session", "tenuto_session=", "tenuto_session=\x01", '="']
)
def test_a_broken_cookie_lets_nobody_in(worked, cookie):
    """Nor does it make the server fail."""
    answer = worked.runner.run(
        call(worked.app, "GET", b"/api/v1/processes", headers_of(cookie=cookie))
    )

    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_a_token_in_the_query_lets_nobody_in(worked):
    """Addresses are logged and shared; a token is a header."""
    path = b"/api/v1/processes?access_token=" + worked.token.encode()

    answer = worked.runner.run(call(worked.app, "GET", path, headers_of()))

    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_an_answer_is_kept_by_no_cache_and_sniffed_by_no_browser(worked):
    """Every answer says so, also a refusal."""
    for answer in (worked.get("processes"), worked.get("processes", token="")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers


def test_a_server_is_not_opened_to_others_without_a_token(tmp_path):
    """Where others reach it, somebody must have been let in on purpose first."""
    path = tmp_path / "t.db"
    with (
        pytest.raises(InputError, match="expected a token to exist"),
        serving(path, address=Address("0.0.0.0")),
    ):
        pass


def test_a_server_that_others_reach_has_no_names_but_its_own(api, tmp_path):
    """With a token it may be opened; then `localhost` is no name of it unless it is given."""
    path = tmp_path / "t.db"
    with serving(path) as at:
        api.at, api.service, token = at, at.service, api.token
        api.issue("admin")
    with serving(path, address=Address("0.0.0.0", 0, ("tenuto.example",))) as at:
        app = at.server.config.app
        answers = [
            api.runner.run(call(app, "GET", b"/api/v1/health/live", headers_of(token, host)))
            for host in ("tenuto.example", "localhost")
        ]
    assert [answer.status for answer in answers] == [200, 421]


def test_a_taken_port_is_said(tmp_path):
    """The message names the port and how to take another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(InputError, match=f"port {port}.*--port"),
            serving(tmp_path / "t.db", address=Address(port=port)),
        ):
            pass
