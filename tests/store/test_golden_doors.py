"""What the doors kept in a database of an earlier commit is known to this one."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from scripts.golden_doors import EVENT
from tenuto import values
from tenuto.assembly import running
from tenuto.client.client import accepted
from tenuto.engine.commands import CompleteJob
from tenuto.events.accept import Acceptor
from tenuto.events.envelope import read_event
from tenuto.runtime.requests import Request
from tenuto.runtime.verify import verify
from tenuto.store.audit import verify_chain

GOLDEN = Path(__file__).parent / "golden" / "doors"


@pytest.fixture(params=sorted(path.name for path in GOLDEN.glob("*.db")))
def doors(request, tmp_path):
    """Give a node on a copy of a golden database."""
    with running(shutil.copyfile(GOLDEN / request.param, tmp_path / request.param)) as at:
        yield at


def test_it_is_sound(doors):
    """State is the fold of the journal, and no hash of the chain is broken."""
    reader = doors.client.read.reader

    assert verify(reader).differences == []
    assert verify_chain(reader).findings == []


def test_tokens_and_webhooks_are_known(doors):
    """Who was let in is let in, who was told is told from where it was."""
    world = doors.node.world

    assert world.tokens["t1"].groups == ("desk",)
    assert world.webhooks["w1"].status == "active"
    assert doors.client.read.webhook_cursor("w1") == b"\x80"


def test_an_event_is_still_known(doors):
    """The same event again changes nothing."""
    again = Acceptor(doors.node).accept(doors.client, [read_event(EVENT)])

    [outcome] = asyncio.run(again)

    assert outcome.status == "duplicate"


def test_a_lease_outside_ends_or_completes(doors):
    """The lease of a worker outside is restored with what it said; its job goes on to the end."""
    [job] = doors.client.read.jobs(str(doors.client.read.find("A7").key))
    details = doors.node.corridor.leases.details[(job.instance, job.element)]
    done = Request(job.instance, CompleteJob(job.element, {}, job.token))

    async def complete():
        return accepted((await doors.client.ask_all([done]))[0])

    asyncio.run(complete())

    assert values.decode(details) == {"page": 7}
    assert doors.client.read.find("A7").status == "completed"
