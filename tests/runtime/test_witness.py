"""Witnesses that a server keeps by itself, and the databases that it refuses because of them."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from tenuto.assembly import running, serving
from tenuto.errors import StoreCorrupt
from tenuto.store import audit
from tests.spec.models import end, flows, model, start, task

SOURCES = (("one.bpmn", "bpmn", model(start() + task("w") + end() + flows("start>w", "w>end"))),)


def serve_once(path, folder, *, is_restored=False):
    """Serve a database, let one instance begin, and end."""

    async def begin(at):
        await at.running.client.deploy_sources(SOURCES)
        await at.running.client.start("p")

    with serving(path, witnesses=folder, is_restored=is_restored) as at:
        asyncio.run(begin(at))


def test_a_server_leaves_a_witness_of_what_it_did(tmp_path):
    """The witness covers the last commit, and the chain agrees with it."""
    serve_once(tmp_path / "t.db", tmp_path / "home")

    [witness] = (tmp_path / "home").glob("*.json")
    with running(tmp_path / "t.db") as at:
        report = audit.verify_against(at.client.read.reader, audit.read_witness(witness))
    assert report.is_sound


def test_an_older_copy_is_refused_until_it_is_said_to_be_restored(tmp_path):
    """A copy that lacks witnessed commits is not served by accident."""
    path, folder = tmp_path / "t.db", tmp_path / "home"
    serve_once(path, folder)
    shutil.copy(path, tmp_path / "older.db")
    serve_once(path, folder)
    shutil.copy(tmp_path / "older.db", path)

    with pytest.raises(StoreCorrupt, match="--restored"), serving(path, witnesses=folder):
        pass

    serve_once(path, folder, is_restored=True)
    serve_once(path, folder)


def test_another_database_has_a_witness_of_its_own(tmp_path):
    """Witnesses are kept by the identity of the database, not by its path."""
    path, folder = tmp_path / "t.db", tmp_path / "home"
    serve_once(path, folder)
    path.unlink()

    serve_once(path, folder)

    assert len(list(folder.glob("*.json"))) == 2
