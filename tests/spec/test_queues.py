"""The queue as an aggregate: whatever comes in whatever order, no limit is passed and nobody is
forgotten.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tenuto.engine import queue_commands as q
from tenuto.engine import queue_records as r
from tenuto.engine.aggregates import advance_named
from tenuto.engine.commands import FireTimer
from tenuto.engine.queue_options import Busy, Debounce, Duplicates, QueueOptions, Rate
from tenuto.engine.queue_rows import entry_row, fill_queue
from tenuto.engine.queue_state import QueueState, decode_state, encode_state
from tenuto.engine.rejections import Rejection
from tenuto.engine.world import World
from tenuto.keys import KeyMint, Kind, named_key

KEY = named_key(Kind.QUEUE, "q")


class Desk:
    """A queue with its own clock, and what it said."""

    def __init__(self, options: QueueOptions) -> None:
        self.state = QueueState(KEY)
        self.now = 1_000
        self.starts: list[int] = []
        self.said: list[tuple[int, Any]] = []
        self.known = options
        self.tell(q.SetQueue("q", options))

    def tell(self, command: Any) -> None:
        """Run one command, and all that the queue tells itself."""
        outcome = advance_named(World(), self.state, command, self.now, KeyMint())
        if isinstance(outcome, Rejection):
            return
        self.starts += [self.now for one in outcome.records if isinstance(one, r.EntryAdmitted)]
        for receiver, said in outcome.commands:
            if receiver == KEY:
                self.tell(said)
            else:
                self.said.append((receiver, said))
        self.check()

    def check(self) -> None:
        """No limit is passed, and nobody waits who may run."""
        running = self.state.running.values()
        options = self.known
        if options.concurrency is not None:
            assert len(running) <= options.concurrency
        limit = options.key_limit
        if limit is not None:
            assert all(n <= limit for n in Counter(one.key for one in running).values())
        if options.rate is not None:
            for place in range(len(self.starts) - options.rate.count):
                last = self.starts[place + options.rate.count]
                assert last - self.starts[place] >= options.rate.period_ms
        is_full = options.concurrency is not None and len(running) >= options.concurrency
        is_held = self.state.kept.options is None or self.state.kept.is_paused
        if not is_held and not is_full and self.state.rate_opens_at(self.now) is None:
            assert self.state.first() is None

    def pass_time(self, milliseconds: int) -> None:
        """Let time pass; the queue's timer fires when it is due."""
        end = self.now + milliseconds
        while (due := self.state.due_at) is not None and due <= end:
            self.now = max(self.now, due)
            self.tell(FireTimer(1))
        self.now = end

    def load_again(self) -> None:
        """Forget the state and load it from its snapshot and rows."""
        rows = [entry_row(self.state, n) for n in [*self.state.waiting, *self.state.running]]
        loaded = decode_state(KEY, encode_state(self.state))
        loaded.version = self.state.version
        fill_queue(loaded, sorted(rows, key=lambda row: row.entry))
        self.state = loaded


OPTIONS = st.builds(
    QueueOptions,
    concurrency=st.none() | st.integers(1, 4),
    per_key=st.none() | st.integers(1, 2),
    rate=st.none() | st.builds(Rate, st.integers(1, 3), st.integers(1, 50)),
    weights=st.dictionaries(st.sampled_from("xyz"), st.integers(1, 5)),
    duplicates=st.sampled_from(Duplicates),
    busy=st.sampled_from(Busy),
    debounce=st.none() | st.builds(Debounce, st.integers(1, 20), st.none() | st.integers(20, 40)),
)
ENTER = st.builds(
    q.EnterQueue,
    name=st.just("q"),
    instance=st.integers(1, 30),
    key=st.sampled_from(["", "a", "b"]),
    priority=st.integers(0, 2),
    fairness=st.sampled_from("xyz"),
    dedup_id=st.none() | st.sampled_from(["one", "two"]),
    not_before=st.just(0) | st.integers(1_000, 1_200),
)
DEEDS = st.lists(
    ENTER | st.integers(1, 60) | st.just("leave") | st.just("load") | st.just("pause"), max_size=80
)


@settings(max_examples=150, deadline=None)
@given(OPTIONS, DEEDS)
def test_no_limit_is_passed_and_everybody_is_answered(
    options: QueueOptions, deeds: list[Any]
) -> None:
    """Limits hold at every step, and when all who run leave in turn nobody is left."""
    desk = Desk(options)
    for deed in deeds:
        if isinstance(deed, int):
            desk.pass_time(deed)
        elif deed == "load":
            desk.load_again()
        elif deed == "pause":
            desk.tell(q.SetQueue("q", is_paused=True))
            desk.tell(q.SetQueue("q", is_paused=False))
        elif deed == "leave":
            for one in list(desk.state.running.values())[:1]:
                desk.tell(q.LeaveQueue(one.instance, one.step))
        else:
            desk.tell(deed)
    for _ in range(1_000):
        if not desk.state.waiting and not desk.state.running:
            break
        for one in list(desk.state.running.values()):
            desk.tell(q.LeaveQueue(one.instance, one.step))
        desk.pass_time(100)
    assert not desk.state.waiting
    assert not desk.state.numbers
    assert not desk.state.holders
    assert not desk.state.live


@settings(max_examples=100, deadline=None)
@given(OPTIONS, DEEDS)
def test_a_queue_loaded_from_rows_goes_on_as_the_one_in_memory(
    options: QueueOptions, deeds: list[Any]
) -> None:
    """The same commands give the same answers, whether or not the queue was loaded in between."""
    kept, loaded = Desk(options), Desk(options)
    for deed in deeds:
        for desk in (kept, loaded):
            if isinstance(deed, int):
                desk.pass_time(deed)
            elif deed == "leave":
                for one in sorted(desk.state.running.items())[:1]:
                    desk.tell(q.LeaveQueue(one[1].instance, one[1].step))
            elif isinstance(deed, q.EnterQueue):
                desk.tell(deed)
        loaded.load_again()
        assert loaded.said == kept.said
        assert encode_state(loaded.state) == encode_state(kept.state)


def test_those_of_a_blocked_key_are_not_looked_at() -> None:
    """Five thousand wait for a key that is at its limit; a hundred of others pass them."""
    desk = Desk(QueueOptions(concurrency=10, per_key=1))
    for instance in range(1, 5_001):
        desk.tell(q.EnterQueue("q", instance, key="busy"))
    looked = 0
    is_open = desk.state.is_open

    def counting(key: str) -> bool:
        nonlocal looked
        looked += 1
        return is_open(key)

    desk.state.is_open = counting  # type: ignore[method-assign]  # a count of the looks
    for instance in range(10_000, 10_100):
        desk.tell(q.EnterQueue("q", instance, key=f"free {instance}"))
        desk.tell(q.LeaveQueue(instance))
    assert len(desk.starts) == 101
    assert looked < 1_000


def test_what_an_operator_changed_outlives_a_restart_of_the_code() -> None:
    """The same declaration again changes nothing; another one does."""
    desk = Desk(QueueOptions())
    first, second = QueueOptions(concurrency=3), QueueOptions(concurrency=9)
    desk.tell(q.SetQueue("q", first, is_declared=True))
    desk.tell(q.SetQueue("q", QueueOptions(concurrency=1)))
    desk.tell(q.SetQueue("q", first, is_declared=True))
    assert desk.state.options.concurrency == 1
    desk.tell(q.SetQueue("q", second, is_declared=True))
    assert desk.state.options.concurrency == 9


def test_what_comes_before_its_queue_is_declared_is_held() -> None:
    """Nobody runs where no limit is known."""
    desk = Desk(QueueOptions())
    desk.tell(q.RemoveQueue())
    desk.tell(q.EnterQueue("q", 1))
    assert not desk.starts
    desk.tell(q.SetQueue("q", QueueOptions()))
    assert desk.starts == [desk.now]
