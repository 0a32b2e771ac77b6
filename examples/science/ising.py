"""The Ising model over a range of temperatures: how a magnet loses its order.

Every temperature has a lattice of spins that is swept again and again (Metropolis, one colour of
the checkerboard after the other). A *round* is a step of many sweeps for each temperature; the
steps of a round run side by side in processes. After each round the lattices are in files and their
names in the journal. Whatever happens, no more than the round at hand is computed again.

The chance of a round comes from the plan's seed, the temperature and the round alone: the result is
the same bit for bit, however often the computation was interrupted.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace

import numpy as np

from examples.science import arrays
from tenuto import Retry, step, wf, workflow


@dataclass(frozen=True)
class Plan:
    """What to compute, on lattices of `size` by `size`. Temperatures are in units of the coupling.

    Sums are taken after `settling_rounds`; a run of the workflow has `rounds_per_run`.
    """

    name: str
    size: int
    temperatures: list[float]
    rounds: int
    sweeps: int
    settling_rounds: int
    rounds_per_run: int = 5
    seed: int = 20_261_123


@dataclass(frozen=True)
class Chain:
    """Where one temperature is: the file of its lattice, and sums over the sweeps so far."""

    place: int
    lattice: str
    samples: int = 0
    order: int = 0
    energy: int = 0


@dataclass(frozen=True)
class Row:
    """What one temperature gave: the mean order (0 to 1) and energy of a spin, and the lattice."""

    temperature: float
    order: float
    energy: float
    lattice: str


done_rounds = wf.State[int]("done_rounds", int)
STUBBORN = Retry(attempts=10, first=0.5, longest=60)


@step(on="process", retries=STUBBORN)
def begin(folder: str, plan: Plan, place: int) -> Chain:
    """Begin with every spin up."""
    return Chain(place, arrays.keep(folder, np.ones((plan.size, plan.size), dtype=np.int8)))


@step(on="process", retries=STUBBORN, timeout="1h")
def advance(folder: str, plan: Plan, chain: Chain, turn: int) -> Chain:
    """Sweep a lattice for one round; `turn` is its number."""
    spins = arrays.load(folder, chain.lattice)
    chance = np.random.default_rng((plan.seed, chain.place, turn))
    temperature = plan.temperatures[chain.place]
    # The chance to flip a spin by the energy that it costs; entry 0 is for the least, -8.
    accept = np.array([min(1.0, math.exp(-cost / temperature)) for cost in range(-8, 9, 4)])
    colours = np.indices(spins.shape).sum(axis=0) % 2
    samples, order, energy = chain.samples, chain.order, chain.energy
    for _ in range(plan.sweeps):
        for colour in (0, 1):
            around = sum_around(spins)
            cost = (spins * around + 4) // 2
            flips = (colours == colour) & (chance.random(spins.shape) < accept[cost])
            spins = np.where(flips, -spins, spins)
        if turn >= plan.settling_rounds:
            samples += 1
            order += abs(int(spins.sum(dtype=np.int64)))
            energy -= int((spins * sum_around(spins)).sum(dtype=np.int64)) // 2
    return Chain(chain.place, arrays.keep(folder, spins), samples, order, energy)


def sum_around(spins: np.ndarray) -> np.ndarray:
    """Return the sum of the four neighbours of each spin; the lattice is a torus."""
    return (
        np.roll(spins, 1, 0) + np.roll(spins, -1, 0) + np.roll(spins, 1, 1) + np.roll(spins, -1, 1)
    )


@step
def forget(folder: str, chains: list[Chain]) -> int:
    """Remove the lattices of older rounds, which nothing needs any more."""
    return arrays.drop_others(folder, (one.lattice for one in chains))


@workflow(id=lambda plan, *_, **__: plan.name)
async def magnetize(
    plan: Plan, folder: str, done: int = 0, chains: list[Chain] | None = None
) -> list[Row]:
    """Compute all rounds of a plan; `folder` is its own, for the lattices."""
    places = range(len(plan.temperatures))
    if chains is None:
        chains = await asyncio.gather(*(begin.call(folder, plan, place) for place in places))
    while done < plan.rounds:
        chains = await asyncio.gather(*(advance.call(folder, plan, one, done) for one in chains))
        done += 1
        done_rounds.set(done)
        if done % plan.rounds_per_run == 0 and done < plan.rounds:
            await forget.call(folder, chains)
            wf.continue_as_new(plan, folder, done, chains)
    return [_row(plan, one) for one in chains]


def _row(plan: Plan, chain: Chain) -> Row:
    spins = chain.samples * plan.size**2
    temperature = plan.temperatures[chain.place]
    return Row(temperature, chain.order / spins, chain.energy / spins, chain.lattice)


FULL = Plan(
    "magnet",
    size=256,
    temperatures=[1.6, 1.9, 2.1, 2.2, 2.3, 2.5, 2.8, 3.4],
    rounds=40,
    sweeps=300,
    settling_rounds=8,
)
SMALL = replace(
    FULL,
    size=48,
    temperatures=[1.6, 3.4],
    rounds=20,
    sweeps=150,
    settling_rounds=4,
    rounds_per_run=3,
)
PLANS = {"full": FULL, "small": SMALL}
