"""A running evaluation: what is spent, what is known, and the scopes that expressions read.

A scope is a dict that computes what it lacks. Expressions read names from it, so an input is asked
for, and a required decision is made, when the first expression reads it, and then once. What a
scope holds in the end is what its decision read.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tenuto.dmn.result import Evaluated, MatchedRule
from tenuto.feel import Budget, FeelWarning, Meter
from tenuto.values import DateAndTime

Logic = Callable[[Mapping[str, Any], "Run"], Any]


class Giver(Protocol):
    """An element of the requirements graph: it has a value in each frame."""

    def give(self, frame: Frame) -> Any:
        """Return the value."""


class Run(Meter):
    """The meter of one evaluation, with its trace."""

    __slots__ = ("error", "is_traced", "matched", "own", "seen", "trace")

    def __init__(
        self,
        now: DateAndTime | datetime.datetime | None,
        budget: Budget | None,
        *,
        is_traced: bool = True,
    ) -> None:
        """Begin without a trace; an untraced run keeps no list of rules."""
        super().__init__(now, budget)
        self.trace: list[Evaluated] = []
        self.matched: list[MatchedRule] = []
        self.own: list[FeelWarning] = []
        self.seen = 0
        self.error: str | None = None
        self.is_traced = is_traced

    def note(self) -> None:
        """Give the warnings since the last note to the decision that is being made."""
        warnings = self.warnings
        if len(warnings) > self.seen:
            self.own.extend(warnings[self.seen :])
            self.seen = len(warnings)


class Frame:
    """One set of inputs and what follows from it; a call of a decision service has its own."""

    __slots__ = ("inputs", "known", "run")

    def __init__(self, inputs: Mapping[str, Any], run: Run) -> None:
        """Begin with nothing known."""
        self.inputs = inputs
        self.run = run
        self.known: dict[Giver, Any] = {}

    def value_of(self, element: Giver) -> Any:
        """Return the value of an element, computed once."""
        known = self.known
        if element in known:
            return known[element]
        value = known[element] = element.give(self)
        return value


class Scope(dict[str, Any]):
    """The names that a decision or function may read, computed when they are read."""

    __slots__ = ("_frame", "_givers")

    def __init__(self, frame: Frame, givers: Mapping[str, Giver]) -> None:
        """Begin with nothing read."""
        self._frame = frame
        self._givers = givers

    def __missing__(self, name: str) -> Any:
        """Compute a name; raise KeyError when there is none."""
        value = self[name] = self._frame.value_of(self._givers[name])
        return value


class Inner(dict[str, Any]):
    """Names bound inside an expression, in front of those outside."""

    __slots__ = ("_outer",)

    def __init__(self, outer: Mapping[str, Any], bound: Mapping[str, Any]) -> None:
        """Begin with the names that are bound already."""
        super().__init__(bound)
        self._outer = outer

    def __missing__(self, name: str) -> Any:
        """Read a name outside."""
        return self._outer[name]
