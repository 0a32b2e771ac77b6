"""Seeded programs under random kills, pauses of process and database, full disks and a clock that
jumps give what they give without (behaviour 80). A failure names its seed and its life.
"""

from __future__ import annotations

import os
import random
import statistics
import time

import pytest

from tests.soak.driver import Driver
from tests.soak.reconcile import Checks

SEED = int(os.environ.get("TENUTO_SEED") or 20_261_123)
MINUTES = float(os.environ.get("TENUTO_SOAK_MINUTES", "60"))
VERIFY_EVERY = 50
BYTES_PER_PROGRAM_MAX = 60_000
SETTLED = 10  # lives before a process is as large as it becomes


class Soak:
    """A driver and the checks after each of its lives."""

    def __init__(self, folder, seed, *, programs, seconds):
        self.seed, self.programs, self.seconds = seed, programs, seconds
        self.driver = Driver(folder, seed)
        self.checks = Checks(folder, seed)
        self.lives = 0

    def live(self):
        """Live a life and check what it left."""
        try:
            self.driver.live(self.lives, self.programs, self.seconds)
            self.checks.after_life(self.driver.ledger)
            if self.lives % VERIFY_EVERY == VERIFY_EVERY - 1:
                self.checks.verify()
        except BaseException as error:
            error.add_note(f"in life {self.lives} of TENUTO_SEED={self.seed}: {self.told}")
            raise
        self.lives += 1

    def finish(self):
        """Let all work end without faults and check everything."""
        try:
            self.driver.finish(120 + self.driver.wanted / 100)
            self.checks.at_end(self.driver.ledger, self.driver.wanted)
            self.hold_sizes()
        except BaseException as error:
            error.add_note(f"after {self.lives} lives of TENUTO_SEED={self.seed}: {self.told}")
            raise
        self.driver.ledger.close()

    @property
    def told(self):
        """Return what was done so far."""
        done = ", ".join(f"{count} {kind}" for kind, count in sorted(self.driver.done.items()))
        return f"{self.driver.wanted} programs, {self.checks.attempts} attempts of steps, {done}"

    def hold_sizes(self):
        """Memory and open files do not grow from life to life, nor the database without work."""
        bytes_each = self.checks.size_per_program(self.driver.wanted)
        assert bytes_each < BYTES_PER_PROGRAM_MAX, f"{bytes_each} bytes for each program"
        lives = [one for one in self.driver.sizes if one.memory][SETTLED:]
        if len(lives) < 4 * SETTLED:
            return
        early, late = lives[: len(lives) // 2], lives[len(lives) // 2 :]
        for name in ("memory", "files"):
            before, after = (
                statistics.median(getattr(one, name) for one in part) for part in (early, late)
            )
            assert after <= before * 1.25, f"{name} grew from {before} to {after}"


@pytest.mark.crash
@pytest.mark.timeout(240)
def test_programs_under_every_kind_of_fault_give_what_they_give_without(tmp_path):
    """A few lives, the end of each a restart; the order of faults is drawn from the seed
    (behaviours 9 and 80, in full under `make soak`).
    """
    soak = Soak(tmp_path, SEED, programs=12, seconds=1.0)
    for _ in range(6):
        soak.live()
    soak.finish()


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_twenty_restarts_during_two_thousand_workflows_leave_none_stuck(tmp_path):
    """All complete, and no effect of a `tx` step is there twice (behaviour 9)."""
    soak = Soak(tmp_path, SEED + 1, programs=100, seconds=3.0)
    for _ in range(20):
        soak.live()
    soak.finish()
    print(f"{soak.lives} lives of TENUTO_SEED={SEED + 1}: {soak.told}")


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_an_hour_of_faults_changes_no_result(tmp_path):
    """As many lives as the minutes of TENUTO_SOAK_MINUTES give, each of a length of its own."""
    soak = Soak(tmp_path, SEED, programs=25, seconds=3.0)
    lengths = random.Random(SEED)
    ends = time.monotonic() + MINUTES * 60
    while time.monotonic() < ends:
        soak.seconds = lengths.uniform(0.8, 6.0)
        soak.live()
        if soak.lives % 10 == 0:
            print(f"{soak.lives} lives: {soak.told}", flush=True)
    soak.finish()
    print(f"{soak.lives} lives of TENUTO_SEED={SEED}: {soak.told}")
