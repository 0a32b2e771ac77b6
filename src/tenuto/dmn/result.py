"""What an evaluation came to: the value, and how each decision on the way was made."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from tenuto.feel import FeelWarning, Function


class MatchedRule(Struct, frozen=True):
    """A rule that held; `index` counts from 1, `outputs` are its results by column."""

    id: str
    index: int
    annotations: dict[str, str]
    outputs: dict[str, Any]


class Evaluated(Struct, frozen=True):
    """One decision: what it read, which rules held, its value and its warnings."""

    id: str
    name: str
    inputs: dict[str, Any]
    matched: tuple[MatchedRule, ...]
    value: Any
    warnings: tuple[FeelWarning, ...]


class Result(Struct, frozen=True):
    """The value of a decision with everything that explains it.

    `decisions` are in the order in which they were made, the one that was asked for last. `error`
    says that a decision broke its own hit policy; its value is then null.
    """

    value: Any
    decisions: tuple[Evaluated, ...]
    warnings: tuple[FeelWarning, ...]
    error: str | None = None

    def to_value(self) -> dict[str, Any]:
        """Return all of it as a plain value, as journals keep it."""
        return {
            "value": plain(self.value),
            "decisions": [
                {
                    "id": decision.id,
                    "name": decision.name,
                    "inputs": plain(decision.inputs),
                    "matched": [
                        {
                            "id": rule.id,
                            "index": rule.index,
                            "annotations": dict(rule.annotations),
                            "outputs": plain(rule.outputs),
                        }
                        for rule in decision.matched
                    ],
                    "value": plain(decision.value),
                    "warnings": _warnings(decision.warnings),
                }
                for decision in self.decisions
            ],
            "warnings": _warnings(self.warnings),
            "error": self.error,
        }


def _warnings(warnings: tuple[FeelWarning, ...]) -> list[dict[str, Any]]:
    return [
        {
            "code": warning.code,
            "message": warning.message,
            "line": warning.line,
            "column": warning.column,
            "text": warning.text,
        }
        for warning in warnings
    ]


def plain(value: Any) -> Any:
    """Return a value without functions, which no journal keeps: each becomes its signature."""
    if isinstance(value, Function):
        return repr(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value
