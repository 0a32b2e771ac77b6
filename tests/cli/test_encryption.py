"""`tenuto encryption` and `--encrypt-with`, as an operator uses them (behaviour 73)."""

from __future__ import annotations

import pytest

from tenuto.assembly import ENCRYPTION_KEY_FILE
from tests.cli.conftest import MODELS


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    """Forget the key that a verb in this process was given."""
    monkeypatch.setenv(ENCRYPTION_KEY_FILE, "")


def test_a_database_is_made_and_asked_with_its_key(tenuto, monkeypatch):
    """Without the key it is told that one is wanted; a copy has another key."""
    key, other = tenuto.folder / "key", tenuto.folder / "other"
    tenuto("encryption", "new-key", key)
    tenuto("encryption", "new-key", other)
    named = ("--encrypt-with", key)
    tenuto.on_database("deploy", *MODELS, *named)
    tenuto.on_database(
        "start", "approval", "-v", "case=c", "-v", "amount=1", "--business-key", "Zq7x", *named
    )
    assert "Zq7x" in tenuto.on_database("ps", *named).stdout
    assert b"Zq7x" not in tenuto.database.read_bytes()

    copied = tenuto.folder / "copied.db"
    said = tenuto.on_database("encryption", "copy", "--to", copied, "--with", other, *named)
    assert "encrypted" in said.stdout
    assert "Zq7x" in tenuto("ps", "--db", copied, "--encrypt-with", other).stdout

    monkeypatch.setenv(ENCRYPTION_KEY_FILE, "")
    refused = tenuto.on_database("ps", expect=3)
    assert "name its key if it is encrypted" in refused.stderr
    missing = tenuto.on_database("ps", "--encrypt-with", tenuto.folder / "none", expect=2)
    assert "tenuto encryption new-key" in missing.stderr
