"""Jobs that end their process: fewer run beside each other in every life, until one is alone."""

from __future__ import annotations

from tenuto.engine.commands import CompleteJob
from tenuto.runtime.leases import Job
from tenuto.runtime.requests import Request
from tenuto.store.memory import MemoryStore
from tenuto.testing import Scenario
from tests.spec.models import end, flows, model, start, task

ONE_TASK = model(start() + task("w") + end() + flows("start>w", "w>end"))
JOBS = 8
GUILTY = 5


def live(store: MemoryStore, guilty: int) -> list[int]:
    """Live until the guilty job is handed out, or to rest; return how many jobs ran at once."""
    scenario, jobs = Scenario(store=MemoryStore(store.disk)), list[Job]()
    scenario.hold("work", jobs.append)
    scenario.settle()
    cohorts = []
    while jobs:
        cohort = list(jobs)
        cohorts.append(len(cohort))
        if guilty in {job.instance for job in cohort}:
            return cohorts
        jobs.clear()
        for job in cohort:
            scenario.ask(Request(job.instance, CompleteJob(job.element, {}, job.token)))
    return cohorts


def test_the_cohort_of_a_killer_halves_until_it_is_alone():
    """Half as many jobs run after each crash; alone three times, a job is an incident; all others
    end.
    """
    store = MemoryStore()
    first = Scenario(store=store)
    first.hold("work", [].append)
    first.deploy(ONE_TASK)
    cases = [first.start("p") for _ in range(JOBS)]
    guilty = cases[GUILTY].key

    lives = [max(live(store, guilty)) for _ in range(5)]
    live(store, guilty)

    after = Scenario(store=MemoryStore(store.disk))
    assert lives == [4, 2, 1, 1, 1]
    assert [row.code for row in after.read.incidents()] == ["job-crashed"]
    statuses = {case.key: case.status for case in after.instances()}
    assert statuses.pop(guilty) == "active"
    assert set(statuses.values()) == {"completed"}


def test_a_repaired_killer_runs_again():
    """After a person resolved the incident the job is handed out once more and may end well."""
    store = MemoryStore()
    first = Scenario(store=store)
    first.hold("work", [].append)
    first.deploy(ONE_TASK)
    guilty = first.start("p").key
    for _ in range(3):
        live(store, guilty)
    repaired = Scenario(store=MemoryStore(store.disk))
    repaired.handle("work", lambda: None)
    (case,) = repaired.instances()
    assert [row.code for row in case.incidents] == ["job-crashed"]

    repaired.resolve(case)

    assert case.is_completed
