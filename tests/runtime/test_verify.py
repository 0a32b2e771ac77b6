"""Verifying: in pages, and beside a node that goes on."""

from __future__ import annotations

import pytest

from tenuto.runtime.verify import NOTHING, add, verify, verify_page
from tenuto.store.memory_reader import MemoryReader
from tenuto.testing.scenario import Scenario
from tests.spec.models import end, flows, model, start, user

REVIEW = model(start() + user("u") + end() + flows("start>u", "u>end"))


class Looking(MemoryReader):
    """A reader beside whose looks at a journal something happens, as often as is said."""

    def __init__(self, disk, happens, times):
        super().__init__(disk)
        self.happens, self.times = happens, times

    def journal_of(self, aggregate, after_version=0, limit=1000):
        """Return turns, after something has happened."""
        if self.times:
            self.times -= 1
            self.happens()
        return super().journal_of(aggregate, after_version, limit)


class Lying(MemoryReader):
    """A reader of a database whose tasks were given away behind the journal's back."""

    def rows(self, table, **options):
        """Return rows, tasks with another assignee."""
        rows = super().rows(table, **options)
        return [row._replace(assignee="mallory") for row in rows] if table == "user_task" else rows


@pytest.fixture
def scenario():
    """Give a node in memory with three reviews."""
    one = Scenario()
    one.deploy(REVIEW)
    for number in range(3):
        one.start("p", number=number)
    return one


def pages_of(reader, turns_max):
    """Return the reports of all pages."""
    found, place = [], None
    while not found or place is not None:
        page, place = verify_page(reader, place, turns_max=turns_max)
        found.append(page)
    return found


def test_pages_find_together_what_one_pass_finds(scenario):
    """Each aggregate is in one page; what is wrong is in the page of its aggregate."""
    reader = Lying(scenario.store.disk)
    whole = verify(reader)

    pages = pages_of(reader, 1)

    total = NOTHING
    for page in pages:
        total = add(total, page)
    assert total == whole
    assert (whole.instances, len(whole.differences)) == (3, 3)
    assert len(pages) > 4
    assert [len(page.differences) for page in pages[:3]] == [1, 1, 1]


def test_what_moves_while_it_is_looked_at_is_looked_at_again(scenario):
    """A change between two reads is no difference: the look is repeated."""
    [case, *_] = scenario.instances()
    changes = iter(range(100))

    def happens():
        scenario.set_variables(case, at=next(changes))

    for times in (1, 2, 3):
        report = verify(Looking(scenario.store.disk, happens, times))

        assert (report.differences, report.moved, report.instances) == ([], 0, 3)


def test_what_never_stands_still_is_counted_apart(scenario):
    """It is no difference, and it is not said to agree."""
    [case, *_] = scenario.instances()
    changes = iter(range(1_000))

    report = verify(
        Looking(
            scenario.store.disk, lambda: scenario.set_variables(case, at=next(changes)), times=100
        )
    )

    assert (report.differences, report.moved) == ([], 1)


def test_a_difference_that_stays_is_told_also_beside_changes(scenario):
    """Only what moved itself is looked at again: the others are judged at once."""
    [case, *_] = scenario.instances()
    changes = iter(range(100))

    class Both(Looking, Lying):
        """A lying reader beside which something happens."""

    reader = Both(
        scenario.store.disk, lambda: scenario.set_variables(case, at=next(changes)), times=2
    )
    report = verify(reader)

    assert len(report.differences) == 3
