"""One verb for all instances that match: `--where`, `--dry-run`, `--limit`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from tenuto.cli.database import AnyClient, Place, ask
from tenuto.cli.output import say
from tenuto.cli.variables import read_variables
from tenuto.errors import InputError

if TYPE_CHECKING:
    from tenuto.client.bulk import BulkResult
    from tenuto.client.where import Where

PAGE: Final = 500
VARIABLE: Final = "var."
NAMES: Final = (
    "process",
    "state",
    "business-key",
    "started-after",
    "started-before",
    "ended-after",
    "ended-before",
    "cause",
    "element",
)
DONE: Final = {
    "cancel": "canceled",
    "pause": "paused",
    "resume": "resumed",
    "fork": "forked",
    "retry": "retried",
}


class Many(NamedTuple):
    """Which instances a verb means, if not one."""

    where: tuple[str, ...]
    limit: int
    dry_run: bool


def many_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--where`, `--limit` and `--dry-run`, which come as one `many`."""

    @functools.wraps(command)
    def meant(
        *positional: Any, where: tuple[str, ...], limit: int, dry_run: bool, **named: Any
    ) -> Any:
        return command(*positional, many=Many(where, limit, dry_run), **named)

    options = (
        click.option(
            "--dry-run", is_flag=True, help="With --where: name the instances, do nothing."
        ),
        click.option(
            "--limit",
            default=1_000,
            show_default=True,
            type=click.IntRange(1),
            help="With --where: at most so many instances, the oldest first.",
        ),
        click.option(
            "--where",
            multiple=True,
            metavar="NAME=VALUE",
            help="All instances that match, instead of one: process, state, business-key, "
            "started-after, started-before, ended-after, ended-before (ISO 8601), cause, element, "
            "var.NAME. All that is given must hold.",
        ),
    )
    placed: Callable[..., Any] = meant
    for option in options:
        placed = option(placed)
    return placed


def means_many(instance: str | None, many: Many) -> bool:
    """Tell whether a verb means all that match. Raises `InputError` unless it is one or all."""
    if (instance is None) == (not many.where):
        raise InputError(
            "expected an instance or --where, and not both: `tenuto cancel order-17`, "
            "`tenuto cancel --where process=order --where state=active`"
        )
    return instance is None


def read_where(pairs: Sequence[str]) -> Where:
    """Return filters from `NAME=VALUE` texts. Raises `InputError`."""
    from tenuto.client.where import Where

    found: dict[str, Any] = {}
    variables = []
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if equals and name.startswith(VARIABLE):
            variables.append(pair.removeprefix(VARIABLE))
        elif equals and name in NAMES:
            found[name.replace("-", "_")] = text
        else:
            raise InputError(
                f"expected --where NAME=VALUE with a name of {', '.join(NAMES)} or var.NAME, got "
                f"`{pair[:60]}`"
            )
    return Where(**found, variables=read_variables(None, variables))


def change_many(place: Place, action: Any, many: Many, **options: Any) -> None:
    """Do one thing to all instances that match, page by page; say what came of it.

    Ends with exit code 1 when an instance refused.
    """
    where = read_where(many.where)
    results: list[BulkResult] = []

    async def pages(client: AnyClient) -> None:
        left, after = many.limit, None
        while left > 0:
            result = await client.bulk(
                action, where, limit=min(left, PAGE), after=after, dry_run=many.dry_run, **options
            )
            results.append(result)
            left -= result.matched
            after = result.next
            if after is None:
                return
            say(f"{DONE[action]} {sum(one.done for one in results):,} so far")

    ask(place, pages)
    _tell(action, results, dry_run=many.dry_run)


def _tell(action: str, results: list[BulkResult], *, dry_run: bool) -> None:
    for result in results:
        for key in result.instances if dry_run else ():
            click.echo(key)
        for original, fork in result.started.items():
            click.echo(f"{fork} from {original}")
        for one in result.refused:
            say(f"{one.instance}: {one.message} ({one.code})")
    matched = sum(one.matched for one in results)
    refused = sum(len(one.refused) for one in results)
    more = "; more match, raise --limit" if results and results[-1].next is not None else ""
    if dry_run:
        say(f"{matched:,} match{more}; nothing was done")
        return
    click.echo(f"{DONE[action]} {matched - refused:,} of {matched:,}{more}")
    if refused:
        click.get_current_context().exit(1)
