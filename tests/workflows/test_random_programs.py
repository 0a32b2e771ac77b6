"""Random programs under faults give the result that they give without."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workflows.lives import Kill, live_through
from tests.workflows.programs import programs, ran, result_of

# A job whose process ends three times while it ran alone waits for a person.
phases = st.sampled_from(["before_commit", "after_commit"])
kills = st.lists(st.builds(Kill, st.integers(1, 12), phases), max_size=2)


def check(program, ends, warm_max):
    """Run a program through its lives and hold its result against what it must be."""
    ran.clear()

    found = live_through(program, ends, warm_max=warm_max)

    assert found == result_of(program, "s")
    again = {place: count for place, count in ran.items() if count > 1 + len(ends)}
    assert not again, "a step ran more often than lives ended"


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs, kills, st.sampled_from([None, 0]))
def test_random_programs_under_faults_give_the_same_result(program, ends, warm_max):
    """Two hundred of them; each life ends before or after a chosen commit."""
    check(program, ends, warm_max)


@pytest.mark.soak
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs, kills, st.sampled_from([None, 0]))
def test_ten_thousand_random_programs_under_faults(program, ends, warm_max):
    """The same, ten thousand times."""
    check(program, ends, warm_max)
