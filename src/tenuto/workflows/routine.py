"""One run of a workflow in memory: a coroutine, what it waits for, and what it has asked for.

Outcomes are fed one at a time, in the order of the journal; after each the coroutine runs until it
waits again. What it asks for then is named by its place (`name#path`). While recorded outcomes are
fed (a replay) it must ask for what it asked before; a difference breaks the routine before anything
is done outside.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from tenuto.engine import routine_commands as a
from tenuto.errors import TenutoError
from tenuto.workflows import codec
from tenuto.workflows.chance import UUID, Random, chance_of, uuid_of
from tenuto.workflows.failures import encode_error, revive
from tenuto.workflows.loop import EndlessBody, RoutineLoop
from tenuto.workflows.threaded import Body, Undone, current_body
from tenuto.workflows.updating import Updates

if TYPE_CHECKING:
    from tenuto.workflows.guard import Guard
    from tenuto.workflows.kinds import AnyStep, AnyWorkflow
    from tenuto.workflows.lookout import Lookout

CANCEL: Final = "cancel"
TIMER: Final = "timer"


class NotDeterministic(TenutoError):
    """A workflow's code does not fit its record: `expected` was recorded, `got` is what it asks."""

    def __init__(self, expected: str, got: str) -> None:
        """Name both sides."""
        super().__init__(
            f"expected the workflow to ask for {expected} as it is recorded, but its code asks for "
            f"{got}; guard the change with `wf.patched(...)`, run the instance with the code of "
            "its version, or fork it from an earlier step"
        )
        self.expected = expected
        self.got = got


class Restart(BaseException):
    """The coroutine asks to begin anew; never seen by anybody else."""

    def __init__(self, arguments: dict[str, bytes]) -> None:
        """Keep what to begin with."""
        super().__init__()
        self.arguments = arguments


class Await:
    """What an await needs to make its outcome: the future, and how to read the value."""

    __slots__ = ("future", "read", "step")

    def __init__(
        self, future: asyncio.Future[Any], read: Callable[[bytes], Any], step: AnyStep | None
    ) -> None:
        """Wait for an outcome; `step` is set when it runs in this process."""
        self.future = future
        self.read = read
        self.step = step


class Begun:
    """A step that is to run in this process, with its arguments."""

    __slots__ = ("arguments", "asked_at", "details", "key", "step")

    def __init__(self, key: str, step: AnyStep, arguments: tuple[Any, ...], asked_at: int) -> None:
        """Describe the call: positional and keyword arguments, and when it was made (Unix
        milliseconds).
        """
        self.key = key
        self.asked_at = asked_at
        self.step = step
        self.arguments = arguments
        self.details: bytes | None = None  # what its last attempt said of its progress


class Routine:
    """A coroutine between its outcomes. Used on one thread at a time."""

    def __init__(self, workflow: AnyWorkflow, instance: str, began_at: int) -> None:
        """Prepare an instance of a workflow that began at a time (Unix milliseconds)."""
        self.workflow = workflow
        self.instance = instance
        self.now = began_at
        self.consumed = 0
        self.asks: list[a.Ask] = []
        self.begun: dict[str, Begun] = {}
        self.broken: TenutoError | None = None
        self.is_live = False
        self.is_ended = False
        self.first_number = crc32(instance.encode()) << 24
        self.loop = RoutineLoop(self)  # type: ignore[abstract]  # what it lacks raises
        self.marks: set[str] = set()
        self._patches: dict[str, bool] = {}
        self._expected: deque[str] = deque()
        self._awaits: dict[str, Await] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._inboxes: dict[str, deque[bytes]] = {}
        self._receivers: dict[str, deque[asyncio.Future[Any]]] = {}
        self._main: asyncio.Task[Any] | None = None
        self._chance: Random | None = None
        self._was_canceled = False
        # What got its outcome before it was asked for: a fork begins with copied outcomes.
        self.settled: set[str] = set()
        self._body: Body | None = None
        self.guard: Guard | None = None
        self.lookout: Lookout | None = None
        # Lines that were written since the last commit, and those that a run before this wrote.
        self.lines: list[str] = []
        self.said: Counter[str] = Counter()
        self._updates: Updates | None = None

    @property
    def updates(self) -> Updates:
        """Return the updates of this routine; most have none."""
        if self._updates is None:
            self._updates = Updates(self)
        return self._updates

    # --- driven by the worker

    def expect(self, keys: Sequence[str], marks: Sequence[str]) -> None:
        """Replay from here on: the coroutine must ask for these, in order."""
        self._expected.extend(keys)
        self.marks.update(marks)

    def begin(self, body: Coroutine[Any, Any, Any]) -> None:
        """Run the coroutine until it waits for the first time."""
        self._main = self.loop.create_main(body)
        self._main.add_done_callback(self._ended)
        self._run()

    def feed(self, key: str, at: int, value: bytes | None, error: bytes | None) -> None:
        """Give the coroutine its next outcome and run it until it waits again."""
        self.consumed += 1
        self.now = max(self.now, at)
        if self.is_ended or self.broken is not None:
            return
        if key[0] == "@":
            self._deliver(key[1:], value)
        elif key[0] == "!":
            assert value is not None, "an update has a value"
            id, data = codec.unpack_update(value)
            self.updates.begin(key[1:], id, data)
        elif key == CANCEL:
            self._was_canceled = True
            assert self._main is not None, "a routine is canceled after it began"
            reason = codec.decode(value) if value is not None else ""
            self._main.cancel(reason)
        elif key in self._timers:
            if self.asks:
                self.settled.add(key)
            self.loop.fire(self._timers.pop(key))
        else:
            self._settle(key, value, error)
        self._run()

    def go_live(self) -> None:
        """The record has been replayed. Raises `NotDeterministic` when some of it is left."""
        if self._expected and self.broken is None:
            self.broken = NotDeterministic(f"`{self._expected[0]}`", "nothing")
        self.is_live = True
        self.asks.clear()
        if self.broken is not None:
            raise self.broken

    async def run_on_thread(self, call: Callable[[], Any]) -> Any:
        """Run a body that is a plain function."""
        self._body = Body(call)
        return await self._body.run(self)

    @property
    def holds_thread(self) -> bool:
        """Tell whether the body is a plain function, which waits on a thread."""
        return self._body is not None

    @property
    def body_thread(self) -> int | None:
        """Return the thread of a body that is a plain function."""
        return None if self._body is None else self._body.thread

    def take_asks(self) -> tuple[a.Ask, ...]:
        """Return what was asked for since the last time."""
        asks = tuple(self.asks)
        self.asks.clear()
        return asks

    def still_open(self, asks: tuple[a.Ask, ...]) -> tuple[a.Ask, ...]:
        """Return what has no outcome yet."""
        settled, self.settled = self.settled, set()
        return tuple(ask for ask in asks if getattr(ask, "key", None) not in settled)

    def discard(self) -> None:
        """Throw the coroutine away: what it holds leaves memory, and nothing of it is asked for."""
        self.is_live = False
        self.is_ended = True
        self._expected.clear()
        self._awaits.clear()
        self._timers.clear()
        if self._body is not None:
            self._body.close()
            self._body = None
        if self.guard is None:
            self.loop.close()
        else:
            with self.guard.watching(self.workflow.name):
                self.loop.close()
        self._main = None
        if self._updates is not None:
            self._updates.close()

    def _run(self) -> None:
        lookout, guard = self.lookout, self.guard
        if lookout is not None:
            lookout.begin(self)
        try:
            if guard is None:
                self.loop.run_ready()
            else:
                with guard.watching(self.workflow.name):
                    self.loop.run_ready()
        except EndlessBody as endless:
            self.broken = endless
        finally:
            if lookout is not None:
                lookout.running = None
        if self._updates is not None:
            self._updates.consider()

    def _settle(self, key: str, value: bytes | None, error: bytes | None) -> None:
        waiting = self._awaits.pop(key, None)
        self.begun.pop(key, None)
        if self.asks:
            self.settled.add(key)
        if waiting is None or waiting.future.done():
            return  # withdrawn before its outcome was ordered
        if error is not None:
            known = self.workflow.known_names if waiting.step is None else waiting.step.known_names
            waiting.future.set_exception(revive(codec.decode(error), known))
            return
        assert value is not None, f"the outcome of {key} is neither a value nor an error"
        try:
            waiting.future.set_result(waiting.read(value))
        except TenutoError as refused:
            waiting.future.set_exception(refused)

    def _ended(self, main: asyncio.Task[Any]) -> None:
        """Say how the coroutine ended."""
        updates = self._updates
        if self.is_ended or (
            updates is not None
            and not _has_failed(main)
            and updates.hold_end(lambda: self._ended(main))
        ):
            return
        try:
            self._ask(self._ending(main))
        finally:
            self.is_ended = True

    def _ending(self, main: asyncio.Task[Any]) -> a.Ask:
        if main.cancelled():
            if self._was_canceled:
                return a.EndCanceled()
            error: BaseException = asyncio.CancelledError("the workflow canceled itself")
        else:
            found = main.exception()
            if isinstance(found, Restart):
                return a.ContinueAsNew(found.arguments)
            if found is None:
                try:
                    return a.Return(codec.encode(main.result(), where="the result"))
                except TenutoError as refused:
                    found = refused
            error = found
        message = str(error) or type(error).__name__
        return a.Raise(type(error).__name__, message[:2000], encode_error(error))

    # --- asked by the coroutine

    def _ask(self, ask: a.Ask) -> None:
        self.asks.append(ask)

    def next_key(self, name: str) -> str:
        """Return the key of the next await of the running task, held against the record."""
        self.loop.check_reading(f"asks for {name}")
        key = self.loop.current_scope().next_key(name)
        if self.is_live:
            return key
        if not self._expected:
            self._break("nothing more", f"`{key}`")
        elif self._expected[0] != key:
            self._break(f"`{self._expected[0]}`", f"`{key}`")
        self._expected.popleft()
        return key

    def _break(self, expected: str, got: str) -> None:
        self.broken = NotDeterministic(expected, got)
        raise Undone

    def begin_step(
        self, step: AnyStep, arguments: tuple[Any, ...], read: Callable[[bytes], Any]
    ) -> asyncio.Future[Any]:
        """Ask for a step in this process; return the future of its result."""
        place = step.ask_place(*arguments)
        key = self.next_key(step.name)
        within = None if place is None else step.settings.start_within
        self._ask(a.BeginStep(key, place, None if within is None else int(within * 1000)))
        self.begun[key] = Begun(key, step, arguments, self.now)
        return self._await(key, read, step)

    def wait_for(
        self,
        name: str,
        make: Callable[[str], a.Ask],
        read: Callable[[bytes], Any] = codec.decode,
    ) -> asyncio.Future[Any]:
        """Ask for something that the engine keeps; return the future of its outcome."""
        key = self.next_key(name)
        self._ask(make(key))
        return self._await(key, read, None)

    def _await(
        self, key: str, read: Callable[[bytes], Any], step: AnyStep | None
    ) -> asyncio.Future[Any]:
        future = self.loop.create_outcome(key)
        self._awaits[key] = Await(future, read, step)
        return future

    def let_go(self, key: str) -> None:
        """The coroutine waits no longer for what was not settled."""
        if self._awaits.pop(key, None) is not None:
            self.begun.pop(key, None)
            self._ask(a.Withdraw(key))

    def only_read(self, call: Callable[[], Any]) -> None:
        """Call something that may look at the workflow, and ask for nothing."""
        self.loop.only_read(call)

    def create_child(self, coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin a task beside the body, which an outcome asks for."""
        return self.loop.create_child(coro)

    def tell(self, ask: a.Ask) -> None:
        """Ask for something that is not waited for."""
        self.loop.check_reading("writes")
        self._ask(ask)

    def set_timer(self, handle: asyncio.TimerHandle) -> str:
        """Ask for a durable timer; return its key."""
        key = self.next_key(TIMER)
        self._timers[key] = handle
        self._ask(a.SetTimer(key, int(handle.when() * 1000)))
        return key

    def drop_timer(self, key: str) -> None:
        """A timer is no longer wanted."""
        if self._timers.pop(key, None) is not None:
            self._ask(a.Withdraw(key))

    def receive(self, name: str) -> asyncio.Future[Any]:
        """Return the future of the next message to this instance."""
        future = self.loop.create_future()
        inbox = self._inboxes.get(name)
        if inbox:
            future.set_result(inbox.popleft())
        else:
            self._receivers.setdefault(name, deque()).append(future)
        return future

    def _deliver(self, name: str, value: bytes | None) -> None:
        assert value is not None, "a message has a value"
        receivers = self._receivers.get(name)
        while receivers:
            future = receivers.popleft()
            if not future.done():
                future.set_result(value)
                return
        self._inboxes.setdefault(name, deque()).append(value)

    def patched(self, name: str) -> bool:
        """Tell whether the newer branch of a change is taken."""
        known = self._patches.get(name)
        if known is None:
            known = name in self.marks or self.is_live
            self._patches[name] = known
            if known and name not in self.marks:
                self.marks.add(name)
                self._ask(a.MarkPatch(name))
        return known

    def may_say(self, line: str) -> bool:
        """Tell whether a line of a log is new: neither replayed, nor written by a run of the same
        process that was thrown away.
        """
        if not self.is_live:
            return False
        self.lines.append(line)
        if self.said[line] > 0:
            self.said[line] -= 1
            return False
        return True

    @property
    def chance(self) -> Random:
        """Return chance that is the same in every replay."""
        if self._chance is None:
            self._chance = chance_of(self.instance)
        return self._chance

    def uuid4(self) -> UUID:
        """Return a UUID that is the same in every replay."""
        return uuid_of(self.chance)


def _has_failed(main: asyncio.Task[Any]) -> bool:
    """Tell whether a coroutine ended by an error of its own or because it was canceled."""
    if main.cancelled():
        return True
    error = main.exception()
    return error is not None and not isinstance(error, Restart)


def current() -> Routine | None:
    """Return the routine whose coroutine runs now."""
    loop = asyncio._get_running_loop()
    if isinstance(loop, RoutineLoop):
        routine = loop.routine
    else:
        body = current_body()
        if body is None:
            return None
        routine = body.routine
    assert isinstance(routine, Routine), "the loop of a workflow has its routine"
    return routine
