"""What workflows promise, tried with the fixture `durable`."""

from __future__ import annotations

import asyncio
import random

from tenuto import step, wf, workflow

drawn = wf.State[list]("drawn", list)


@step
async def first(n: int) -> int:
    """Add one."""
    return n + 1


@step
async def second(n: int) -> int:
    """Double."""
    return n * 2


@step
async def third(n: int) -> int:
    """Negate."""
    return -n


@workflow
async def mixed(seed: int) -> list[int]:
    """Three different steps side by side, each after a sleep that the seed draws."""
    waits = random.Random(seed).choices(range(1, 50), k=3)

    async def after(place: int) -> int:
        await asyncio.sleep(waits[place])
        return await (first, second, third)[place](seed)

    return list(await asyncio.gather(*(after(place) for place in range(3))))


@workflow
async def racing() -> list[str]:
    """A step races a timer; then time passes."""
    won = await wf.race(step=first(1), timer=asyncio.sleep(3600))
    await asyncio.sleep(7200)
    return [won.key]


@workflow
async def chances() -> list[str]:
    """Say what chance and time gave, before a wait and after it."""
    before = [str(wf.uuid4()), str(wf.random().random()), str(wf.now())]
    drawn.set(before)
    await asyncio.sleep(60)
    return before


@workflow
async def hurried() -> str:
    """Leave a sleep behind by a timeout."""
    try:
        async with asyncio.timeout(10):
            await asyncio.sleep(1000)
    except TimeoutError:
        return "late"
    return "slept"


def test_eviction_at_every_wait_changes_neither_result_nor_calls(durable):
    """Behaviour 13: the coroutine is replayed, its steps are not."""
    durable.evict_always = True
    for one in (first, second, third):
        durable.watch(one)
    run = durable.start(mixed, 5)
    durable.advance("1m")

    assert run.result == [6, 10, -5]
    assert [durable.calls(one) for one in (first, second, third)] == [1, 1, 1]


def test_a_gather_of_different_steps_survives_a_crash_midway(durable):
    """Behaviour 14, 200 seeds: another life finishes what the first began."""
    for seed in range(200):
        run = durable.start(mixed, seed)
        durable.advance(random.Random(seed).randrange(1, 50))
        durable.restart()
        durable.advance("1m")

        assert run.result == [seed + 1, seed * 2, -seed]


def test_the_winner_of_a_race_wins_again_in_the_replay(durable):
    """Behaviour 15: the timer that lost does not win later."""
    run = durable.start(racing)
    durable.restart()
    durable.advance("3h")

    assert run.result == ["step"]


def test_time_and_chance_are_the_same_in_the_replay(durable):
    """Behaviour 19: what was drawn before the crash is drawn again after it."""
    run = durable.start(chances)
    before = run.state(drawn)
    durable.restart()
    durable.advance(60)

    assert run.result == before


def test_a_timer_that_was_left_never_fires(durable):
    """Behaviour 34: nothing of it is in the database any more."""
    run = durable.start(hurried)
    durable.advance(10)

    assert run.result == "late"
    assert durable.read.reader.rows("timer") == []
