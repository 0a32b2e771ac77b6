"""Databases to alter: three logs with turns, rows and payloads, and hands that change the file."""

import sqlite3

import pytest

from tenuto.store.sqlite import SqliteStore
from tenuto.store.sqlite_reader import open_reader
from tenuto.testing import batches as b

INSTANCES = range(1, 9)


def fill(path, lives=3):
    """Write some lives of a node; every instance takes a turn in every second commit."""
    for life in range(lives):
        store = SqliteStore(path)
        pen = b.Pen(store, at=b.START + life)
        for half in range(2):
            version = 2 * life + half + 1
            rows = [b.instance(key, version=version) for key in INSTANCES]
            values = [b.payload(key, b"value %d" % version) for key in INSTANCES]
            pen.commit(*rows, *values, turns=[(key, version) for key in INSTANCES])
        store.close()
    return path


@pytest.fixture
def database(tmp_path):
    """Give a database of three lives."""
    return fill(tmp_path / "audited.db")


def alter(path, *statements):
    """Change a database behind the back of its store."""
    connection = sqlite3.connect(path)
    with connection:
        for text, *parameters in statements:
            assert connection.execute(text, parameters).rowcount > 0, f"{text} changed nothing"
    connection.close()


def audited(path, check, *arguments):
    """Return what a check says of a database."""
    with open_reader(path) as reader:
        return check(reader, *arguments)
