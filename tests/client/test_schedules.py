"""Schedules through the clients of a server: awaited and blocking."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

import tenuto
from tenuto.client.schedules import BackfillRequest, PlanRequest
from tenuto.errors import InputError, Rejected

PLAN = PlanRequest("asked", {"cron": "0 2 * * *"}, {"n": Decimal("1.10")}, overlap="allow")
SPAN = BackfillRequest("2026-01-01T00:00:00Z", "2026-01-03T12:00:00Z")


def test_a_schedule_lives_through_the_blocking_client(client):
    """Put, shown, changed as it was read, paused, triggered, backfilled, deleted."""
    assert client.put_schedule("nightly", PLAN) is True
    assert client.put_schedule("nightly", PLAN) is False
    shown = client.schedule("nightly")
    assert (shown.process, shown.variables, shown.overlap) == (
        "asked",
        {"n": Decimal("1.10")},
        "allow",
    )
    assert [one.name for one in client.schedules()] == ["nightly"]

    changed = PlanRequest("asked", {"cron": "0 3 * * *"})
    assert client.put_schedule("nightly", changed, expected=shown.tag) is True
    with pytest.raises(Rejected) as refused:
        client.put_schedule("nightly", PLAN, expected=shown.tag)
    assert refused.value.code == "version-mismatch"

    client.pause_schedule("nightly", reason="holidays")
    assert client.schedule("nightly").reason == "holidays"
    client.resume_schedule("nightly")
    told = client.trigger_schedule("nightly")
    assert told.status == "started"
    assert client.show(told.instance).process == "asked"
    dry = client.backfill_schedule("nightly", SPAN, dry_run=True)
    assert (dry.count, dry.ticks[0]) == (3, "2026-01-01T03:00:00.000Z")
    assert client.backfill_schedule("nightly", SPAN).count == 3
    client.delete_schedule("nightly")
    with pytest.raises(Rejected) as gone:
        client.schedule("nightly")
    assert gone.value.code == "not-found"


def test_the_awaited_client_gives_the_same(remote):
    """Also what it refuses."""

    async def whole(client):
        await client.put_schedule("awaited", PLAN)
        shown = await client.schedule("awaited")
        await client.delete_schedule("awaited")
        with pytest.raises(InputError, match="cron"):
            await client.put_schedule("awaited", PlanRequest("asked", {"cron": "never"}))
        return shown

    shown = remote(whole)

    assert (shown.name, shown.variables) == ("awaited", {"n": Decimal("1.10")})


def test_a_trigger_whose_answer_was_lost_starts_one_instance(server, wire):
    """It is sent again under the same key."""
    with tenuto.connect(wire.url, server.token, patience_seconds=10) as client:
        client.put_schedule("lossy", PLAN)
        wire.to_lose = 1
        told = client.trigger_schedule("lossy")
        shown = client.schedule("lossy")
        client.delete_schedule("lossy")

    assert wire.lost == 1
    assert (told.status, shown.counts["started"]) == ("started", 1)


def test_a_date_among_the_variables_is_kept_as_its_text(client):
    """JSON knows no dates."""
    client.put_schedule(
        "dated", PlanRequest("asked", {"cron": "0 2 * * *"}, {"d": date(2026, 1, 2)})
    )
    shown = client.schedule("dated")
    client.delete_schedule("dated")

    assert shown.variables == {"d": "2026-01-02"}
