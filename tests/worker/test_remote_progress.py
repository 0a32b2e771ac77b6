"""What a step said of its progress outlives the process that performed it."""

from __future__ import annotations

import pytest

from tenuto.store.sqlite_reader import SqliteReader
from tests.worker.asking import result, start, until

pytestmark = pytest.mark.timeout(60)

APP = """
import os, time
from tenuto import handler, step, step_context, workflow

@handler("short", lease="2s")
async def short() -> dict:
    return {}

@step
def copy(rows: int) -> list:
    context = step_context()
    found = context.details
    with open("notes", "a") as file:
        file.write(f"{os.getpid()}\\n")
    context.heartbeat({"row": 7, "mark": b"\\x00\\xff", "part": 0.5})
    while not os.path.exists("go"):
        time.sleep(0.01)
    return [context.attempt, found["row"], list(found["mark"]), found["part"] * 2 == 1]

@workflow
async def copying(rows: int) -> list:
    return await copy.call(rows)
"""


def test_the_next_attempt_sees_what_a_killed_one_said(server, work, ask, tmp_path):
    """Its worker had it kept when it extended the lease, and is killed (behaviour 54)."""
    first = work()
    key = start(ask, "copying", rows=9)
    until(lambda: is_kept(server))
    first.kill()
    first.wait()
    work()
    until(lambda: len(set((tmp_path / "notes").read_text().split())) == 2)
    (tmp_path / "go").touch()

    assert result(ask, key) == [1, 7, [0, 255], True]


def is_kept(server):
    """Tell whether the server keeps what a step said."""
    reader = SqliteReader(server.database)
    try:
        return bool(reader.rows("heartbeat"))
    finally:
        reader.close()
