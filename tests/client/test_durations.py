"""Durations with months, wherever a duration is asked for: kept as long as they say, or refused."""

from __future__ import annotations

import pytest

from tenuto.client.requests import publish_request
from tenuto.errors import InputError
from tenuto.schedules import parse_fixed
from tenuto.worker.handlers import handler
from tenuto.workflows.define import seconds_of
from tenuto.workflows.queues import milliseconds_of

DAY = 86_400_000
LAST_OF_JANUARY = 1_769_817_600_000
"""2026-01-31T00:00:00Z"""


@pytest.mark.parametrize(
    ("text", "days"), [("P1M", 28), ("P1Y", 365), ("P1M1D", 29), ("P2D", 2), ("PT0S", 0)]
)
def test_a_message_is_kept_for_the_months_that_it_names(text, days):
    """From the instant when it is published; a day that a month lacks is its last one."""
    request = publish_request("paid", "k", time_to_live=text, at=LAST_OF_JANUARY)

    assert request.command.time_to_live_ms == days * DAY


@pytest.mark.parametrize("read", [parse_fixed, seconds_of, milliseconds_of])
def test_months_are_refused_where_no_instant_says_how_long_they_are(read):
    """Timeouts, delays and leases last the same whenever they begin; the refusal names days."""
    with pytest.raises(InputError, match=r"without years and months such as P30D, got `P1M`"):
        read("P1M")


def test_the_lease_of_a_handler_has_no_months():
    """It was none at all."""
    with pytest.raises(InputError, match="without years and months"):
        handler("work", lease="P1M")(lambda: None)
