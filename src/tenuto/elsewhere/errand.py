"""Start, wait, end: what is the same for every engine elsewhere.

The start is one step under an id that follows from the step's idempotency key, so that a repeat
finds what the first attempt began. Each look is a step of its own with a durable timer before the
next; the delay grows, so a run of a day takes few looks and a worker holds nothing between them.

When the workflow here is canceled, or gives up waiting, the run there is ended too, unless it is to
be left. A start that is under way is waited for first: nothing is left behind that nobody knows of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from msgspec import Struct

from tenuto.elsewhere.errors import ElsewhereError, Refused, RunFailed, RunStopped
from tenuto.errors import InputError
from tenuto.workflows.define import Retry, Step, StepOptions

ENDED: Final = "ended"
FAILED: Final = "failed"
STOPPED: Final = "stopped"
RUNNING: Final = "running"

LEAVE: Final = "leave"
CANCEL: Final = "cancel"


class Started(Struct, frozen=True):
    """A run elsewhere: `id` is theirs, `of` what it is a run of, `link` where people look at it.

    `key` follows from the step here; `run` is one try of several under the same id; `wanted` says
    which result is asked for. `is_new` tells whether this attempt began it: a repeat finds what an
    earlier one began.
    """

    id: str
    of: str
    link: str
    key: str = ""
    run: str = ""
    wanted: str | None = None
    is_new: bool = True


class Look(Struct, frozen=True):
    """What a look found: `phase` is running, ended, failed or stopped; `state` is their word.

    `next` is a run that took the place of this one.
    """

    phase: str
    state: str
    value: Any = None
    reason: str = ""
    next: Started | None = None


class Ended(Struct, frozen=True):
    """A run elsewhere that ended well: its id, their word for its state, and what it gave."""

    id: str
    of: str
    link: str
    state: str
    value: Any = None


class Pace(Struct, frozen=True):
    """How often to look: after `first` seconds, then ever later by `growth` up to `longest`."""

    first: float = 1.0
    growth: float = 1.5
    longest: float = 60.0


_NEVER: Final = (Refused, ElsewhereError, InputError)
# A server that is away for a night fails nobody's workflow; a start that it cannot do, which looks
# the same from here, is told after an hour and a half.
PATIENT: Final = Retry(attempts=2_000, first=1.0, longest=60.0, never=_NEVER)
STARTING: Final = Retry(attempts=100, first=1.0, longest=60.0, never=_NEVER)


class Errand:
    """The three steps of one engine, and the way through them."""

    def __init__(
        self,
        engine: str,
        begin: Callable[..., Awaitable[Started]],
        look: Callable[[Started], Awaitable[Look]],
        end: Callable[[Started, str], Awaitable[None]],
        pace: Pace,
    ) -> None:
        """Name the steps after the engine, so that people recognize them in a history."""
        self.engine = engine
        self.begin: Step[..., Any] = _step(begin, f"{engine} start", STARTING)
        self.look: Step[..., Any] = _step(look, f"{engine} look", PATIENT)
        self.end: Step[..., Any] = _step(end, f"{engine} end", PATIENT)
        self._pace = pace

    async def run(
        self, arguments: tuple[Any, ...], on_cancel: str, allowed: tuple[str, ...]
    ) -> Ended:
        """Start a run and wait for its end. Raises `RunFailed`, `RunStopped` or `Refused`."""
        check_choice("on_cancel", on_cancel, (LEAVE, *allowed))
        starting = asyncio.ensure_future(self.begin.call(*arguments))
        try:
            started = await asyncio.shield(starting)
            return await self._wait(started)
        except asyncio.CancelledError:
            if on_cancel == LEAVE:
                starting.cancel()
            else:
                await asyncio.shield(self._give_up(starting, on_cancel))
            raise

    async def _wait(self, started: Started) -> Ended:
        """Look until the run has ended."""
        delay = self._pace.first
        while True:
            look: Look = await self.look.call(started)
            if look.next is not None:
                started = look.next
            elif look.phase == ENDED:
                return Ended(started.id, started.of, started.link, look.state, look.value)
            elif look.phase != RUNNING:
                kind = RunFailed if look.phase == FAILED else RunStopped
                raise kind(self.engine, started.id, look.state, started.link, look.reason)
            await asyncio.sleep(delay)
            delay = min(delay * self._pace.growth, self._pace.longest)

    async def _give_up(self, starting: asyncio.Future[Started], how: str) -> None:
        """End the run there. One that was never accepted needs no end."""
        try:
            started = await starting
        except (Refused, ElsewhereError):
            return
        await self.end.call(started, how)


def check_choice(name: str, got: str, allowed: tuple[str, ...]) -> None:
    """Raise `InputError` unless a word is one of those that are known."""
    if got not in allowed:
        raise InputError(f"expected `{name}` to be one of {', '.join(allowed)}, got {got!r}")


def _step(function: Callable[..., Any], name: str, retries: Retry) -> Step[..., Any]:
    return Step(function, name, StepOptions(retries=retries))
