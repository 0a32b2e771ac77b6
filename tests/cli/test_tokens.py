"""Tokens and login links by command: at a server, on a database that one holds, and at rest."""

import json

import pytest


@pytest.fixture
def tenuto(beside):
    """Give the command line beside a server."""
    return beside


def test_tokens_are_made_listed_and_revoked(tenuto, monkeypatch):
    """A token's text is shown once; it lets in as its roles say, until it is revoked."""
    made = tenuto.at("token", "create", "mia", "--role", "person", "--expires-in", "P1D")
    text = made.stdout.strip()
    monkeypatch.setenv("TENUTO_URL", tenuto.server.url)
    monkeypatch.setenv("TENUTO_TOKEN", text)

    tenuto("ps")
    assert "forbidden" not in tenuto("tasks").output
    assert "permission" in tenuto("token", "list", expect=1).stderr
    [mia] = [one for one in tenuto.data("token", "list") if one["name"] == "mia"]
    assert (mia["name"], mia["roles"]) == ("mia", ["person"])
    assert text.rpartition("_")[2] not in json.dumps(mia)
    tenuto.on_database("token", "revoke", mia["id"])
    assert "token" in tenuto("ps", expect=1).stderr


def test_tokens_are_made_on_a_database_at_rest(tenuto, tmp_path):
    """The first token is made before any server runs, so that others may reach it at all."""
    place = ("--db", tmp_path / "rest.db")

    text = tenuto("token", "create", "root", "--role", "admin", *place).stdout.strip()
    said = tenuto("token", "list", *place).stdout
    assert text.startswith("tnt_")
    assert text.split("_")[1] in said
    assert "nobody" in tenuto("token", "create", "x", "--role", "nobody", *place, expect=2).stderr
    tenuto("token", "revoke", text.split("_")[1], *place)
    assert "no tokens" in tenuto("token", "list", *place).stdout


def test_login_prints_a_new_link(tenuto, tmp_path):
    """Another link comes from the running server; without one the command says how to start it."""
    link = tenuto.on_database("login").stdout.strip()

    assert link.startswith(f"{tenuto.server.url}/login?code=")
    assert link != tenuto.server.login
    assert "tenuto serve" in tenuto("login", "--db", tmp_path / "none.db", expect=2).stderr


def test_a_task_is_claimed_by_whom_the_token_stands_for(tenuto):
    """Without a name the task goes to the holder of the token, not to the login of the machine."""
    made = tenuto.at("token", "create", "olga", "--role", "person", "--group", "ops")
    instance = tenuto.settled("of olga")["instance"]
    [key] = [one["key"] for one in tenuto.told("tasks") if one["instance"] == instance]
    as_olga = ("--url", tenuto.server.url, "--token", made.stdout.strip())

    for_bob = ("tasks", "claim", key, "--assignee", "bob", *as_olga)
    assert "to claim a task for itself" in tenuto(*for_bob, expect=1).stderr
    assert tenuto("tasks", "claim", key, *as_olga).stdout == f"olga has {key}\n"
    assert "olga has it" in tenuto(*for_bob, expect=1).stderr
    assert tenuto("tasks", "release", key, *as_olga).stdout == f"{key} is free\n"
