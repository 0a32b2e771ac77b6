"""What a verb prints: tables for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])

TABLE = "table"
JSON = "json"
NDJSON = "ndjson"


def output_option(command: F) -> F:
    """Give a command `-o`."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice([TABLE, JSON, NDJSON]),
        default=TABLE,
        show_default=True,
        help="Tables for people, JSON for programs; ndjson has one object a line.",
    )(command)


class Table(NamedTuple):
    """A table for people: its title, its columns, its rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    empty: str = ""


def emit_json(data: Any) -> None:
    """Print one JSON document, numbers exact."""
    import msgspec

    text = msgspec.json.format(json_bytes(data), indent=2)
    click.echo(text.decode())


def emit_lines(records: Iterable[Any]) -> None:
    """Print one JSON object a line."""
    for record in records:
        click.echo(json_bytes(record).decode())


def json_bytes(data: Any) -> bytes:
    """Return data as JSON: structs as objects, decimals as numbers, times as ISO text."""
    import msgspec

    encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
    return encoder.encode(_plain(data))


def _plain(data: Any) -> Any:
    if isinstance(data, tuple) and hasattr(data, "_asdict"):
        return {name: _plain(value) for name, value in data._asdict().items()}
    if hasattr(data, "__struct_fields__"):
        return {name: _plain(getattr(data, name)) for name in data.__struct_fields__}
    if isinstance(data, dict):
        return {str(name): _plain(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(item) for item in data]
    return data


def emit_tables(tables: Iterable[Table]) -> None:
    """Print tables; one without rows says so in a line, or nothing."""
    console = people()
    for table in tables:
        if not table.rows:
            if table.empty:
                console.print(table.empty, style="dim")
            continue
        print_table(console, table)


def print_table(console: Console, table: Table) -> None:
    """Print one table; values are shown as text, never as markup."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        title=Text(table.title) if table.title else None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        pad_edge=False,
    )
    for index, column in enumerate(table.columns):
        numeric = all(isinstance(row[index], int) for row in table.rows)
        drawn.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(as_text(value)) for value in row))
    console.print(drawn)


def people() -> Console:
    """Return the console for people; in a pipe it is wide, so that nothing is folded."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = 240
    return console


def say(sentence: str) -> None:
    """Say something about the work, on standard error."""
    click.echo(sentence, err=True)


def warn(sentence: str) -> None:
    """Warn, on standard error."""
    click.echo(f"{click.style('warning:', fg='yellow', bold=True)} {sentence}", err=True)


def as_text(value: object) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json_bytes(value).decode()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def moment(milliseconds: int | None) -> str | None:
    """Return Unix milliseconds as ISO text in UTC."""
    if milliseconds is None:
        return None
    at = datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def span(milliseconds: float) -> str:
    """Return a duration as people say it.

    >>> span(850), span(2_300), span(90_061_000)
    ('850 ms', '2.3 s', '1 d 1 h')
    """
    seconds = milliseconds / 1000
    if seconds < 1:
        return f"{milliseconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"
