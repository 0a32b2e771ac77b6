"""Steps in the user's own transaction, in a worker that dies around the commit."""

from __future__ import annotations

import sqlite3

import pytest

from tests.worker.asking import result, start

pytestmark = pytest.mark.timeout(60)

APP = """
import os, pathlib, signal, sqlite3
from tenuto import handler, step, workflow

@handler("short", lease="2s")
async def short() -> dict:
    return {}

def die(where):
    fatal = pathlib.Path("die")
    if fatal.exists() and fatal.read_text() == where:
        fatal.unlink()
        os.kill(os.getpid(), signal.SIGKILL)

class Shop(sqlite3.Connection):
    def commit(self):
        is_last = self.total_changes > 0
        if is_last:
            die("before")
        super().commit()
        if is_last:
            die("after")

def open_shop():
    return sqlite3.connect("shop.db", factory=Shop)

@step(tx=open_shop)
def reserve(shop: sqlite3.Connection, sku: str) -> int:
    with open("notes", "a") as file:
        file.write("reserve\\n")
    return shop.execute("INSERT INTO reserved VALUES (?)", (sku,)).lastrowid

@workflow
async def order(sku: str) -> list:
    return [await reserve.call(sku), await reserve.call(sku + "2")]
"""


@pytest.mark.parametrize(
    ("where", "calls"),
    [("before", 3), ("after", 2)],
)
def test_a_step_in_the_users_transaction_is_done_once(work, ask, tmp_path, where, calls):
    """Its worker is killed before or after its commit, and before the server knows: one row, and
    after the commit not even a second call (behaviour 5).
    """
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.execute("CREATE TABLE reserved (sku TEXT)")
    shop.close()
    (tmp_path / "die").write_text(where)
    first = work()
    key = start(ask, "order", sku="a")
    first.wait()
    work()

    assert result(ask, key) == [1, 2]
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        assert shop.execute("SELECT sku FROM reserved").fetchall() == [("a",), ("a2",)]
    shop.close()
    assert (tmp_path / "notes").read_text().count("reserve") == calls
