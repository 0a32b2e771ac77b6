"""Tokens, sessions and login links over HTTP."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from tests.api.conftest import code_of


def test_a_token_lets_in_until_it_is_revoked(api):
    """Its text is shown once; the list has everything else."""
    made = api.post(
        "tokens", {"name": "ann", "roles": ["worker"], "groups": ["g"], "job_types": ["mail"]}
    )

    assert made.status_code == 201
    id, text = made.json()["id"], made.json()["token"]
    who = api.get("session", token=api.issue("person")).json()
    assert who["roles"] == ["person"]
    assert api.post("jobs/activate", {"types": ["mail"]}, token=text).status_code == 200
    listed = {one["id"]: one for one in api.get("tokens").json()["items"]}[id]
    assert (listed["name"], listed["kind"], listed["roles"]) == ("ann", "api", ["worker"])
    assert (listed["groups"], listed["job_types"]) == (["g"], ["mail"])
    assert listed["expires_at"] is None
    assert text.split("_", 2)[2] not in api.get("tokens").text

    assert api.delete(f"tokens/{id}").status_code == 204

    refused = api.post("jobs/activate", {"types": ["mail"]}, token=text)
    assert code_of(refused) == (401, "unauthenticated")
    assert code_of(api.delete(f"tokens/{id}")) == (404, "not-found")


def test_a_token_lets_in_until_it_expires(api):
    """One that ends now lets nobody in; one for a day says when it ends."""
    day = api.post("tokens", {"name": "a", "roles": ["admin"], "expires_in": "P1D"}).json()
    now = api.post("tokens", {"name": "a", "roles": ["admin"], "expires_in": "PT0S"}).json()

    assert api.get("session", token=day["token"]).status_code == 200
    assert day["expires_at"].endswith("Z")
    assert code_of(api.get("session", token=now["token"])) == (401, "unauthenticated")


def test_a_token_that_is_asked_for_twice_is_one(api):
    """Under an idempotency key a lost answer comes again: the same token, let in as before."""
    asked = {"name": "ann", "roles": ["person"], "expires_in": "P1D"}
    key = {"idempotency-key": "let ann in"}

    first = api.post("tokens", asked, headers=key)
    again = api.post("tokens", asked, headers=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert api.get("session", token=first.json()["token"]).json()["name"] == "ann"
    assert len(api.get("tokens").json()["items"]) == 1
    assert api.post("tokens", asked).json()["id"] != first.json()["id"]


def test_a_key_gives_a_token_to_nobody_else(api):
    """Another body, another caller, or a token that was revoked: the key is used up."""
    asked = {"name": "ann", "roles": ["person"]}
    key = {"idempotency-key": "let ann in"}
    made = api.post("tokens", asked, headers=key).json()
    other = api.issue("admin")

    changed = api.post("tokens", asked | {"roles": ["admin"]}, headers=key)
    stolen = api.post("tokens", asked, headers=key, token=other)
    api.delete(f"tokens/{made['id']}")
    late = api.post("tokens", asked, headers=key)

    refused = [code_of(one) for one in (changed, stolen, late)]
    assert refused == [(422, "key-reused")] * 3


@pytest.mark.parametrize(
    "change",
    [
        {"roles": ["king"]},
        {"roles": []},
        {"name": ""},
        {"name": "a\0"},
        {"expires_in": "P11Y"},
        {"expires_in": "soon"},
        {"groups": [""]},
    ],
)
def test_a_token_that_cannot_be_is_refused(api, change):
    """Nothing is issued."""
    answer = api.post("tokens", {"name": "a", "roles": ["worker"], **change})

    assert code_of(answer)[0] == 400
    assert api.get("tokens").json()["items"] == []


def test_a_login_link_lets_one_browser_in_once(api):
    """Its code opens a session whose cookie lets in; a second use is refused."""
    url = api.post("login-links").json()["url"]
    assert urlsplit(url).path == "/login"
    code = re.search("code=(.+)", url)[1]

    opened = api.post("session", {"code": code}, token="")
    again = api.post("session", {"code": code}, token="")

    assert opened.status_code == 204
    cookie = opened.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    session = {"cookie": cookie.partition(";")[0]}
    who = api.get("session", token="", headers=session).json()
    assert (who["name"], who["roles"]) == ("op", ["admin"])
    assert code_of(again) == (401, "unauthenticated")

    ended = api.delete("session", token="", headers=session)

    assert ended.status_code == 204
    assert code_of(api.get("session", token="", headers=session)) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("headers", "is_secure"),
    [
        ({}, False),
        ({"origin": "http://127.0.0.1"}, False),
        ({"x-forwarded-proto": "http"}, False),
        ({"origin": "https://127.0.0.1"}, True),
        ({"x-forwarded-proto": "https"}, True),
        ({"x-forwarded-proto": "HTTPS, http"}, True),
    ],
)
def test_a_session_that_came_by_https_is_never_sent_in_clear(api, headers, is_secure):
    """It is `Secure`; a browser without TLS would not keep such a cookie."""
    url = api.post("login-links", headers=headers).json()["url"]
    code = re.search("code=(.+)", url)[1]

    opened = api.post("session", {"code": code}, token="", headers=headers)
    session = {"cookie": opened.headers["set-cookie"].partition(";")[0]}
    ended = api.delete("session", token="", headers=headers | session)

    assert url.startswith("https:" if is_secure else "http:")
    for answer in (opened, ended):
        assert ("; Secure" in answer.headers["set-cookie"]) is is_secure


def test_tokens_come_on_pages(api):
    """Every token is on one page exactly."""
    issued = {api.issue("worker").split("_")[1] for _ in range(5)}

    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = api.get("tokens", params=query).json()
        seen += [one["id"] for one in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break

    assert sorted(seen) == sorted(issued)
