"""How a routine answers updates: they are validated where the coroutine stands, become outcomes
when they pass, and are answered by tasks beside the body.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import weakref
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, Protocol

from tenuto.engine import routine_commands as a
from tenuto.errors import InputError
from tenuto.workflows import codec
from tenuto.workflows.failures import encode_error

WAIT: Final = "wait"
ABANDON: Final = "abandon"


class Asked(Protocol):
    """An update that nobody looked at yet; `value` is packed with the id."""

    @property
    def id(self) -> str:
        """Return what names it."""

    @property
    def name(self) -> str:
        """Return the name of the update."""

    @property
    def value(self) -> bytes:
        """Return what is asked."""


class Answering(Protocol):
    """A routine as its updates see it."""

    is_live: bool

    def tell(self, ask: a.Ask) -> None:
        """Ask the engine for something that is not waited for."""

    def only_read(self, call: Callable[[], Any]) -> None:
        """Call something that may look at the workflow, and ask for nothing."""

    def create_child(self, coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin a task beside the body."""


class Handling:
    """How a workflow answers one kind of update."""

    __slots__ = ("answer", "kind", "name", "unfinished", "validate")

    def __init__(
        self,
        name: str,
        kind: Any,
        answer: Callable[[Any], Any],
        validate: Callable[[Any], Any] | None,
        unfinished: str,
    ) -> None:
        """Keep what was given."""
        self.name = name
        self.kind = kind
        self.answer = answer
        self.validate = validate
        self.unfinished = unfinished


class Updates:
    """The updates of one routine: those that nobody looked at yet, and those under way."""

    def __init__(self, routine: Answering) -> None:
        """Begin with none."""
        # A routine that is thrown away leaves memory at once, hence no cycle.
        self._routine: Answering = weakref.proxy(routine)
        self.handlers: dict[str, Handling] = {}
        self._pending: dict[str, Asked] = {}
        self._under_way: dict[asyncio.Task[Any], str] = {}
        self._when_quiet: Callable[[], None] | None = None

    def offer(self, asked: Iterable[Asked]) -> None:
        """Take updates to be validated."""
        for one in asked:
            self._pending.setdefault(one.id, one)
        self.consider()

    def close(self) -> None:
        """Answer none any more."""
        self._pending.clear()
        self.handlers.clear()
        self._under_way.clear()
        self._when_quiet = None

    def consider(self) -> None:
        """Validate what can be; nothing happens in a replay."""
        if not self._routine.is_live or not self._pending:
            return
        for one in list(self._pending.values()):
            handling = self.handlers.get(one.name)
            if handling is None:
                continue
            del self._pending[one.id]
            self._routine.tell(self._judged(handling, one))

    def _judged(self, handling: Handling, one: Asked) -> a.Ask:
        try:
            value = self._value(handling, codec.unpack_update(one.value)[1])
            if handling.validate is not None:
                self._routine.only_read(functools.partial(handling.validate, value))
        except Exception as error:  # noqa: BLE001  (whatever a validator raises is its refusal)
            return a.RefuseUpdate(one.id, encode_error(error))
        return a.AcceptUpdate(one.id)

    def _value(self, handling: Handling, data: bytes) -> Any:
        where = f"update `{handling.name}`"
        return codec.decode(data, handling.kind, where=where)

    def begin(self, name: str, id: str, data: bytes) -> None:
        """Answer an update that was accepted, as the next outcome."""
        handling = self.handlers.get(name)
        if handling is None:
            error = encode_error(InputError(f"expected the workflow to handle `{name}`"))
            self._routine.tell(a.EndUpdate(id, None, error))
            return
        task = self._routine.create_child(self._answered(handling, id, data))
        self._under_way[task] = handling.unfinished
        task.add_done_callback(self._done)

    async def _answered(self, handling: Handling, id: str, data: bytes) -> None:
        try:
            found = handling.answer(self._value(handling, data))
            if inspect.isawaitable(found):
                found = await found
            where = f"the answer of update `{handling.name}`"
            ask = a.EndUpdate(id, codec.encode(found, where=where))
        except asyncio.CancelledError as error:
            self._routine.tell(a.EndUpdate(id, None, encode_error(error)))
            raise
        except Exception as error:  # noqa: BLE001  (it is the answer)
            ask = a.EndUpdate(id, None, encode_error(error))
        self._routine.tell(ask)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._under_way.pop(task, None)
        if self._when_quiet is not None and not self._are_waited_for():
            when_quiet, self._when_quiet = self._when_quiet, None
            when_quiet()

    def _are_waited_for(self) -> bool:
        return any(unfinished == WAIT for unfinished in self._under_way.values())

    def hold_end(self, when_quiet: Callable[[], None]) -> bool:
        """Tell whether the end of the workflow has to wait; `when_quiet` is called then."""
        if not self._are_waited_for():
            return False
        self._when_quiet = when_quiet
        return True
