"""`tenuto update` and `tenuto stream`: ask a workflow, and read what it writes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click

from tenuto.cli.database import AnyClient, Place, ask, place_options
from tenuto.cli.output import emit_json, emit_lines
from tenuto.cli.send import read_value
from tenuto.errors import Rejected

if TYPE_CHECKING:
    from tenuto.client.views import Answered, StreamPart

LOOK_SECONDS: Final = 0.2


@click.command()
@click.argument("instance", metavar="KEY_OR_BUSINESS_KEY")
@click.argument("name")
@click.argument("value", required=False)
@click.option("--id", "id", metavar="TEXT", help="The same id is asked once and has one answer.")
@place_options
def update(instance: str, name: str, value: str | None, id: str | None, place: Place) -> None:
    """Ask a workflow for the update NAME with VALUE (JSON, or text), and print its answer."""
    given = read_value(value)

    async def send(client: AnyClient) -> Answered:
        return await client.ask_update(await client.find(instance), name, given, id=id)

    answer = ask(place, send)
    if answer.error is not None:
        message = answer.error.get("message") if isinstance(answer.error, dict) else answer.error
        raise Rejected(f"update-{answer.status}", str(message))
    emit_json(answer.value)


@click.command()
@click.argument("instance", metavar="KEY_OR_BUSINESS_KEY")
@click.argument("name")
@click.option("--from", "start", default=0, metavar="OFFSET", help="The first value to show.")
@click.option("--follow", is_flag=True, help="Go on until the stream is closed.")
@place_options
def stream(instance: str, name: str, start: int, place: Place, *, follow: bool) -> None:
    """Print what a workflow wrote to the stream NAME, a line for each value."""
    after = 0
    while True:
        at = after

        async def look(client: AnyClient, at: int = at) -> StreamPart:
            key = await client.find(instance)
            return await client.read_stream(key, name, start=start, after=at)

        part = ask(place, look)
        emit_lines(part.items)
        if part.is_closed or not follow:
            return
        after = part.version
        time.sleep(LOOK_SECONDS)
