"""Decisions: what one evaluation of a table costs, small, usual and very large."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from tenuto import dmn

if TYPE_CHECKING:
    from collections.abc import Callable

_SEED = 20240229
_HEAD = """<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="bench"
  namespace="urn:bench">"""
_KINDS = [f"kind{number}" for number in range(11)]
_CAUSES = [f"cause{number}" for number in range(6)]


def run() -> dict[str, float]:
    """Return microseconds, seconds and rates."""
    numbers: dict[str, float] = {}
    model = dmn.load(_claims_table())
    records = _claims(2000)
    numbers["dmn.table132.us_per_evaluation"] = _cost(model.evaluate, records)
    numbers["dmn.table132.us_per_untraced_evaluation"] = _cost(model.decide, records)
    small = dmn.load(_ladder(10))
    amounts = [{"amount": number % 1200} for number in range(5000)]
    numbers["dmn.table10.evaluations_per_second"] = 1e6 / _cost(small.decide, amounts)
    numbers["dmn.table10.traced_evaluations_per_second"] = 1e6 / _cost(small.evaluate, amounts)
    begun = time.perf_counter()
    decided = sum(1 for _ in dmn.decide_all(small, "decision", amounts * 4))
    seconds = time.perf_counter() - begun
    numbers["dmn.batch10.evaluations_per_second"] = decided / seconds
    large = _ladder(100_000)
    begun = time.perf_counter()
    huge = dmn.load(large)
    numbers["dmn.table100000.load_seconds"] = time.perf_counter() - begun
    spread = [{"amount": number * 4999} for number in range(2000)]
    numbers["dmn.table100000.us_per_evaluation"] = _cost(huge.evaluate, spread)
    return numbers


def _cost(evaluate: Callable[[str, dict[str, Any]], Any], records: list[dict[str, Any]]) -> float:
    """Return microseconds per evaluation, the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        for record in records:
            evaluate("decision", record)
        best = min(best, time.perf_counter() - begun)
    return best / len(records) * 1e6


def _claims(count: int) -> list[dict[str, Any]]:
    draw = random.Random(_SEED)
    return [
        {
            "kind": draw.choice(_KINDS),
            "cause": draw.choice(_CAUSES),
            "amount": draw.randrange(20_000),
            "injury": draw.choice(["none", "minor", "serious"]),
            "country": draw.choice(["DE", "AT", "CH", "FR"]),
            "channel": draw.choice(["web", "phone"]),
        }
        for _ in range(count)
    ]


def _claims_table() -> bytes:
    """A table of 132 rules: eleven kinds by six causes by two amounts, six inputs, five outputs."""
    names = ("kind", "cause", "amount", "injury", "country", "channel")
    rules = []
    for kind in _KINDS:
        for cause in _CAUSES:
            for amount in ("&lt; 5000", "&gt;= 5000"):
                tests = [f'"{kind}"', f'"{cause}"', amount, '"none","minor","serious"', "-", "-"]
                outputs = [f'"{kind} {cause}"', '"team"', '"PT8H"', "1250.50", "true"]
                rules.append((tests, outputs))
    return _model(names, [f"o{number}" for number in range(5)], rules)


def _ladder(count: int) -> bytes:
    """A table of ranges that follow each other."""
    rules = [
        ([f"[{number * 100}..{number * 100 + 100})"], [str(number)]) for number in range(count)
    ]
    return _model(("amount",), ["grade"], rules)


def _model(
    names: tuple[str, ...], outputs: list[str], rules: list[tuple[list[str], list[str]]]
) -> bytes:
    parts = [_HEAD]
    parts += [f'<inputData id="{name}" name="{name}"/>' for name in names]
    parts.append('<decision id="decision" name="decision">')
    parts += [
        f'<informationRequirement><requiredInput href="#{name}"/></informationRequirement>'
        for name in names
    ]
    parts.append('<decisionTable hitPolicy="UNIQUE">')
    parts += [
        f"<input><inputExpression><text>{name}</text></inputExpression></input>" for name in names
    ]
    parts += [f'<output name="{name}"/>' for name in outputs]
    for index, (tests, results) in enumerate(rules):
        parts.append(f'<rule id="r{index}">')
        parts += [f"<inputEntry><text>{text}</text></inputEntry>" for text in tests]
        parts += [f"<outputEntry><text>{text}</text></outputEntry>" for text in results]
        parts.append("</rule>")
    parts.append("</decisionTable></decision></definitions>")
    return "\n".join(parts).encode()
