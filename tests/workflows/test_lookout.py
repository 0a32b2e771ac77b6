"""The lookout warns of a body that holds its worker."""

from __future__ import annotations

import threading

import pytest
import structlog

from tenuto import wf, workflow
from tenuto.errors import InputError
from tenuto.workflows.lookout import Lookout
from tenuto.workflows.looks import Looks, looks_of

told = threading.Event()


def held() -> None:
    """Hold the loop until somebody has told of it."""
    assert told.wait(10)


@workflow
async def holding() -> bool:
    """Hold the worker once."""
    held()
    return True


@workflow
def holding_plainly() -> bool:
    """Hold the worker on a thread of its own."""
    wf.wait(wf.sleep(0))
    held()
    return True


@pytest.mark.parametrize("one", [holding, holding_plainly], ids=lambda one: one.name)
def test_a_body_that_holds_its_worker_is_told_with_its_place(durable, one):
    """One warning, with workflow, line and stack; then the body goes on."""
    told.clear()
    lines = []

    def note(_logger, _level, event):
        lines.append(event)
        told.set()
        raise structlog.DropEvent

    before = structlog.get_config()["processors"]
    structlog.configure(processors=[note])
    durable.looks = Looks(lookout=Lookout(0.05))
    try:
        run = durable.start(one)
        durable.advance(0)
    finally:
        structlog.configure(processors=before)

    assert run.result is True
    (line,) = lines
    assert (line["workflow"], line["instance"]) == (one.name, run.key)
    assert line["file"] == __file__
    assert "in held" in line["stack"]


def test_a_worker_watches_unless_the_environment_says_otherwise():
    """One second by itself; 0 turns it off; anything else is refused."""
    assert looks_of({}).lookout is not None
    assert looks_of({}).guard is None
    assert looks_of({"TENUTO_BLOCKED_SECONDS": "0", "TENUTO_GUARD": "warn"}).lookout is None
    with pytest.raises(InputError, match="TENUTO_BLOCKED_SECONDS"):
        looks_of({"TENUTO_BLOCKED_SECONDS": "soon"})
