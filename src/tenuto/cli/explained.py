"""Explained decisions: the rules that matched, read from what a decision leaves in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tenuto.cli.output import moment

if TYPE_CHECKING:
    from tenuto.client.reading import Decision


class MatchedRule(NamedTuple):
    """A rule that matched: its number as drawn, from 1, its id, its annotations, what it gave."""

    number: int
    id: str
    annotation: str
    outputs: dict[str, Any]

    @property
    def title(self) -> str:
        """Return the rule's number and annotation."""
        said = f" ({self.annotation})" if self.annotation else ""
        return f"rule {self.number}{said}"


class Explained(NamedTuple):
    """One decision of an evaluation: the one that was asked for, or one that it required."""

    decision: str
    name: str
    inputs: dict[str, Any]
    rules: list[MatchedRule]
    value: Any


def explained(result: Mapping[str, Any]) -> list[Explained]:
    """Return the decisions of an evaluation's result as data, in the order they were made in."""
    return [
        Explained(
            entry["id"],
            entry.get("name") or entry["id"],
            entry.get("inputs") or {},
            [_rule(rule) for rule in entry.get("matched") or ()],
            entry.get("value"),
        )
        for entry in result.get("decisions") or ()
    ]


def decision_data(one: Decision, ids: Mapping[int, str]) -> dict[str, Any]:
    """Return a decision with the rules that matched, and the decisions that it required."""
    return {
        "element": ids.get(one.element, ""),
        "decision": one.decision,
        "at": moment(one.at),
        "value": one.result.get("value"),
        "made": [
            {
                "decision": made.decision,
                "name": made.name,
                "inputs": made.inputs,
                "rules": [rule._asdict() for rule in made.rules],
                "value": made.value,
            }
            for made in explained(one.result)
        ],
        "warnings": one.result.get("warnings") or [],
    }


def _rule(rule: Mapping[str, Any]) -> MatchedRule:
    annotations = rule.get("annotations") or {}
    said = "; ".join(str(text) for text in annotations.values() if text)
    return MatchedRule(rule["index"], rule["id"], said, rule.get("outputs") or {})
