"""Keys as callers write them: an instance is a number, what is in it adds a number of its own."""

from __future__ import annotations

import functools
import re
from typing import Final

from tenuto.api.problems import Problem
from tenuto.engine import rejections as why

KEY_MAX: Final = 2**63 - 1

# A worker names a routine once for each step.
KEYS_KEPT: Final = 8_192

_INSTANCE = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}", re.ASCII)


def instance_number(text: str) -> int | None:
    """Return the instance key that a text is, or nothing."""
    if _INSTANCE.fullmatch(text) is None:
        return None
    key = int(text)
    return key if key <= KEY_MAX else None


@functools.lru_cache(KEYS_KEPT)
def element_key(what: str, text: str) -> tuple[int, int]:
    """Return instance and number of a job, task or incident.

    Raises `Problem` (not-found) for what is no such key.
    """
    left, _, right = text.partition("-")
    instance = instance_number(left)
    if instance is None or _NUMBER.fullmatch(right) is None:
        raise Problem(
            why.NOT_FOUND,
            f"expected the key of a {what} such as 381399806771515392-7, got `{text[:60]}`",
        )
    return instance, int(right)
