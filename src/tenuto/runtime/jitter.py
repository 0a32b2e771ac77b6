"""Chance, drawn at the door: the engine is given a number and knows no randomness."""

from __future__ import annotations

import random


def draw_jitter() -> float:
    """Return a number from 0 to 1 that spreads retries of many jobs apart."""
    return random.random()  # noqa: S311  (it spreads load, it guards nothing)
