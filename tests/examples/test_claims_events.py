"""Documents reach a claim as a CloudEvent."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

from tenuto.assembly import load_app, running
from tenuto.events.accept import Acceptor
from tenuto.events.envelope import read_event
from tidy.sources import ROOT

CLAIMS = ROOT / "examples" / "claims"
CLAIM = {
    "claimId": "C-2026-00001",
    "policy": "P-0000002",
    "lossDate": date(2026, 3, 2),
    "kind": "motor",
    "cause": "collision",
    "amount": Decimal(3200),
    "currency": "EUR",
    "injury": "none",
    "country": "DE",
    "reportedBy": "Anna Weber",
    "reportedAt": datetime(2026, 3, 3, 9, 30, tzinfo=UTC),
    "channel": "app",
    "documents": "missing",
    "account": "DE00000000000000000000",
    "note": "Bumper",
}


def received(id, claim):
    """Return what the archive says of a claim."""
    return read_event(
        {
            "specversion": "1.0",
            "id": id,
            "source": "/archive/eu",
            "type": "com.example.archive.documents.received",
            "data": {"claim": claim, "pages": 4},
        }
    )


async def until(condition):
    """Wait until something holds; the test's own time limit bounds it."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def test_documents_bring_a_claim_to_its_review(tmp_path):
    """The event is correlated by the claim's number; a second delivery changes nothing."""

    async def scenario(at):
        await at.client.deploy(CLAIMS)
        await at.client.start("claim", CLAIM)
        expected = ("claim", "await-documents", "message:documents-received", 1)
        await until(lambda: expected in at.client.read.waiting())
        acceptor = Acceptor(at.node)
        events = [received("1", "C-2026-00001"), received("1", "C-2026-00001")]
        outcomes = await acceptor.accept(at.client, events)
        await until(at.client.read.tasks)
        return outcomes, at.client.read.tasks()

    handlers = load_app("examples.claims.handlers")
    with running(tmp_path / "t.db", handlers=handlers) as at:
        outcomes, [task] = asyncio.run(scenario(at))

    assert [outcome.status for outcome in outcomes] == ["accepted", "duplicate"]
    assert outcomes[0].effects[0].message == "correlated"
    assert task.element == "review"


def test_documents_that_come_early_wait_for_their_claim(tmp_path):
    """The message is kept until somebody waits for it."""

    async def scenario(at):
        await at.client.deploy(CLAIMS)
        [outcome] = await Acceptor(at.node).accept(at.client, [received("1", "C-2026-00001")])
        await at.client.start("claim", CLAIM)
        await until(at.client.read.tasks)
        return outcome, at.client.read.tasks()

    handlers = load_app("examples.claims.handlers")
    with running(tmp_path / "t.db", handlers=handlers) as at:
        outcome, [task] = asyncio.run(scenario(at))

    assert outcome.effects[0].message == "buffered"
    assert task.element == "review"
