"""`tenuto queue`: who may run beside whom, and who waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options
from tenuto.cli.output import (
    JSON,
    TABLE,
    Table,
    emit_json,
    emit_lines,
    emit_tables,
    output_option,
)
from tenuto.errors import InputError

if TYPE_CHECKING:
    from tenuto.client.queues import EntryView, QueueView


@click.group()
def queue() -> None:
    """Look at queues, change what they allow, pause them."""


@queue.command(name="list")
@place_options
@output_option
def list_all(place: Place, output: str) -> None:
    """List all queues."""

    async def look(client: AnyClient) -> list[QueueView]:
        return await client.queues()

    found = ask(place, look)
    if output == JSON:
        emit_json(found)
    elif output == TABLE:
        rows = [
            (one.name, one.waiting, one.running, _state(one), _options(one), one.next_at or "")
            for one in found
        ]
        columns = ("queue", "waiting", "running", "state", "allows", "goes on at")
        emit_tables([Table("Queues", columns, rows)])
    else:
        emit_lines(found)


@queue.command()
@click.argument("name")
@click.option("--limit", default=100, show_default=True, help="How many entries to show.")
@place_options
@output_option
def show(name: str, limit: int, place: Place, output: str) -> None:
    """Show the queue NAME and who stands in it."""

    async def look(client: AnyClient) -> tuple[QueueView, list[EntryView]]:
        return await client.queue(name), await client.queue_entries(name, limit=limit)

    one, entries = ask(place, look)
    if output != TABLE:
        emit_json({"queue": one, "entries": entries})
        return
    facts = [("state", _state(one)), ("waiting", one.waiting), ("running", one.running)]
    facts += list((one.options or {}).items())
    columns = ("entry", "instance", "step", "key", "priority", "fairness", "status", "since")
    rows = [
        (e.entry, e.instance, e.step, e.key, e.priority, e.fairness, e.status, e.entered_at or "")
        for e in entries
    ]
    emit_tables([Table(name, ("what", "value"), facts), Table("Entries", columns, rows)])


@queue.command(name="set")
@click.argument("name")
@click.option("--concurrency", metavar="N", help="How many run at once; `none` for no limit.")
@click.option("--per-key", metavar="N", help="How many of one key run at once, or `none`.")
@click.option("--rate", metavar="TEXT", help="How many begin in a time: 10/s, 100/5m, or `none`.")
@click.option("--weight", multiple=True, metavar="KEY=N", help="The weight of a fairness key.")
@click.option("--duplicates", metavar="POLICY", help="reject, return-existing or replace.")
@click.option("--busy", metavar="POLICY", help="wait, cancel-in-progress or cancel-newest.")
@click.option("--debounce", metavar="DURATION", help="Run the last call of this time, or `none`.")
@click.option("--max-wait", metavar="DURATION", help="How long a debounced call waits at most.")
@place_options
def change(name: str, place: Place, **given: Any) -> None:
    """Change what the queue NAME allows, from now on; what is not given stays."""
    changes: dict[str, Any] = {
        what: None if value == "none" else value
        for what, value in given.items()
        if value is not None and what != "weight"
    }
    for what in ("concurrency", "per_key"):
        text = changes.get(what)
        if text is not None:
            changes[what] = _number(what, text)
    if given["weight"]:
        changes["weights"] = dict(_weight(text) for text in given["weight"])
    if not changes:
        raise InputError("expected something to change; see `tenuto queue set --help`")

    async def send(client: AnyClient) -> None:
        await client.set_queue(name, **changes)

    ask(place, send)
    click.echo(f"changed {name}")


@queue.command()
@click.argument("name")
@place_options
def pause(name: str, place: Place) -> None:
    """Let nothing of NAME begin; what runs goes on."""

    async def send(client: AnyClient) -> None:
        await client.pause_queue(name)

    ask(place, send)
    click.echo(f"paused {name}")


@queue.command()
@click.argument("name")
@place_options
def resume(name: str, place: Place) -> None:
    """Let NAME go on, in order."""

    async def send(client: AnyClient) -> None:
        await client.resume_queue(name)

    ask(place, send)
    click.echo(f"resumed {name}")


@queue.command()
@click.argument("name")
@place_options
def remove(name: str, place: Place) -> None:
    """Forget what NAME allows: it holds what waits until it is declared again."""

    async def send(client: AnyClient) -> None:
        await client.remove_queue(name)

    ask(place, send)
    click.echo(f"removed {name}")


def _state(one: QueueView) -> str:
    if one.options is None:
        return "not declared: it holds what waits"
    return "paused" if one.is_paused else "works"


def _options(one: QueueView) -> str:
    return ", ".join(f"{name} {value}" for name, value in (one.options or {}).items())


def _number(what: str, text: str) -> int:
    if not text.isdigit():
        raise InputError(f"--{what.replace('_', '-')}: expected a number or `none`, got {text!r}")
    return int(text)


def _weight(text: str) -> tuple[str, int]:
    key, _, weight = text.rpartition("=")
    if not weight.isdigit():
        raise InputError(f"--weight: expected KEY=N, got {text!r}")
    return key, int(weight)
