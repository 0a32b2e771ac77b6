"""What a routine needs to know of steps and workflows, whatever they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class AnyStep(Protocol):
    """A function whose result is recorded."""

    name: str
    function: Any
    is_async: bool
    settings: Any

    def ask_place(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return how a call enters its queue, if it has one."""

    @property
    def known_names(self) -> Mapping[str, Any]:
        """Return the names of the function's module."""


class AnyWorkflow(Protocol):
    """A function that is replayed."""

    name: str

    @property
    def known_names(self) -> Mapping[str, Any]:
        """Return the names of the function's module."""

    def encode_arguments(self, *args: Any, **kwargs: Any) -> dict[str, bytes]:
        """Return the arguments of a call as variables."""


class Timekeeper(Protocol):
    """A routine as its loop sees it."""

    now: int
    is_live: bool
    first_number: int
    broken: Any

    def set_timer(self, handle: Any) -> str:
        """Ask for a durable timer; return its key."""

    def drop_timer(self, key: str) -> None:
        """A timer is no longer wanted."""

    def let_go(self, key: str) -> None:
        """The coroutine waits no longer for an outcome."""
