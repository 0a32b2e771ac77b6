"""A result as text for people: which rules held, on which inputs, in which order."""

from __future__ import annotations

from typing import Any

from tenuto.dmn.result import Evaluated, Result, plain
from tenuto.values import dumps


def explain(result: Result) -> str:
    """Return one paragraph for each decision, in the order in which they were made."""
    parts = [_explain_decision(decision) for decision in result.decisions]
    if result.error is not None:
        parts.append(f"error: {result.error}")
    return "\n\n".join(parts)


def _explain_decision(decision: Evaluated) -> str:
    lines = [f"{decision.name} = {_show(decision.value)}"]
    for name, value in decision.inputs.items():
        lines.append(f"  with {name} = {_show(value)}")
    for rule in decision.matched:
        outputs = ", ".join(f"{name} = {_show(value)}" for name, value in rule.outputs.items())
        lines.append(f"  by rule {rule.index} ({rule.id}): {outputs}")
        lines.extend(f"    {name}: {text}" for name, text in rule.annotations.items())
    for warning in decision.warnings:
        place = f"line {warning.line}, column {warning.column}"
        lines.append(f"  warning {warning.code}: {warning.message} ({place} of {warning.text!r})")
    return "\n".join(lines)


def _show(value: Any) -> str:
    return str(dumps(plain(value)))
