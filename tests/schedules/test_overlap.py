"""Overlap: what a tick does beside a run that is still going, and what follows when it ends."""

from __future__ import annotations

import pytest

from tenuto.schedules import BUFFER_MAX, Act, Decision, Overlap, overlap, run_ended

FULL = tuple(range(BUFFER_MAX))


@pytest.mark.parametrize("policy", list(Overlap))
def test_a_tick_that_meets_no_run_starts(policy):
    """Without another run all policies are alike."""
    assert overlap(policy, 0, (), 5) == Decision(Act.START, start=(5,))


@pytest.mark.parametrize(
    ("policy", "buffered", "decision"),
    [
        (Overlap.SKIP, (), Decision(Act.DROP, dropped=(5,))),
        (Overlap.BUFFER_ONE, (), Decision(Act.BUFFER, buffered=(5,))),
        (Overlap.BUFFER_ONE, (4,), Decision(Act.DROP, buffered=(4,), dropped=(5,))),
        (Overlap.BUFFER_ALL, (), Decision(Act.BUFFER, buffered=(5,))),
        (Overlap.BUFFER_ALL, (3, 4), Decision(Act.BUFFER, buffered=(3, 4, 5))),
        (Overlap.BUFFER_ALL, FULL, Decision(Act.DROP, buffered=FULL, dropped=(5,))),
        (Overlap.CANCEL_OTHER, (), Decision(Act.CANCEL_THEN_START, buffered=(5,))),
        (Overlap.CANCEL_OTHER, (4,), Decision(Act.CANCEL_THEN_START, buffered=(5,), dropped=(4,))),
        (Overlap.TERMINATE_OTHER, (), Decision(Act.TERMINATE_THEN_START, start=(5,))),
        (Overlap.ALLOW, (), Decision(Act.START, start=(5,))),
    ],
)
def test_a_tick_that_meets_a_run_follows_the_policy(policy, buffered, decision):
    """Skipped, kept, kept if none is, instead of the other, or beside it."""
    assert overlap(policy, 1, buffered, 5) == decision


@pytest.mark.parametrize(
    ("policy", "running", "buffered", "decision"),
    [
        (Overlap.SKIP, 0, (), Decision(Act.WAIT)),
        (Overlap.BUFFER_ONE, 0, (5,), Decision(Act.START, start=(5,))),
        (Overlap.BUFFER_ALL, 0, (5, 6), Decision(Act.START, start=(5,), buffered=(6,))),
        (Overlap.BUFFER_ALL, 1, (5, 6), Decision(Act.WAIT, buffered=(5, 6))),
        (Overlap.CANCEL_OTHER, 0, (5,), Decision(Act.START, start=(5,))),
        (Overlap.CANCEL_OTHER, 2, (5,), Decision(Act.WAIT, buffered=(5,))),
        (Overlap.TERMINATE_OTHER, 0, (), Decision(Act.WAIT)),
    ],
)
def test_what_waits_starts_one_by_one_when_runs_end(policy, running, buffered, decision):
    """The oldest waiting tick starts once no run is going."""
    assert run_ended(policy, running, buffered) == decision


def test_what_waits_goes_before_a_new_tick():
    """A tick that comes between a run's end and the next start takes its place behind."""
    assert overlap(Overlap.BUFFER_ALL, 0, (3, 4), 5) == Decision(
        Act.BUFFER, start=(3,), buffered=(4, 5)
    )
    assert overlap(Overlap.BUFFER_ONE, 0, (4,), 5) == Decision(
        Act.BUFFER, start=(4,), buffered=(5,)
    )


def test_ticks_that_an_earlier_policy_left_waiting_are_not_forgotten():
    """A changed policy starts them, in order, as far as it lets several go."""
    assert run_ended(Overlap.ALLOW, 1, (3, 4)) == Decision(Act.START, start=(3, 4))
    assert overlap(Overlap.ALLOW, 1, (3, 4), 5) == Decision(Act.START, start=(3, 4, 5))
    assert overlap(Overlap.SKIP, 1, (3,), 5) == Decision(Act.DROP, buffered=(3,), dropped=(5,))
    assert run_ended(Overlap.SKIP, 0, (3, 4)) == Decision(Act.START, start=(3,), buffered=(4,))


@pytest.mark.parametrize(
    ("policy", "started"),
    [
        (Overlap.SKIP, [0, 3, 6, 9]),
        (Overlap.BUFFER_ONE, [0, 1, 3, 5, 8]),
        (Overlap.BUFFER_ALL, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (Overlap.CANCEL_OTHER, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (Overlap.TERMINATE_OTHER, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (Overlap.ALLOW, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ],
)
def test_a_slow_run_under_each_policy(policy, started):
    """Ten ticks, one a minute, and runs of two and a half minutes that are cancelled at once."""
    assert simulate(policy, minutes=10, length=2.5) == started


def simulate(policy: Overlap, minutes: int, length: float) -> list[int]:
    """Return the ticks that started, when one tick a minute meets runs of this length."""
    ends: list[float] = []
    waiting: tuple[int, ...] = ()
    started: list[int] = []
    ticks = list(range(minutes))
    while ticks or waiting:
        if ends and (not ticks or ends[0] <= ticks[0]):
            now = ends.pop(0)
            decision = run_ended(policy, len(ends), waiting)
        else:
            tick = ticks.pop(0)
            now = float(tick)
            decision = overlap(policy, len(ends), waiting, tick)
        if decision.act in (Act.CANCEL_THEN_START, Act.TERMINATE_THEN_START):
            ends = [now] * len(ends) if decision.act is Act.CANCEL_THEN_START else []
        waiting = decision.buffered
        started += decision.start
        ends = sorted([*ends, *(now + length for _ in decision.start)])
    return started
