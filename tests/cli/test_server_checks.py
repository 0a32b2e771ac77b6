"""Proof through a server: verify, audit and doctor at a URL say what they say of the file."""

import contextlib
import json
import shutil
import sqlite3

import pytest

from tests.cli.conftest import HERE, MODELS, AtServer
from tests.serving import Server


@pytest.fixture
def tenuto(beside):
    """Give the command line beside a server with an order that waits."""
    beside.settled("proof")
    return beside


@pytest.fixture
def restarted(tmp_path, monkeypatch):
    """Give a way to serve a database of its own again, after something was done to it."""
    shutil.copy(HERE / "shop.py", tmp_path / "shop.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")

    @contextlib.contextmanager
    def serve():
        with Server(tmp_path, app="shop", models=MODELS) as server:
            yield AtServer(server)

    return serve


def change(database, text):
    """Alter a database behind the back of Tenuto."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(text)


def test_a_sound_database_verifies_at_its_server(tenuto):
    """The counts are those of the file; the words too."""
    assert tenuto.told("verify") == tenuto.data("verify")
    assert tenuto.at("verify").stdout == tenuto.on_database("verify").stdout
    assert "agree" in tenuto.at("verify").stdout


def test_the_chain_is_audited_at_its_server(tenuto):
    """Without a witness the tail is unproven, whoever is asked."""
    by_url, by_file = tenuto.told("audit", "verify"), tenuto.data("audit", "verify")

    assert by_url == by_file
    assert (by_url["findings"], by_url["witness"]) == ([], "unproven")
    assert "the chain is whole" in tenuto.at("audit", "verify").stdout


def test_a_witness_is_made_and_compared_at_a_server(tenuto, tmp_path):
    """It is signed here, with this user's key; the server's file and the server hold it."""
    witness, key = tmp_path / "witness.json", tmp_path / "key"
    said = tenuto.at("audit", "checkpoint", "--to", witness, "--key", key).stdout
    assert "wrote a witness" in said
    tenuto.at("signal", "more")
    against = ("audit", "verify", "--against", witness)

    assert tenuto.told(*against)["witness"] == "proven"
    assert tenuto.data(*against)["witness"] == "proven"

    altered = json.loads(witness.read_text())
    altered["heads"][0]["hash"] = "00" * 32
    witness.write_text(json.dumps(altered))

    found = tenuto.told(*against, expect=4)
    assert found["witness"] == "unproven"
    assert found == tenuto.data(*against, expect=4)


def test_what_was_altered_is_found_at_the_server(restarted):
    """A row and a byte that somebody changed are named, and the verb ends with 4."""
    with restarted() as tenuto:
        tenuto.settled("altered")
    database = tenuto.database
    change(database, "UPDATE user_task SET assignee = 'mallory'")
    change(
        database,
        "UPDATE journal SET blob = CAST(substr(blob, 1, length(blob) - 1) || x'00' AS BLOB) "
        "WHERE aggregate > 0 AND version = 1",
    )

    with restarted() as tenuto:
        assert "NOT AS WRITTEN" in tenuto.at("audit", "verify", expect=4).stdout
        assert tenuto.told("audit", "verify", expect=4) == tenuto.data("audit", "verify", expect=4)
        change(database, "UPDATE journal SET blob = NULL WHERE aggregate > 0 AND version = 1")
        assert tenuto.told("verify")["pruned"] == tenuto.data("verify")["pruned"] == 1


def test_a_wrong_row_is_found_at_the_server(restarted):
    """It is named with what its journal implies."""
    with restarted() as tenuto:
        tenuto.settled("altered")
    change(tenuto.database, "UPDATE user_task SET assignee = 'mallory'")

    with restarted() as tenuto:
        assert "mallory" in tenuto.at("verify", expect=4).stdout
        assert tenuto.told("verify", expect=4) == tenuto.data("verify", expect=4)


def test_doctor_looks_at_the_machine_of_the_server(tenuto):
    """What it finds there, and how far away it is."""
    found = {check["name"]: check for check in tenuto.told("doctor")}

    assert {"answer", "server", "python", "fsync", "free space", "held by", "format"} <= set(found)
    assert found["sqlite"]["status"] == "ok"
    assert found["answer"]["found"].startswith("after ")
    assert str(tenuto.server.process.pid) in found["held by"]["found"]


@pytest.mark.parametrize("verb", [["verify"], ["audit", "verify"], ["doctor"]])
def test_who_may_not_operate_is_refused(tenuto, verb):
    """The role of a person looks at tasks, not at the whole database."""
    made = tenuto.told("token", "create", "ann", "--role", "person")

    refused = tenuto(*verb, "--url", tenuto.server.url, "--token", made["token"], expect=1)

    assert "operate" in refused.stderr
