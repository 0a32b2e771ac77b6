"""Leases across lives: a result of a dead process completes nothing."""

from __future__ import annotations

import pytest

from tenuto.engine.commands import CompleteJob
from tenuto.errors import Rejected
from tenuto.runtime.leases import Job
from tenuto.runtime.requests import Request
from tenuto.store.memory import MemoryStore
from tenuto.testing import Scenario
from tests.spec.models import end, flows, model, start, task

ONE_TASK = model(start() + task("w") + end() + flows("start>w", "w>end"))


def test_a_result_of_a_former_life_is_refused():
    """A job that runs again after a crash takes no result from the attempt that died."""
    store = MemoryStore()
    first, jobs = Scenario(store=store), list[Job]()
    first.hold("work", jobs.append)
    first.deploy(ONE_TASK)
    first.start("p")
    second = Scenario(store=MemoryStore(store.disk))
    second.hold("work", jobs.append)
    second.settle()
    died, alive = jobs

    with pytest.raises(Rejected, match="another attempt holds the job"):
        second.ask(Request(died.instance, CompleteJob(died.element, {}, died.token)))

    second.ask(Request(alive.instance, CompleteJob(alive.element, {}, alive.token)))
    assert [case.status for case in second.instances()] == ["completed"]
