"""Queues: how many at once, of which key, how fast, in which order, and who is turned away."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from tenuto import Queue, QueueRefused, step, wf, workflow
from tenuto.client.handle import WorkflowCanceled
from tenuto.errors import InputError
from tenuto.runtime.verify import verify
from tenuto.testing.durable import Durable, Run
from tenuto.worker.program import program_of

THREE = Queue("three", concurrency=3)
KEYED = Queue("keyed", per_key=1)
SLOW = Queue("slow", rate="10/s")
FAIR = Queue("fair", concurrency=1, weights={"a": 3, "b": 1})
ONCE = Queue("once", concurrency=1, duplicates="reject")
SAME = Queue("same", concurrency=1, duplicates="return-existing")
LAST = Queue("last", debounce="2s", max_wait="5s")
NEWEST = Queue("newest", busy="cancel-newest")
CURRENT = Queue("current", busy="cancel-in-progress")

began: list[Any] = []
at_once: Counter[str] = Counter()
most: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def _forget() -> None:
    began.clear()
    at_once.clear()
    most.clear()


async def stay(name: str) -> None:
    """Be one of those who run, until the next turn of the loop but some."""
    at_once[name] += 1
    most[name] = max(most[name], at_once[name])
    try:
        for _ in range(20):
            await asyncio.sleep(0)
    finally:
        at_once[name] -= 1


@step(queue=THREE)
async def narrow(number: int) -> int:
    """Run beside two others at most."""
    await stay("narrow")
    return number


@step(queue=KEYED, key="key")
async def one_of_key(key: str, number: int) -> int:
    """Run alone of its key."""
    began.append((key, number))
    await stay(key)
    await stay("all")
    return number


@workflow
async def wide(count: int) -> list[int]:
    """Ask for many at once."""
    return await wf.gather(*(narrow(number) for number in range(count)))


@workflow
async def by_key(count: int) -> int:
    """Ask for many of three keys at once."""
    calls = [one_of_key(f"k{number % 3}", number) for number in range(count)]
    return sum(await wf.gather(*calls))


@workflow(queue=THREE)
async def whole(number: int) -> int:
    """Wait until told, as one of at most three."""
    began.append(number)
    return await GO.receive() + number


GO = wf.Message[int]("go", int)


@workflow(queue=KEYED, key="order.customer")
async def ordered(order: dict[str, Any]) -> int:
    """Wait until told, alone of its customer."""
    began.append(order["n"])
    return await GO.receive()


@workflow(queue=SLOW)
async def paced(number: int) -> int:
    """End at once."""
    began.append(number)
    return number


@workflow(queue=FAIR, fairness="tenant")
async def shared(tenant: str, number: int) -> int:
    """End at once."""
    began.append((tenant, number))
    return number


@workflow(queue=THREE)
async def ranked(name: str) -> str:
    """End at once."""
    began.append(name)
    return name


@workflow(queue=ONCE, dedup="id")
async def only(id: str) -> str:
    """Wait until told, the only one of its id."""
    await GO.receive()
    return id


@workflow(queue=SAME, dedup="id")
async def shared_result(id: str) -> int:
    """Wait until told, the only one of its id."""
    return await GO.receive()


@workflow(queue=LAST, key="key")
async def saved(key: str, text: str) -> str:
    """End at once."""
    began.append(text)
    return text


@workflow(queue=NEWEST, key="key")
async def first_wins(key: str, number: int) -> int:
    """Wait until told."""
    return await GO.receive() + number


@workflow(queue=CURRENT, key="key")
async def last_wins(key: str, number: int) -> int:
    """Wait until told; clean up when somebody newer comes."""
    try:
        return await GO.receive() + number
    finally:
        began.append(f"left {number}")


def start_all(durable: Durable, one: Any, *calls: tuple[Any, ...]) -> list[Run]:
    """Start a workflow for each of some arguments."""
    return [durable.start(one, *call) for call in calls]


def check(durable: Durable) -> None:
    """Every row of a queue is what the journal says."""
    found = verify(durable.read.reader)
    assert not found.differences, found.differences


def test_steps_of_a_queue_never_pass_its_limit(durable: Durable) -> None:
    """58: of twenty steps asked for at once three run beside each other, and all of them run."""
    assert durable.run(wide, 20) == list(range(20))
    assert most["narrow"] == 3
    check(durable)


def test_a_step_that_is_let_in_at_once_begins_once(durable: Durable) -> None:
    """2: also when one commit ends the lease of the workflow and leases it anew."""
    durable.watch(narrow)
    for number in range(1, 11):
        durable.run(wide, 3)
        assert durable.calls(narrow) == 3 * number


def test_a_step_of_a_queue_survives_a_crash_after_every_commit(durable: Durable) -> None:
    """58: also across restarts no place is lost and none is taken twice."""
    durable.explore(wide, 4)
    assert most["narrow"] <= 3
    check(durable)


def test_each_key_runs_in_order_and_keys_run_side_by_side(durable: Durable) -> None:
    """59: one of each key at a time, first come first served; different keys overlap."""
    assert durable.run(by_key, 12) == sum(range(12))
    assert max(most[f"k{key}"] for key in range(3)) == 1
    assert most["all"] > 1
    for key in range(3):
        mine = [number for name, number in began if name == f"k{key}"]
        assert mine == sorted(mine)


def test_workflows_wait_for_their_turn(durable: Durable) -> None:
    """58: the fourth begins when one of three has ended."""
    runs = start_all(durable, whole, (1,), (2,), (3,), (4,), (5,))
    assert began == [1, 2, 3]
    runs[1].send(GO, 10)
    assert began == [1, 2, 3, 4]
    assert runs[1].result == 12
    durable.restart()
    runs[0].send(GO, 0)
    assert began[-1] == 5
    check(durable)


def test_instances_of_a_key_are_known_by_a_path(durable: Durable) -> None:
    """59: the key lies within an argument; FIFO also after a crash."""
    orders = [{"customer": "ada", "n": 1}, {"customer": "ada", "n": 2}, {"customer": "bo", "n": 3}]
    runs = start_all(durable, ordered, *((order,) for order in orders))
    assert began == [1, 3]
    durable.restart()
    runs[0].send(GO, 1)
    assert began.count(2) == 1


def test_no_window_of_time_has_more_starts_than_the_rate(durable: Durable) -> None:
    """60: of a hundred never more than ten begin within a second."""
    start_all(durable, paced, *((number,) for number in range(100)))
    assert len(began) == 10
    for second in range(2, 11):
        durable.advance(0.999 if second == 2 else 1)
        assert len(began) <= 10 * second
    durable.advance("1s")
    assert began == list(range(100))


def test_a_smaller_priority_overtakes_and_equals_keep_their_order(durable: Durable) -> None:
    """61: priority 1 overtakes ten already waiting of priority 5."""
    durable.ask(lambda client: client.pause_queue("three"))
    start_all(durable, ranked.options(priority=5), *((f"late {n}",) for n in range(10)))
    durable.start(ranked.options(priority=1), "first")
    assert began == []
    durable.ask(lambda client: client.resume_queue("three"))
    durable.settle()
    assert began == ["first", *(f"late {n}" for n in range(10))]


def test_a_small_tenant_is_not_starved_and_weights_are_kept(durable: Durable) -> None:
    """62: b with ten entries ends early behind a with two hundred; weights 3:1 give about 3:1."""
    durable.ask(lambda client: client.pause_queue("fair"))
    start_all(durable, shared, *(("a", number) for number in range(200)))
    start_all(durable, shared, *(("b", number) for number in range(10)))
    durable.ask(lambda client: client.resume_queue("fair"))
    durable.settle()
    assert len(began) == 210
    first = [tenant for tenant, _ in began[:40]]
    assert 8 <= first.count("b") <= 11
    assert began.index(("b", 9)) < 45


def test_a_duplicate_is_refused_until_the_first_has_ended(durable: Durable) -> None:
    """63: the id is free again after the end, and after a cancel."""
    first = durable.start(only, "x")
    second = durable.start(only, "x")
    assert isinstance(second.error, QueueRefused)
    assert second.error.reason == "duplicate"
    assert second.error.existing == first.key
    first.send(GO, 1)
    third = durable.start(only, "x")
    third.cancel()
    fourth = durable.start(only, "x")
    fourth.send(GO, 1)
    assert fourth.result == "x"
    check(durable)


def test_a_duplicate_may_stand_for_the_first(durable: Durable) -> None:
    """63: with return-existing the handle of the second gives the result of the first."""
    first = durable.start(shared_result, "x")
    second = durable.start(shared_result, "x")
    first.send(GO, 7)
    assert second.result == 7


def test_of_calls_within_a_window_the_last_runs(durable: Durable) -> None:
    """64: twenty calls make one run, with the last arguments; a crash loses nothing."""
    runs = start_all(durable, saved, *(("doc", f"text {number}") for number in range(20)))
    durable.restart()
    assert began == []
    durable.advance("2s")
    assert began == ["text 19"]
    assert isinstance(runs[0].error, QueueRefused)


def test_a_debounced_call_waits_no_longer_than_said(durable: Durable) -> None:
    """64: calls that never stop run after `max_wait`."""
    for second in range(7):
        durable.start(saved, "doc", f"text {second}")
        durable.advance("1s")
    assert began == ["text 4"]


def test_limits_change_while_the_queue_works(durable: Durable) -> None:
    """66: a larger limit lets more in at once; a smaller one lets nobody in until enough ended."""
    runs = start_all(durable, whole, *((number,) for number in range(8)))
    assert len(began) == 3
    durable.ask(lambda client: client.set_queue("three", concurrency=5))
    durable.settle()
    assert len(began) == 5
    durable.ask(lambda client: client.set_queue("three", concurrency=4))
    runs[0].send(GO, 0)
    assert len(began) == 5
    runs[1].send(GO, 0)
    assert len(began) == 6
    durable.restart()
    shown = durable.ask(lambda client: client.queue("three"))
    assert shown.options == {"concurrency": 4, "duplicates": "reject", "busy": "wait"}
    assert (shown.waiting, shown.running) == (2, 4)


def test_a_removed_queue_keeps_its_work(durable: Durable) -> None:
    """66: deleted and declared again, it goes on."""
    runs = start_all(durable, whole, *((number,) for number in range(4)))
    durable.ask(lambda client: client.remove_queue("three"))
    runs[0].send(GO, 0)
    assert len(began) == 3
    durable.ask(lambda client: client.set_queue("three", concurrency=3))
    durable.settle()
    assert len(began) == 4


def test_the_newest_of_a_busy_key_gives_way(durable: Durable) -> None:
    """67: cancel-newest."""
    runs = start_all(durable, first_wins, ("k", 1), ("k", 2), ("j", 3))
    assert isinstance(runs[1].error, QueueRefused)
    assert runs[1].error.reason == "key-busy"
    assert [one.status for one in runs] == ["active", "failed", "active"]


def test_the_running_one_of_a_busy_key_gives_way(durable: Durable) -> None:
    """67: cancel-in-progress: it cleans up, and the newer one begins when it has ended."""
    runs = start_all(durable, last_wins, ("k", 1), ("k", 2))
    assert began == ["left 1"]
    with pytest.raises(WorkflowCanceled):
        runs[0].result  # noqa: B018  (it raises how the run ended)
    runs[1].send(GO, 5)
    assert runs[1].result == 7


def test_a_paused_queue_holds_and_goes_on_in_order(durable: Durable) -> None:
    """68: also over a restart; who came first begins first."""
    durable.start(ranked, "now")
    durable.ask(lambda client: client.pause_queue("three"))
    start_all(durable, ranked, ("a",), ("b",), ("c",), ("d",))
    durable.restart()
    assert began == ["now"]
    durable.ask(lambda client: client.resume_queue("three"))
    durable.settle()
    assert began == ["now", "a", "b", "c", "d"]


def test_who_is_canceled_in_the_queue_never_begins(durable: Durable) -> None:
    """44: canceled while queued; its place is free."""
    runs = start_all(durable, whole, (1,), (2,), (3,), (4,), (5,))
    runs[3].cancel()
    assert runs[3].status == "terminated"
    runs[0].send(GO, 0)
    assert began == [1, 2, 3, 5]
    check(durable)


def test_a_delay_is_waited_for_before_the_turn(durable: Durable) -> None:
    """An entry with a delay comes in when its time has come."""
    durable.start(ranked.options(delay="10m"), "later")
    assert began == []
    durable.advance("10m")
    assert began == ["later"]


def test_a_workflow_enters_as_its_next_instance_is_told_to(durable: Durable) -> None:
    """What is not given stays; texts are values; a refusal names what could be given."""
    urgent = ranked.options(priority=1, dedup="o-1")
    assert urgent.settings.place.priority == 1
    assert urgent.settings.place.queue is ranked.settings.place.queue
    assert urgent.options(key="ada").ask_place(("first",), {}).key == "ada"
    assert urgent.options(key="ada").ask_place(("first",), {}).priority == 1
    assert ranked.options(id="o-1").id_of("first") == "o-1"
    assert ranked.options(id=lambda name: f"o-{name}").id_of("first") == "o-first"
    assert ranked.options(id="o-1").options(id=None).id_of("first") is None
    with pytest.raises(InputError, match="expected options of a workflow such as dedup, delay"):
        ranked.options(retries=3)


def test_entries_are_shown_with_who_they_are(durable: Durable) -> None:
    """An operator sees who waits for whom."""
    runs = start_all(
        durable, ordered, ({"customer": "ada", "n": 1},), ({"customer": "ada", "n": 2},)
    )
    entries = durable.ask(lambda client: client.queue_entries("keyed"))
    assert [(one.instance, one.key, one.status) for one in entries] == [
        (runs[0].key, "ada", "running"),
        (runs[1].key, "ada", "waiting"),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"concurrency": 0}, "concurrency of at least 1, got 0"),
        ({"rate": "often"}, "expected a rate such as 10/s"),
        ({"duplicates": "merge"}, "expected duplicates among reject"),
        ({"max_wait": "2s"}, "expected `debounce` beside `max_wait`"),
        ({"weights": {"a": 0}}, "weight of 1 to 1000 for `a`, got 0"),
    ],
)
def test_a_queue_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    """What is wrong is named, with the queue."""
    with pytest.raises(InputError, match=message) as refused:
        Queue("mail", **options)
    assert "queue `mail`" in str(refused.value)


def test_a_key_without_a_queue_is_refused() -> None:
    """Half a declaration is no declaration."""
    with pytest.raises(InputError, match="expected `queue` beside key"):
        step(key="x")(lambda: None)


async def nothing() -> None:
    """Stand for any workflow."""


def test_a_workflow_does_not_enter_a_queue_with_a_limit_of_each_worker() -> None:
    """Said when it is declared, with what to use; also when the queue is given by its name."""
    local = Queue("local", per_worker=2)
    with pytest.raises(InputError, match=r"`nothing`.*without per_worker.*concurrency or per_key"):
        workflow(queue=local)(nothing)
    with pytest.raises(InputError, match="without per_worker"):
        workflow(nothing).options(queue=local)
    by_name = workflow(queue="local")(nothing)
    with pytest.raises(InputError, match="without per_worker"):
        program_of(SimpleNamespace(local=local, by_name=by_name))
