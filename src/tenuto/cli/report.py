"""The report of a run, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import asdict

from tenuto.cli import exits
from tenuto.cli.output import (
    JSON,
    NDJSON,
    Table,
    emit_json,
    emit_lines,
    emit_tables,
    say,
    span,
)
from tenuto.cli.people import waiting_table

if TYPE_CHECKING:
    from tenuto.cli.batch_run import BatchRun
    from tenuto.cli.summary import Outcome

ROWS_SHOWN = 25


def exit_of(batch: BatchRun, found: Outcome, *, strict: bool) -> int:
    """Return what a run's end means to a script."""
    if batch.is_interrupted:
        return exits.INTERRUPTED
    rejected = batch.rejects.count if batch.rejects is not None else 0
    nothing_ran = batch.feeding is not None and rejected and not batch.keys
    if nothing_ran or (strict and rejected):
        return exits.USAGE
    return exits.REFUSED if found.incidents else exits.OK


def report_run(batch: BatchRun, found: Outcome, output: str) -> None:
    """Print what became of a run."""
    data = run_data(batch, found)
    if output == JSON:
        emit_json(data)
    elif output == NDJSON:
        emit_lines([data])
    else:
        _print(batch, found, data)
    if batch.is_interrupted:
        say("interrupted: run the same command again to go on; no record is started twice")


def run_data(batch: BatchRun, found: Outcome) -> dict[str, Any]:
    """Return the report with stable fields."""
    feeding, rejects = batch.feeding, batch.rejects
    rejected = rejects.count if rejects is not None else 0
    ended = sum(
        count for status, count in found.instances.items() if status not in {"active", "paused"}
    )
    return {
        "process": batch.process,
        "records": feeding.records if feeding is not None else 0,
        "started": feeding.started if feeding is not None else 0,
        "already_started": feeding.repeated if feeding is not None else 0,
        "rejected": rejected,
        "rejects_file": str(rejects.path) if rejects is not None and rejected else None,
        "instances": found.instances,
        "waiting": [
            asdict(one) | {"handled": _is_handled(one.what, batch.handlers)}
            for one in found.waiting
        ],
        "incidents": found.incidents,
        "decisions": found.decisions,
        "seconds": round(batch.seconds, 3),
        "started_per_second": _rate(feeding.started if feeding is not None else 0, batch.seconds),
        "ended_per_second": _rate(ended, batch.seconds),
        "cycle_time_ms": found.cycle_time_ms,
        "interrupted": batch.is_interrupted,
    }


def _is_handled(what: str, handlers: list[str]) -> bool | None:
    kind, _, name = what.partition(":")
    return name in handlers if kind == "job" else None


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 1) if seconds > 0 else 0.0


def _print(batch: BatchRun, found: Outcome, data: dict[str, Any]) -> None:
    if batch.feeding is not None:
        click.echo(_fed(data))
    if found.instances:
        states = ", ".join(f"{count:,} {state}" for state, count in sorted(found.instances.items()))
        click.echo(f"instances: {states}")
    incidents = [(one.count, one.code, one.element, one.message) for one in found.incidents]
    rules = sorted(found.decisions, key=lambda rule: -rule.count)
    decisions = [(one.decision, one.rule, one.count) for one in rules]
    waiting = waiting_table(found.waiting, batch.handlers)
    emit_tables(
        [
            waiting._replace(rows=waiting.rows[:ROWS_SHOWN]),
            Table("Incidents", ("count", "code", "element", "message"), incidents[:ROWS_SHOWN]),
            Table("Decisions", ("decision", "rule", "matched"), decisions[:ROWS_SHOWN]),
        ]
    )
    for name, rows in (("waiting", waiting.rows), ("incidents", incidents), ("rules", decisions)):
        if len(rows) > ROWS_SHOWN:
            click.echo(f"{name}: {len(rows) - ROWS_SHOWN} more lines; -o json has all")
    click.echo(_speed(data))


def _fed(data: dict[str, Any]) -> str:
    parts = [f"{data['process']}: {data['records']:,} records", f"{data['started']:,} started"]
    if data["already_started"]:
        parts.append(f"{data['already_started']:,} had been started before")
    if data["rejected"]:
        parts.append(f"{data['rejected']:,} rejected (see {data['rejects_file']})")
    return ", ".join(parts)


def _speed(data: dict[str, Any]) -> str:
    cycle = data["cycle_time_ms"]
    said = f"{span(data['seconds'] * 1000)}, {data['started_per_second']:,.0f} started/s"
    if cycle.p50 is None:
        return said
    return f"{said}; start to end p50 {span(cycle.p50)}, p95 {span(cycle.p95)}"
