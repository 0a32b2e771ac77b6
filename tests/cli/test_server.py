"""The same verbs through a server: named by a URL, or found beside the database it holds."""

import json
import os
from datetime import date
from pathlib import Path

import pytest

from tenuto import assembly
from tests.cli.conftest import MODELS


@pytest.fixture
def tenuto(beside):
    """Give the command line beside a server."""
    return beside


def test_views_of_server_and_file_agree(tenuto):
    """What a URL shows of an instance is what the file shows, its waiting and decisions too."""
    tenuto.settled("agree")
    tenuto.at("start", "approval", "-v", "case=c-9", "-v", "amount=1500", "--business-key", "c-9")
    path = ("--business-key", "agree")

    assert tenuto.told("show", "agree") == tenuto.data("show", "agree")
    assert tenuto.told("show", "c-9") == tenuto.data("show", "c-9")
    assert tenuto.told("ps", *path)["instances"] == tenuto.data("ps", *path)["instances"]
    assert tenuto.told("ps")["counts"] == tenuto.data("ps")["counts"]
    assert tenuto.told("ps")["waiting"] == tenuto.data("ps")["waiting"]
    assert "message `papers received`" in tenuto.at("ps").stdout
    assert "rule 2 (Two signatures.) -> desk = manager" in tenuto.at("show", "c-9").stdout


def test_a_decision_that_met_what_it_cannot_use_says_so(tenuto):
    """The warnings of a decision come through the server as the file has them."""
    tenuto.at("start", "approval", "-v", "case=c-8", "-v", "amount=many", "--business-key", "c-8")

    [decision] = tenuto.told("show", "c-8")["decisions"]

    assert decision["warnings"]
    assert tenuto.data("show", "c-8")["decisions"] == [decision]


def test_a_stuck_order_is_shown_and_resolved(tenuto):
    """Incidents and failed attempts come through the server; resolved, the job is tried again."""
    tenuto.at("start", "order", "-v", "id=broken", "-v", "amount=1", "--business-key", "stuck")
    found = tenuto.until(lambda: tenuto.told("incidents", "--instance", "stuck"), len)

    assert found == tenuto.data("incidents", "--instance", "stuck")
    assert tenuto.told("show", "stuck") == tenuto.data("show", "stuck")
    said = tenuto.at("incidents", "resolve", found[0]["key"], "-v", "id=mended").stdout

    assert "resolved 1" in said
    ended = tenuto.until(
        lambda: tenuto.told("show", "stuck"), lambda one: one["status"] == "completed"
    )
    assert [one["message"] for one in ended["failed_attempts"]] == ["no such card"]


def test_verbs_on_a_held_database_ask_its_server(tenuto):
    """With --db, what writes goes through the server that holds it instead of failing."""
    tenuto.settled("held")
    [key] = [
        one["key"]
        for one in tenuto.data("tasks")
        if one["instance"] == tenuto.told("show", "held")["instance"]
    ]

    tenuto.on_database("tasks", "claim", key, "--assignee", "ann")
    tenuto.on_database("tasks", "claim", key, "--assignee", "bob", expect=1)
    tenuto.on_database("tasks", "release", key, "--assignee", "ann")
    tenuto.on_database("complete", key, "-v", "approved=true")

    found = tenuto.data("show", "held")
    assert (found["status"], found["variables"]["approved"]) == ("completed", True)


def test_messages_signals_and_ends_go_through_the_server(tenuto):
    """A message reaches who waits, and an instance ends by its business key."""
    tenuto.at("start", "approval", "-v", "case=m-1", "-v", "amount=5", "--business-key", "m-1")
    tenuto.settled("over")

    assert tenuto.at("message", "papers received", "-k", "m-1").stdout == "correlated\n"
    tenuto.at("signal", "closing time")
    assert "canceled" in tenuto.at("cancel", "over", "--reason", "twice").stdout

    assert tenuto.told("show", "m-1")["status"] == "completed"
    assert tenuto.told("show", "over")["status"] == "terminated"


def test_deploying_at_a_server_reports_as_on_a_file(tenuto, tmp_path):
    """A server reports on models as the command itself does; a refusal names the element."""
    by_url = tenuto.told("deploy", MODELS[0])
    alone = json.loads(tenuto("deploy", MODELS[0], "--db", tmp_path / "x", "-o", "json").stdout)
    broken = tmp_path / "broken.bpmn"
    broken.write_text(MODELS[0].read_text().replace('targetRef="charge"', 'targetRef="gone"'))

    assert by_url == alone
    assert "needs a handler for job type `charge`" in tenuto.at("deploy", MODELS[0]).stdout
    assert "f1" in tenuto.at("deploy", broken, expect=2).stderr


def test_wrong_variables_are_refused_before_the_server_starts(tenuto):
    """Declared variables are read as declared, whether a file or a server declares them."""
    given = ("start", "order", "-v", "id=a", "-v")

    assert "expected a number" in tenuto.at(*given, "amount=x", expect=2).stderr
    assert "nothing" in tenuto.at("start", "nothing", expect=1).stderr


def test_what_a_crash_left_is_no_server(tenuto, tmp_path):
    """A file that names a server which is gone does not stand in the way of the database."""
    database = tmp_path / "crashed.db"
    left = {"url": "http://127.0.0.1:1", "token": "tnt_a_b", "pid": os.getpid()}
    Path(f"{database}.serve.json").write_text(json.dumps(left))

    tenuto("deploy", MODELS[0], "--db", database)
    assert tenuto("signal", "x", "--db", database).stdout == ""


def test_two_places_are_one_too_many(tenuto, monkeypatch):
    """A file and a URL exclude each other; a typed file goes before a URL of the environment."""
    assert "got both" in tenuto.at("ps", "--db", tenuto.database, expect=2).output
    monkeypatch.setenv("TENUTO_URL", "http://127.0.0.1:1")

    tenuto.on_database("ps")
    assert "there is none" in tenuto("signal", "x", expect=3).stderr


def test_declared_dates_stay_dates_on_their_way(tenuto):
    """What a file keeps as a date, a server that is asked to start keeps as one."""
    given = ("start", "order", "-v", "id=d", "-v", "amount=2000", "-v", "day=2026-02-28")
    key = tenuto.at(*given).stdout.strip()

    with assembly.reading(tenuto.database) as read:
        assert read.variables(int(key))["day"] == date(2026, 2, 28)
