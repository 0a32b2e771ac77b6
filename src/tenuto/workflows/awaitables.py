"""What a workflow waits for beside its steps: time, messages, people, decisions, other processes.

    from tenuto import wf

Ordinary asyncio works too: `sleep`, `gather`, `wait`, `TaskGroup`, `timeout`, `Event`, `Queue`,
`Lock`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

from tenuto import schedules
from tenuto.engine import routine_commands as a
from tenuto.errors import InputError
from tenuto.workflows import codec
from tenuto.workflows.chance import UUID, Random, any_chance, any_moment, any_uuid
from tenuto.workflows.define import Step, checked_left, seconds_of
from tenuto.workflows.dialogue import Stream as Stream
from tenuto.workflows.dialogue import Update as Update
from tenuto.workflows.failures import StepFailed
from tenuto.workflows.routine import Restart, Routine, current
from tenuto.workflows.threaded import wait

T = TypeVar("T")

RETRIES_OF_JOBS: Final = 3


def routine_here(what: str) -> Routine:
    """Return the routine whose coroutine runs. Raises `InputError` outside of a workflow."""
    routine = current()
    if routine is None:
        raise InputError(f"expected `{what}` within a workflow that Tenuto runs, but it is not")
    return routine


# --- time


async def sleep(delay: float | str) -> None:
    """Wait for seconds, or a duration such as `3d` or `PT15M`; the wait survives any restart."""
    await asyncio.sleep(seconds_of(delay) or 0.0)


async def sleep_until(moment: datetime) -> None:
    """Wait until a moment (with time zone)."""
    if moment.tzinfo is None:
        raise InputError("expected a moment with a time zone, got one without")
    await asyncio.sleep(moment.timestamp() - now().timestamp())


def now() -> datetime:
    """Return the time of the last outcome in UTC: the same in every replay."""
    routine = current()
    if routine is None:
        return any_moment()
    return datetime.fromtimestamp(routine.now / 1000, UTC)


def uuid4() -> UUID:
    """Return a UUID: the same in every replay."""
    routine = current()
    return any_uuid() if routine is None else routine.uuid4()


def random() -> Random:
    """Return chance that is the same in every replay."""
    routine = current()
    return any_chance() if routine is None else routine.chance


# --- many at once


class Won(NamedTuple):
    """Who came first in a race: its name and its result."""

    key: str
    value: Any


async def gather(*awaitables: Awaitable[T], limit: int | None = None) -> list[T]:
    """Return all results in order; with `limit` at most so many are under way at once."""
    if limit is None:
        return list(await asyncio.gather(*awaitables))
    room = asyncio.Semaphore(limit)

    async def one(awaitable: Awaitable[T]) -> T:
        try:
            async with room:
                return await awaitable
        finally:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()  # it may not have begun, and does not any more

    return list(await asyncio.gather(*(one(each) for each in awaitables)))


async def map_each(
    call: Callable[[Any], Awaitable[T]], items: Iterable[Any], *, limit: int = 100
) -> list[T]:
    """Return the results of a call for each item, at most `limit` under way at once."""
    found: dict[int, T] = {}
    rest = iter(enumerate(items))

    async def work() -> None:
        for index, item in rest:
            found[index] = await call(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(limit):
            group.create_task(work())
    return [found[index] for index in sorted(found)]


async def as_completed(*awaitables: Awaitable[T]) -> AsyncIterator[T]:
    """Yield results in the order in which they come; a failure is raised in its turn."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    done: asyncio.Queue[asyncio.Future[T]] = asyncio.Queue()
    for task in tasks:
        task.add_done_callback(done.put_nowait)
    try:
        for _ in tasks:
            yield (await done.get()).result()
    finally:
        for task in tasks:
            task.cancel()


async def race(**awaitables: Awaitable[Any]) -> Won:
    """Return the first that ends; the others are canceled. If it failed, its error is raised."""
    tasks = {
        asyncio.ensure_future(awaitable): name  # in the order in which they were given
        for name, awaitable in awaitables.items()
    }
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            if not task.done():
                task.cancel()
    for task, name in tasks.items():
        if task.done() and not task.cancelled():
            return Won(name, task.result())
    raise asyncio.CancelledError


# --- messages, people, decisions


async def receive(name: str, key: str = "") -> dict[str, Any]:
    """Return the variables of the next message of a name and correlation key."""
    routine = routine_here("receive")
    found: dict[str, Any] = await routine.wait_for(
        f"receive {name}", lambda at: a.AwaitMessage(at, name, key)
    )
    return found


async def publish(name: str, key: str = "", *, time_to_live: float = 0.0, **variables: Any) -> None:
    """Publish a message to whoever waits for its name and key; it is kept for `time_to_live`."""
    made = _encoded(variables)
    routine_here("publish").tell(a.Publish(name, key, made, int(time_to_live * 1000)))


async def signal(name: str, **variables: Any) -> None:
    """Broadcast a signal to everyone who waits for it now."""
    routine_here("signal").tell(a.Broadcast(name, _encoded(variables)))


async def await_signal(name: str) -> dict[str, Any]:
    """Return the variables of the next signal of a name that is broadcast from now on."""
    routine = routine_here("await_signal")
    found: dict[str, Any] = await routine.wait_for(
        f"signal {name}", lambda at: a.AwaitSignal(at, name)
    )
    return found


async def ask(  # noqa: PLR0913  (one parameter for each thing that a task may say)
    name: str,
    variables: Mapping[str, Any] | None = None,
    *,
    assignee: str | None = None,
    candidates: str | Sequence[str] = (),
    users: str | Sequence[str] = (),
    due: float | str | datetime | None = None,
    form: str | None = None,
    priority: int = 50,
) -> dict[str, Any]:
    """Let a person do something; return what the person gave.

    `candidates` are groups, `users` single people; `due` is a moment or a duration.
    """
    routine = routine_here("ask")
    seen = _encoded(variables or {})
    found: dict[str, Any] = await routine.wait_for(
        name,
        lambda at: a.AskPerson(
            at,
            name,
            seen,
            assignee,
            _names(candidates),
            _names(users),
            _due(routine.now, due),
            form,
            priority,
        ),
    )
    return found


async def decide(decision: str, variables: Mapping[str, Any] | None = None, **more: Any) -> Any:
    """Return the result of a deployed DMN decision; inputs and matched rules are recorded."""
    routine = routine_here("decide")
    inputs = _encoded({**(variables or {}), **more})
    found = await routine.wait_for(f"decide {decision}", lambda at: a.Decide(at, decision, inputs))
    return found["result"]


async def call(
    process: str,
    variables: Mapping[str, Any] | None = None,
    *,
    when_left: a.WhenLeft = "cancel",
    **more: Any,
) -> Any:
    """Start a process by its id and return its variables when it has ended.

    When nobody waits for it any more, it is canceled, terminated or left alone (`abandon`), as
    `when_left` says. Raises `StepFailed` when it failed or was canceled.
    """
    routine = routine_here("call")
    given = _encoded({**(variables or {}), **more})
    left = checked_left(when_left)
    return await routine.wait_for(
        process, lambda at: a.CallProcess(at, process, given, when_left=left)
    )


async def job(
    job_type: str,
    variables: Mapping[str, Any] | None = None,
    *,
    retries: int = RETRIES_OF_JOBS,
    **more: Any,
) -> dict[str, Any]:
    """Let any worker of a job type do it; return its variables."""
    routine = routine_here("job")
    given = _encoded({**(variables or {}), **more})
    found: dict[str, Any] = await routine.wait_for(
        job_type, lambda at: a.OfferJob(at, job_type, given, retries)
    )
    return found


class Message(Generic[T]):
    """A typed message to one instance of a workflow.

    approve = Message[Decision]("approve")
    await approve.receive()                      # in the workflow
    await client.send(instance, approve, Decision(True))
    """

    def __init__(self, name: str, kind: Any = Any) -> None:
        """Name it; `kind` is the type of what it carries."""
        self.name = name
        self.kind = kind

    async def receive(self) -> T:
        """Return the next one, in the order in which they were sent."""
        data: bytes = await routine_here("receive").receive(self.name)
        found: T = codec.decode(data, self.kind, where=f"message `{self.name}`")
        return found

    def encode(self, value: T) -> bytes:
        """Return what is sent."""
        return codec.encode(value, where=f"message `{self.name}`")


class State(Generic[T]):
    """A variable of the instance that everybody may read, also when no worker runs."""

    def __init__(self, name: str, kind: Any = Any, default: T | None = None) -> None:
        """Name it; `kind` is its type."""
        self.name = name
        self.kind = kind
        self.default = default

    def set(self, value: T) -> None:
        """Let everybody see a value with the next commit."""
        data = codec.encode(value, where=f"state `{self.name}`")
        routine_here("State.set").tell(a.SetState({self.name: data}))


# --- change, end, undo


def patched(name: str) -> bool:
    """Tell whether to take the newer branch: instances that were past this place before the change
    take the older one, also in every replay.
    """
    return routine_here("patched").patched(name)


def continue_as_new(*args: Any, **kwargs: Any) -> Any:
    """End this run and begin the workflow anew with other arguments and an empty history, under the
    same instance.
    """
    routine = routine_here("continue_as_new")
    workflow = routine.workflow
    raise Restart(workflow.encode_arguments(*args, **kwargs))


class Saga:
    """What is undone, last first, when the block fails or is canceled."""

    def __init__(self) -> None:
        """Begin with nothing to undo."""
        self._undos: list[Callable[[], Awaitable[Any]]] = []

    def add(self, undo: Step[Any, Any], *args: Any, **kwargs: Any) -> None:
        """Undo by a step with these arguments."""
        self._undos.append(lambda: undo.call(*args, **kwargs))

    async def run(self, do: Step[Any, Any], *args: Any, **kwargs: Any) -> Any:
        """Run a step; its `undo` is called with its arguments and its result if need be."""
        result = await do.call(*args, **kwargs)
        if do.settings.undo is not None:
            self.add(_as_step(do.settings.undo), *args, result, **kwargs)
        return result

    async def undo(self) -> None:
        """Undo everything, last first; each is a step with its own retries."""
        while self._undos:
            await self._undos.pop()()


@asynccontextmanager
async def saga() -> AsyncIterator[Saga]:
    """Undo what was done in the block, last first, when it fails or is canceled.

    async with wf.saga() as saga:
        receipt = await saga.run(charge, order)     # charge has `undo=refund`
        await saga.run(ship, order)
    """
    made = Saga()
    try:
        yield made
    except (Exception, asyncio.CancelledError):
        await asyncio.shield(made.undo())
        raise


def _as_step(undo: Any) -> Step[Any, Any]:
    if isinstance(undo, Step):
        return undo
    raise InputError(f"expected `undo` to be a step, got {undo!r}: declare it with @step")


def _encoded(variables: Mapping[str, Any]) -> dict[str, bytes]:
    return {
        name: codec.encode(value, where=f"variable `{name}`") for name, value in variables.items()
    }


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        return tuple(one.strip() for one in given.split(",") if one.strip())
    return tuple(given)


def _due(at: int, due: float | str | datetime | None) -> int | None:
    if due is None:
        return None
    if isinstance(due, datetime):
        return int(due.timestamp() * 1000)
    if isinstance(due, str) and due.startswith(("P", "R")):
        return schedules.first_due("duration", due, at).at
    return at + int((seconds_of(due) or 0) * 1000)


__all__ = [
    "Message",
    "Saga",
    "State",
    "StepFailed",
    "Stream",
    "Update",
    "Won",
    "as_completed",
    "ask",
    "await_signal",
    "call",
    "continue_as_new",
    "decide",
    "gather",
    "job",
    "map_each",
    "now",
    "patched",
    "publish",
    "race",
    "random",
    "receive",
    "saga",
    "signal",
    "sleep",
    "sleep_until",
    "uuid4",
    "wait",
]
