"""How long threads keep the interpreter: long, unless the corridor is crowded out."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from tenuto.assembly import running
from tenuto.runtime.limits import SWITCH_SECONDS, SWITCH_SHORT_SECONDS
from tenuto.runtime.switching import interval_seconds

SECONDS_MAX = 15.0


@pytest.mark.parametrize(
    ("spent", "own", "expected"),
    [
        (0.1, 0.0, SWITCH_SECONDS),
        (1.0, 0.6, SWITCH_SECONDS),
        (1.0, 0.1, SWITCH_SHORT_SECONDS),
        (2.0, 0.5, SWITCH_SHORT_SECONDS),
    ],
    ids=["idle", "working", "beside one that burns", "beside two processors"],
)
def test_the_interval_is_short_while_others_take_most(spent, own, expected):
    """It depends on what a busy process spends on other threads."""
    assert interval_seconds(1.0, spent, own) == expected


def test_a_thread_that_burns_makes_it_short_until_it_ends(tmp_path):
    """Seen with real threads: the corridor looks while it works."""
    over = threading.Event()

    def burn():
        while not over.is_set():
            sum(range(1_000))

    before = sys.getswitchinterval()
    burner = threading.Thread(target=burn)
    with running(tmp_path / "t.db", handlers={}) as at:
        try:
            assert sys.getswitchinterval() == SWITCH_SECONDS
            burner.start()
            worked_until(at, SWITCH_SHORT_SECONDS)
        finally:
            over.set()
            burner.join()
        worked_until(at, SWITCH_SECONDS)
    sys.setswitchinterval(before)


def worked_until(at, interval):
    """Give the corridor little to do, a hundred times a second, until the interval is this."""
    ends = time.monotonic() + SECONDS_MAX
    while sys.getswitchinterval() != interval:
        assert time.monotonic() < ends, sys.getswitchinterval()
        seen = threading.Event()
        at.node.corridor.call(lambda _, seen=seen: seen.set())
        assert seen.wait(SECONDS_MAX)
        threading.Event().wait(0.01)
