"""Scenarios repeat: the same steps happen at the same instants."""

from __future__ import annotations

from tenuto.testing import Scenario
from tenuto.testing.strategies import Block, load, program_of


def test_a_retried_job_backs_off_the_same_time_in_every_scenario():
    """A job that fails is due again at one and the same millisecond, however often it is tried."""
    program = program_of(Block("service", option="flaky"))
    dues = set()
    for _ in range(3):
        scenario = Scenario()
        load(scenario, program)
        scenario.start_with(program.process, program.variables)
        dues.add(scenario.next_due())

    assert len(dues) == 1
