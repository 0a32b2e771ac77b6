"""FEEL alone: what one evaluation of a gateway's condition costs."""

from __future__ import annotations

import time

from tenuto import feel

CONDITION = 'amount > 5000 and injury != "none" and country in ("DE", "AT")'
ROUNDS = 5
EVALUATIONS = 50_000


def run() -> dict[str, float]:
    """Return microseconds for each evaluation, the best of five rounds."""
    condition = feel.compile(CONDITION)
    context = {"amount": 9_000, "injury": "minor", "country": "AT"}
    assert condition.evaluate(context).value is True
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(EVALUATIONS):
            condition.evaluate(context)
        best = min(best, time.perf_counter() - began)
    return {"feel.condition_us": best / EVALUATIONS * 1e6}
