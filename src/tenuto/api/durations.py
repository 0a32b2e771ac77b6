"""Durations as callers write them, bounded to what a store can keep."""

from __future__ import annotations

from typing import Final

from tenuto.api.problems import Problem
from tenuto.errors import InputError
from tenuto.schedules import add, parse_duration

MILLISECONDS_MAX: Final = 10 * 366 * 24 * 3_600_000


def milliseconds(text: str, *, at: int, what: str) -> int:
    """Return how many milliseconds an ISO 8601 duration lasts from `at` (Unix milliseconds).

    Raises `Problem` (invalid-body) for what is none, is negative or lasts above ten years.
    """
    try:
        lasts = add(at, parse_duration(text)) - at
    except (InputError, OverflowError, ValueError):
        lasts = -1
    if not 0 <= lasts <= MILLISECONDS_MAX:
        raise Problem(
            "invalid-body",
            f"expected {what} to be an ISO 8601 duration up to ten years such as PT1H or P7D, "
            f"got `{text[:40]}`",
        )
    return lasts
