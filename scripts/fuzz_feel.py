"""Fuzz FEEL: `pip install atheris`, then `python scripts/fuzz_feel.py -max_total_time=60`.

Whatever the text, only FEEL's own errors may come out: a syntax error, or a spent budget.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["tenuto.feel"]):
    from tenuto import feel
    from tenuto.errors import BudgetExceeded, FeelSyntaxError

CONTEXT = {"a": 1, "b": "text", "c": [1, 2, 3], "d": {"e": True}}


def one(data: bytes) -> None:
    """Compile and evaluate one text, as an expression and as a unary test."""
    provider = atheris.FuzzedDataProvider(data)
    unary = provider.ConsumeBool()
    text = provider.ConsumeUnicodeNoSurrogates(200)
    try:
        compiled = feel.compile(text, unary=unary, camunda=True)
        if unary:
            compiled.test(1, CONTEXT)
        else:
            compiled.evaluate(CONTEXT, budget=feel.Budget(steps=5_000))
    except (FeelSyntaxError, BudgetExceeded):
        return


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
