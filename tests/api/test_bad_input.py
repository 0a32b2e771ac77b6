"""Bad input: each is answered with a problem document, and nothing is half done.

What a route takes is in the table, so the tests are generated from it.
"""

from __future__ import annotations

import itertools

import pytest

from tenuto.api.pages import Paged
from tenuto.api.routes import ROUTES
from tests.api.conftest import code_of
from tests.api.raw import call, converse, headers_of
from tests.api.test_security import path_of

WITH_JSON = [route for route in ROUTES if route.body is not None]
WITH_PAGES = [
    route for route in ROUTES if route.query is not None and issubclass(route.query, Paged)
]
JSON = {"content_type": "application/json", "if_match": "*"}


def ask(api, route, parts, **more):
    """Return what a route answers to raw parts of a body."""
    headers = headers_of(api.token, **(JSON | more))
    return api.runner.run(call(api.app, route.method, path_of(route), headers, parts))


@pytest.fixture
def unchanged(worked):
    """Give a server that commits nothing until the test ends."""
    corridor = worked.service.node.corridor
    before = corridor.head.seq
    yield worked
    assert corridor.head.seq == before
    assert worked.get("health/ready").status_code == 200


NO_JSON = (b"{", b"\xff\xfe")
NO_OBJECT = (
    b'{"a": NaN}',
    b'{"a": "\\ud800"}',
    b"{} {}",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"[]",
    b"null",
    b'"text"',
    b"1e999999999",
)


@pytest.mark.parametrize("route", WITH_JSON, ids=lambda route: route.name)
def test_what_is_no_json_object_is_refused(unchanged, route):
    """The body does not parse, or is not what the route takes."""
    for body in NO_JSON:
        answer = ask(unchanged, route, [body])
        assert (answer.status, answer.code) == (400, "invalid-json"), body
    for body in NO_OBJECT:
        answer = ask(unchanged, route, [body])
        assert (answer.status, answer.code in {"invalid-json", "invalid-body"}) == (400, True), body


@pytest.mark.parametrize(
    "route",
    [route for route in WITH_JSON if isinstance(route.body, type)],
    ids=lambda route: route.name,
)
def test_a_field_that_no_route_knows_is_refused(unchanged, route):
    """A misspelt name does not go by unseen."""
    answer = ask(unchanged, route, [b'{"no_such_field": 1}'])

    assert (answer.status, answer.code) == (400, "invalid-body")


@pytest.mark.parametrize("route", WITH_JSON, ids=lambda route: route.name)
def test_another_media_type_is_refused(unchanged, route):
    """What the caller says that it sends decides."""
    for kind in ("text/plain", "application/jsonp", "application/xml", ""):
        answer = ask(unchanged, route, [b"{}"], content_type=kind)
        assert (answer.status, answer.code) == (415, "unsupported-media-type"), kind


@pytest.mark.parametrize("route", WITH_JSON, ids=lambda route: route.name)
def test_a_body_that_says_to_be_too_long_is_not_read(unchanged, route):
    """It is refused by its length, and the connection is closed."""

    async def scenario():
        coming = iter([{"type": "http.request", "body": b"{}", "more_body": False}])
        length = str(route.body_limit + 1)
        headers = headers_of(unchanged.token, content_length=length, **JSON)
        path = path_of(route)
        return await converse(unchanged.app, route.method, path, b"", headers, coming), [*coming]

    answer, unread = unchanged.runner.run(scenario())
    assert (answer.status, answer.code) == (413, "body-too-large")
    assert answer.headers["connection"] == "close"
    assert len(unread) == 1


@pytest.mark.parametrize("route", WITH_JSON, ids=lambda route: route.name)
def test_a_body_without_end_is_read_up_to_its_limit(unchanged, route):
    """Parts that go on for ever cost no more memory than the route's limit."""
    part = b"x" * 262_144
    counted = itertools.count(1)

    async def scenario():
        def parts():
            while True:
                next(counted)
                yield {"type": "http.request", "body": part, "more_body": True}

        headers = headers_of(unchanged.token, transfer_encoding="chunked", **JSON)
        path = path_of(route)
        return await converse(unchanged.app, route.method, path, b"", headers, parts())

    answer = unchanged.runner.run(scenario())
    assert (answer.status, answer.code) == (413, "body-too-large")
    assert answer.headers["connection"] == "close"
    assert next(counted) <= route.body_limit // len(part) + 3


@pytest.mark.parametrize("route", WITH_JSON, ids=lambda route: route.name)
def test_a_body_that_does_not_come_is_waited_for_no_longer_than_its_time(
    unchanged, route, monkeypatch
):
    """The client stays and sends nothing more."""
    monkeypatch.setattr("tenuto.api.http.BODY_SECONDS_MAX", 0.01)

    async def scenario():
        coming = iter([{"type": "http.request", "body": b"{", "more_body": True}])
        headers = headers_of(unchanged.token, **JSON)
        path = path_of(route)
        return await converse(unchanged.app, route.method, path, b"", headers, coming)

    answer = unchanged.runner.run(scenario())
    assert (answer.status, answer.code) == (408, "body-too-slow")


@pytest.mark.parametrize("route", WITH_JSON, ids=lambda route: route.name)
def test_a_client_that_goes_before_its_body_is_whole_does_nothing(unchanged, route):
    """Half a request is none, and nobody is answered."""

    async def scenario():
        coming = iter(
            [
                {"type": "http.request", "body": b"{}", "more_body": True},
                {"type": "http.disconnect"},
            ]
        )
        headers = headers_of(unchanged.token, **JSON)
        path = path_of(route)
        return await converse(unchanged.app, route.method, path, b"", headers, coming)

    assert unchanged.runner.run(scenario()) is None


BAD_QUERIES = (
    "limit=-1",
    "limit=0",
    "limit=1001",
    "limit=1000000000",
    "limit=" + "9" * 400,
    "limit=1.5",
    "limit=x",
    "limit=",
    "limit=1&limit=1",
    "no_such_field=1",
    "limit=%ff",
    "&".join(f"a{n}=1" for n in range(200)),
)


@pytest.mark.parametrize("route", WITH_PAGES, ids=lambda route: route.name)
def test_a_query_that_cannot_be_used_is_refused(unchanged, route):
    """Limits have limits, and no field comes twice or unknown."""
    for query in BAD_QUERIES:
        answer = unchanged.get(f"{path_of(route).decode()}?{query}")
        assert code_of(answer) == (400, "invalid-query"), query


@pytest.mark.parametrize("route", WITH_PAGES, ids=lambda route: route.name)
def test_a_cursor_that_was_not_given_for_the_list_is_refused(unchanged, route):
    """No text in its place leads anywhere, nor does the cursor of another list."""
    seals = unchanged.service.cursors
    own = seals.close("another list", 7)
    changed = own[:-1] + ("A" if own[-1] != "A" else "B")
    for cursor in ("", "x", "é", "=" * 8, own, changed, own + "A", own[:-4], "A" * 3_000, "0"):
        answer = unchanged.get(path_of(route).decode(), params={"cursor": cursor})
        assert code_of(answer) in {(400, "invalid-cursor"), (400, "invalid-query")}, cursor


@pytest.mark.parametrize(
    "variables",
    [
        '{"a": ' + "[" * 65 + "]" * 65 + "}",
        '{"a": ' + "[" * 400 + "]" * 400 + "}",
        '{"a": ' + "[" * 900 + "]" * 900 + "}",
        '{"a": ' + '{"b":' * 700 + "1" + "}" * 700 + "}",
        '{"a": 1e7000}',
        '{"a": 1e-7000}',
        '{"a": ' + "9" * 2000 + "}",
        '{"a": 0.' + "9" * 2000 + "}",
        '{"a": {"' + "k" * 300 + '": 1}}',
        '{"a": "\\u0000"}',
        '{"": 1}',
    ],
    ids=lambda text: text[:24],
)
def test_a_variable_that_no_store_may_keep_is_refused(unchanged, variables):
    """Nesting, digits, exponents, names and texts have bounds; the problem names the variable."""
    body = f'{{"process": "p", "variables": {variables}}}'

    answer = unchanged.request(
        "POST", "instances", content=body, headers={"content-type": "application/json"}
    )

    assert code_of(answer) in {(422, "invalid-value"), (400, "invalid-json")}


@pytest.mark.parametrize(
    "body",
    [
        {"types": []},
        {"types": ["work"] * 101},
        {"types": [""]},
        {"types": ["work"], "limit": 0},
        {"types": ["work"], "limit": 1001},
        {"types": ["work"], "wait": -1},
        {"types": ["work"], "wait": 61},
        {"types": ["work"], "lease": 0},
        {"types": ["work"], "lease": 86401},
        {"types": ["work"], "limit": "1"},
        {"types": "work"},
    ],
)
def test_a_question_for_jobs_has_bounds(unchanged, body):
    """Nobody leases without end, or waits for ever."""
    assert code_of(unchanged.post("jobs/activate", body)) == (400, "invalid-body")


def test_a_key_that_comes_again_with_another_payload_is_refused(worked):
    """The first stays as it was."""
    headers = {"idempotency-key": "k"}
    first = worked.post("instances", {"process": "p", "variables": {"a": 1}}, headers=headers)

    other = worked.post("instances", {"process": "p", "variables": {"a": 2}}, headers=headers)
    again = worked.post("instances", {"process": "p", "variables": {"a": 1}}, headers=headers)

    assert code_of(other) == (422, "key-reused")
    assert again.json() == first.json() | {"repeated": True}
    assert len(worked.get("instances").json()["items"]) == 1


def test_an_idempotency_key_has_bounds(unchanged):
    """An empty or endless one is refused, the same for every store."""
    for key in ("", "k" * 256):
        answer = unchanged.post("instances", {"process": "p"}, headers={"idempotency-key": key})
        assert code_of(answer) == (422, "invalid-value")


def test_a_process_that_is_not_there_is_named(unchanged):
    """Nothing is started."""
    answer = unchanged.post("instances", {"process": "nobody"})

    assert code_of(answer) == (404, "unknown-process")
    assert "nobody" in answer.json()["detail"]


def test_too_much_work_is_refused_before_it_waits(unchanged, monkeypatch):
    """The caller is told when to come again."""
    monkeypatch.setattr("tenuto.runtime.limits.INBOX_MAX", 0)

    answer = unchanged.post("instances", {"process": "p"})

    assert code_of(answer) == (429, "too-busy")
    assert answer.headers["retry-after"] == "1"


def test_a_bug_is_told_as_nothing_but_that_it_is_one(worked, monkeypatch):
    """What happened is in the log; the answer leaks nothing and the server goes on."""

    def broken(*_):
        raise KeyError("a secret detail")

    monkeypatch.setattr("tenuto.api.routes.instances.found_page", broken)

    answer = worked.get("instances")

    assert code_of(answer) == (500, "bug")
    assert "secret" not in answer.text
    assert worked.get("processes").status_code == 200


def test_a_stopped_node_says_so(worked):
    """Readiness fails; work is refused with a code, not with an error."""
    worked.service.node.corridor.stop()
    worked.service.node.corridor.stopped.wait(5)

    assert worked.get("health/live").status_code == 200
    assert worked.get("health/ready").status_code == 503
    assert code_of(worked.post("instances", {"process": "p"}))[0] == 503
    assert code_of(worked.post("jobs/activate", {"types": ["work"]}))[0] == 503
    assert worked.get("instances").status_code == 200
