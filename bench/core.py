"""The pure core alone: microseconds for each element that a W1 instance passes, no store, no
encoding.
"""

from __future__ import annotations

import time

from bench.load import MODEL
from tenuto import values
from tenuto.deploy import prepare, read_files
from tenuto.engine.advance import Outcome, advance_instance
from tenuto.engine.commands import CompleteJob, StartInstance
from tenuto.engine.state import InstanceState
from tenuto.engine.world import World, with_deployment
from tenuto.keys import KeyMint

INSTANCES = 20_000
ELEMENTS = 5


def run() -> dict[str, float]:
    """Advance W1 instances in memory."""
    compiled = prepare(read_files([MODEL])).compiled
    world = with_deployment(World(), 1, compiled.graphs, compiled.models)
    mint = KeyMint()
    variables = {"n": values.encode(1)}
    _one(world, mint, 1, variables)
    began = time.perf_counter()
    for key in range(INSTANCES):
        _one(world, mint, key, variables)
    seconds = time.perf_counter() - began
    return {"core.us_per_element": seconds / INSTANCES / ELEMENTS * 1e6}


def _one(world: World, mint: KeyMint, key: int, variables: dict[str, bytes]) -> None:
    state = InstanceState(key)
    given: dict[bytes, bytes] = {}
    advance_instance(world, state, StartInstance("w1", variables), 1_000, mint, given)
    while state.jobs:
        element = next(iter(state.jobs))
        done = CompleteJob(element, variables)
        outcome = advance_instance(world, state, done, 1_000, mint, given)
        assert isinstance(outcome, Outcome), outcome
