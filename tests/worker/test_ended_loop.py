"""A worker that has ended hears nothing, and the corridor goes on."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

from tenuto.runtime.requests import Answer
from tenuto.worker.host import Place, RoutineHost
from tenuto.worker.limits import LoopAlarms
from tenuto.worker.steps import Watch
from tenuto.workflows.looks import looks_of


def test_an_answer_that_comes_after_the_end_of_a_worker_disturbs_nobody():
    """Its grace was over before the commit: the corridor must not fail by telling it."""
    loop = asyncio.new_event_loop()
    loop.close()
    with ThreadPoolExecutor(1) as threads:
        watch = Watch(int, LoopAlarms(int))
        place = Place(print, watch, None, threads, (None, None), print, looks_of(os.environ))
        host = RoutineHost({}, place)
        host.attach(loop)

        host.deliver([(1, Answer(0, {}))])
        host.wake([])
