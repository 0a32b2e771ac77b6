"""Rows of measurements: reading them, showing them, and ratios of ours to theirs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

KEYS = frozenset(
    {
        "peer",
        "store",
        "steps",
        "in_flight",
        "workflows_per_second",
        "steps_per_second",
        "cpu_seconds_per_workflow",
        "p50_ms",
        "p99_ms",
        "settings",
        "version",
    }
)


def lines(output: str) -> list[dict[str, Any]]:
    """Return the rows among what a program wrote; other lines are its engine's chatter."""
    rows = []
    for line in output.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and row.keys() >= KEYS:
            rows.append(row)
    return rows


def ratios(
    ours: Iterable[dict[str, Any]], theirs: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return for each of their rows how it compares with each of ours of the same shape.

    `throughput` is how many times as many workflows a second ours does, `cpu` and `p50` how many
    times as much CPU and as long theirs takes: above 1 ours is better. Rows with `error` have none.
    """
    table = []
    ours = list(ours)
    for their in theirs:
        for our in ours:
            if "error" in our or "error" in their or _shape(our) != _shape(their):
                continue
            table.append(
                {
                    "peer": their["peer"],
                    "store": their["store"],
                    "our_store": our["store"],
                    "steps": their["steps"],
                    "in_flight": their["in_flight"],
                    "throughput": our["workflows_per_second"] / their["workflows_per_second"],
                    "cpu": their["cpu_seconds_per_workflow"] / our["cpu_seconds_per_workflow"],
                    "p50": their["p50_ms"] / our["p50_ms"],
                }
            )
    return table


def shown(row: dict[str, Any]) -> str:
    """Return a row as a line for people."""
    name = f"{row['peer']} on {row['store']}"
    begin = f"{name:20} {row['steps']} steps {row['in_flight']:3} in flight"
    if "error" in row:
        return f"{begin}: {row['error']}"
    others = f" {row['others_cores']:.2f} cores elsewhere" if "others_cores" in row else ""
    failed = f" {row['failed']} failed" if row.get("failed") else ""
    return (
        f"{begin} {row['workflows_per_second']:9.1f}/s"
        f" {row['cpu_seconds_per_workflow'] * 1_000:9.2f} ms CPU"
        f" {row['p50_ms']:10.1f} ms p50 {row['p99_ms']:10.1f} ms p99{others}{failed}"
    )


def _shape(row: dict[str, Any]) -> tuple[int, int]:
    return row["steps"], row["in_flight"]
