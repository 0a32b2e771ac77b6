"""What the worker of a routine gets: its progress when it is handed out, and what happens to it
then.
"""

from __future__ import annotations

from msgspec import Struct


class Outcome(Struct, frozen=True):
    """The outcome number `number` of a routine. `value` and `error` are encoded; `at` is Unix
    milliseconds.
    """

    number: int
    key: str
    at: int
    value: bytes | None
    error: bytes | None = None


class Asked(Struct, frozen=True):
    """An update that the coroutine has not looked at; `value` is encoded."""

    id: str
    name: str
    value: bytes


class Progress(Struct, frozen=True):
    """Where a routine stands when it is handed out.

    Of `ordered` outcomes its coroutine has consumed `seen`; `outcomes` are the last of them, as far
    as they were at hand. `steps` are open, with their attempts. The coroutine began at `began_at`,
    Unix milliseconds, in the turn `since` of its instance, and was advanced `advances` times.
    `updates` are those that it has not looked at, of `asked` in this run.
    """

    seen: int
    ordered: int
    steps: tuple[tuple[str, int], ...]
    outcomes: tuple[Outcome, ...]
    began_at: int
    since: int
    advances: int
    updates: tuple[Asked, ...] = ()
    asked: int = 0


class Wake(Struct, frozen=True):
    """What happened for a routine while a worker holds it.

    `resumed` are failed steps that may be tried again, with the number of the attempt. `is_gone`
    tells that the worker holds it no more, `is_resumed` that its instance was paused meanwhile.
    `lease` is the token under which it is held.
    """

    instance: int
    element: int
    outcomes: tuple[Outcome, ...] = ()
    resumed: tuple[tuple[str, int], ...] = ()
    is_gone: bool = False
    is_resumed: bool = False
    updates: tuple[Asked, ...] = ()
    lease: int = 0
