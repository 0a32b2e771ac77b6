"""What one evaluation may spend, and what it has to say besides its value.

An evaluation never raises for what the data holds: it gives null and leaves a warning. It does
raise `BudgetExceeded`, because a text that spends without end has no value to give.
"""

from __future__ import annotations

import datetime
from typing import NamedTuple, NoReturn

import msgspec

from tenuto.errors import BudgetExceeded
from tenuto.values import DateAndTime, from_python

STEPS_MAX = 20_000
SIZE_MAX = 1_000_000
DEPTH_MAX = 100


class Budget(msgspec.Struct, frozen=True):
    """Limits of one evaluation.

    Steps count loop rounds, function calls and the work of built-ins; size bounds the characters of
    a text and the items of a list; depth bounds calls within calls.
    """

    steps: int = STEPS_MAX
    size: int = SIZE_MAX
    depth: int = DEPTH_MAX


class Site(NamedTuple):
    """A place in an expression's text; offsets count characters from 0."""

    text: str
    offset: int


class FeelWarning(msgspec.Struct, frozen=True):
    """Why a part of an expression is null, and where; lines and columns count from 1."""

    code: str
    message: str
    offset: int
    line: int
    column: int
    text: str


class Fault(Exception):
    """Raised inside a built-in: its value is null, with this warning."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable code beside the sentence."""
        super().__init__(message)
        self.code = code
        self.message = message


class Meter:
    """The running evaluation: its clock reading, what is left to spend, and its warnings.

    One meter may serve several expressions, as in a decision with its requirements: they then share
    one budget and one list of warnings.
    """

    __slots__ = ("_depth_left", "_found", "_now", "_steps_left", "_steps_max", "site", "size_max")

    def __init__(
        self,
        now: DateAndTime | datetime.datetime | None = None,
        budget: Budget | None = None,
    ) -> None:
        """Start with a full budget; without `now`, `now()` and `today()` are null."""
        self._now = now
        # Where the running built-in was called, for what it calls in turn.
        self.site: Site | None = None
        self._found: list[tuple[str, str, Site | None]] | None = None
        if budget is None:
            self._steps_max = self._steps_left = STEPS_MAX
            self.size_max = SIZE_MAX
            self._depth_left = DEPTH_MAX
        else:
            self._steps_max = self._steps_left = budget.steps
            self.size_max = budget.size
            self._depth_left = budget.depth

    @property
    def now(self) -> DateAndTime | None:
        """The date and time that `now()` gives."""
        if isinstance(self._now, datetime.datetime):
            moment = from_python(self._now)
            assert isinstance(moment, DateAndTime)
            self._now = moment
        return self._now

    @property
    def steps(self) -> int:
        """Steps spent so far."""
        return self._steps_max - self._steps_left

    @property
    def warnings(self) -> tuple[FeelWarning, ...]:
        """The warnings so far, in order."""
        if self._found is None:
            return ()
        return tuple(_describe(code, message, site) for code, message, site in self._found)

    def warn(self, code: str, message: str, site: Site | None = None) -> None:
        """Add a warning."""
        if self._found is None:
            self._found = []
        self.charge(1)
        self._found.append((code, message, site))

    def charge(self, steps: int) -> None:
        """Spend steps; raise `BudgetExceeded` when none are left."""
        self._steps_left -= steps
        if self._steps_left < 0:
            raise BudgetExceeded(
                f"expected at most {self._steps_max} steps, but the evaluation needs more"
            )

    def check_size(self, size: int) -> None:
        """Charge for building a text or list of that size; raise when it is too large."""
        if size > self.size_max:
            raise BudgetExceeded(
                f"expected texts and lists of at most {self.size_max}, but one would have {size}"
            )
        if size > 64:
            self.charge(size >> 6)

    def enter(self) -> None:
        """Go one call deeper."""
        self._depth_left -= 1
        if self._depth_left < 0:
            self.refuse_depth()

    def leave(self) -> None:
        """Come back from a call."""
        self._depth_left += 1

    def refuse_depth(self) -> NoReturn:
        """Raise because calls nest too deeply."""
        raise BudgetExceeded("expected fewer calls within calls, but the evaluation nests deeper")


def _describe(code: str, message: str, site: Site | None) -> FeelWarning:
    if site is None:
        return FeelWarning(code, message, 0, 1, 1, "")
    before = site.text[: site.offset]
    line = before.count("\n") + 1
    column = site.offset - (before.rfind("\n") + 1) + 1
    return FeelWarning(code, message, site.offset, line, column, site.text)
