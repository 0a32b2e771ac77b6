"""A FEEL range as a value: two ends, each included or not.

DMN 1.5 §10.3.2.7. An end that is nothing is open to that side: `(< 10)` has no start.
"""

from __future__ import annotations

from typing import Any, NoReturn

_put = object.__setattr__


class Range:
    """The values between two ends.

    >>> Range(1, 10, end_included=False)
    Range(1, 10, start_included=True, end_included=False)
    """

    __slots__ = ("end", "end_included", "start", "start_included")
    # The ends are values of one comparable type, which the type checker cannot express without
    # making every user of `Value` generic.
    start: Any
    end: Any
    start_included: bool
    end_included: bool

    def __init__(
        self, start: Any, end: Any, *, start_included: bool = True, end_included: bool = True
    ) -> None:
        """Keep the ends as they are; an end that is nothing cannot be included."""
        _put(self, "start", start)
        _put(self, "end", end)
        _put(self, "start_included", start_included and start is not None)
        _put(self, "end_included", end_included and end is not None)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("Range cannot be changed")

    def __eq__(self, other: object) -> bool:
        if type(other) is not Range:
            return NotImplemented
        return (self.start, self.end, self.start_included, self.end_included) == (
            other.start,
            other.end,
            other.start_included,
            other.end_included,
        )

    def __hash__(self) -> int:
        return hash((Range, self.start, self.end, self.start_included, self.end_included))

    def __repr__(self) -> str:
        return (
            f"Range({self.start!r}, {self.end!r}, start_included={self.start_included}, "
            f"end_included={self.end_included})"
        )

    def __reduce__(self) -> tuple[Any, tuple[Any, Any, bool, bool]]:
        return _build, (self.start, self.end, self.start_included, self.end_included)

    def __copy__(self) -> Range:
        return self

    def __deepcopy__(self, memo: object) -> Range:
        return self


def _build(start: Any, end: Any, start_included: Any, end_included: Any) -> Range:
    return Range(start, end, start_included=start_included, end_included=end_included)
