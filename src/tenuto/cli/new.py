"""`tenuto new`: write a project that runs, and passes its tests, at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tenuto.errors import InputError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
SUFFIX = ".template"
PROJECT = "{{project}}"

# Template -> what `tenuto new --help` says of it.
TEMPLATES = {
    "approval": "a request, a decision table, a person who approves and is reminded",
    "claims": "claims with documents, review, an SLA and a payment that may fail",
    "events": "orders that events start, and that wait for the event of their payment",
    "code": "Python functions as the steps of a small process, with their errors",
}


@click.command(
    epilog="\b\nTemplates:\n" + "\n".join(f"  {name:<10}{text}" for name, text in TEMPLATES.items())
)
@click.argument("name")
@click.option(
    "--template",
    type=click.Choice(list(TEMPLATES)),
    default="approval",
    show_default=True,
    help="What the project begins with.",
)
def new(name: str, template: str) -> None:
    """Write a project into the folder NAME: models, handlers, scenarios, a test in Python.

    The models have diagrams, so that any modeler opens them. NAME may be a path; its last part
    names the project. A folder that holds anything is left alone.
    """
    folder = Path(name)
    written = write_project(folder, template)
    click.echo(f"wrote {', '.join(written)} to {folder}")
    click.echo("")
    click.echo(f"  cd {folder}")
    click.echo("  tenuto test .")
    click.echo(f"  tenuto serve handlers --model . --db {folder.name}.db")


def write_project(folder: Path, template: str) -> list[str]:
    """Write a template into a folder that is empty or not there; return the names of its files.

    Raises `InputError` for a name that is none, a folder that holds something, and what the system
    refuses.
    """
    if not NAME.fullmatch(folder.name):
        raise InputError(
            f"expected a name of letters, digits, `-` and `_` that begins with a letter, at most "
            f"64 characters long, got `{folder.name or folder}`"
        )
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(
                f"expected no `{folder}` or an empty folder, but there is "
                f"{'something in it' if folder.is_dir() else 'a file of that name'}; "
                f"choose another name"
            )
        folder.mkdir(parents=True, exist_ok=True)
        names = []
        for source in template_files(template):
            path = folder / source.name.removesuffix(SUFFIX)
            text = source.read_text(encoding="utf-8").replace(PROJECT, folder.name)
            path.write_text(text, encoding="utf-8")
            names.append(path.name)
    except OSError as error:
        raise InputError(f"expected to write a project to `{folder}`: {error.strerror}") from error
    return names


def template_files(template: str) -> Iterator[Traversable]:
    """Give the files of a template, by name."""
    folder = files("tenuto") / "templates" / template
    yield from sorted(
        (one for one in folder.iterdir() if one.name.endswith(SUFFIX)), key=lambda one: one.name
    )
