"""Seeded fault worlds: nothing acknowledged is lost, nothing happens twice."""

from __future__ import annotations

import os

import pytest

from tenuto.testing.world import World

SEED = int(os.environ.get("TENUTO_SEED") or 20_261_123)


@pytest.mark.world
@pytest.mark.parametrize("number", range(50))
def test_a_world_of_faults_loses_nothing(number):
    """Crashes, lost and repeated deliveries and clock jumps leave every start ended once."""
    world = World(SEED + number)

    world.run()

    world.reconcile()


@pytest.mark.world
def test_the_same_seed_is_the_same_world():
    """One seed gives the same events and the same chain, whenever it runs."""
    worlds = [World(SEED), World(SEED)]

    for world in worlds:
        world.run()

    assert worlds[0].log == worlds[1].log
    assert worlds[0].disk.chain == worlds[1].disk.chain


@pytest.mark.world
def test_other_seeds_are_other_worlds():
    """Worlds differ by their seed, and a world lives more than once."""
    worlds = [World(SEED + number) for number in range(5)]

    for world in worlds:
        world.run()

    assert len({tuple(world.log) for world in worlds}) == 5
    assert max(world.lives for world in worlds) > 3


@pytest.mark.soak
@pytest.mark.world
@pytest.mark.timeout(3_600)
def test_thousands_of_worlds_lose_nothing():
    """Two thousand seeds from the one given are reconciled one after another."""
    for seed in range(SEED, SEED + 2_000):
        world = World(seed)
        world.run()
        world.reconcile()
