"""`tenuto example`: what the examples of the source tree say and prove."""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import click

from tenuto.cli.output import TABLE, emit_json, output_option, say
from tenuto.errors import InputError

FOLDER = "examples"
NAME = re.compile(r"[a-z][a-z0-9_]*")


@click.command()
@click.argument("name", required=False)
@click.option(
    "--prove",
    is_flag=True,
    help="Compare the process with the work by hand, in virtual time. Figures are synthetic.",
)
@click.option(
    "--seeds",
    type=click.IntRange(2),
    default=30,
    show_default=True,
    help="How many times to play, each with other draws.",
)
@click.option(
    "--limit", type=click.IntRange(10), metavar="N", help="Play the first N records only."
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    show_default="processors",
    metavar="N",
    help="Play so many at once.",
)
@output_option
def example(
    name: str | None, *, prove: bool, seeds: int, limit: int | None, jobs: int, output: str
) -> None:
    """Say what an example shows, or prove it.

    Examples lie below the current folder, as in the source tree. Without NAME they are listed.
    `--prove` runs the same records through the process as it was and as it is, on the real engine
    and a virtual clock, and prints both with 95 % confidence intervals and all assumptions.
    """
    if name is None:
        for found in sorted(Path(FOLDER).glob("*/README.md")):
            click.echo(found.parent.name)
        return
    folder = folder_of(name)
    if not prove:
        click.echo((folder / "README.md").read_text(encoding="utf-8"), nl=False)
        return
    comparison = proof_of(name).compare(seeds, jobs, limit, show_progress)
    if output == TABLE:
        click.echo(comparison.text)
    else:
        emit_json(comparison.figures)


def folder_of(name: str) -> Path:
    """Return the folder of an example. Raises `InputError`."""
    folder = Path(FOLDER) / name
    if not NAME.fullmatch(name) or not (folder / "README.md").is_file():
        known = ", ".join(sorted(one.parent.name for one in Path(FOLDER).glob("*/README.md")))
        raise InputError(
            f"expected an example `{name}` below {Path(FOLDER).resolve()}, found "
            f"{known or 'none'}; examples come with the source tree"
        )
    return folder


def proof_of(name: str) -> ModuleType:
    """Return the module that proves an example. Raises `InputError`."""
    path = str(Path.cwd())
    if path not in sys.path:
        sys.path.insert(0, path)
    module = f"{FOLDER}.{name}.prove"
    if not (Path(FOLDER) / name / "prove.py").is_file():
        raise InputError(f"expected `{name}` to have something to prove, but there is no {module}")
    return importlib.import_module(module)


def show_progress(done: int, total: int) -> None:
    """Say how far a proof is, on a terminal only."""
    if sys.stderr.isatty():
        click.echo(f"\rplayed {done} of {total}", err=True, nl=done == total)
    elif done == total:
        say(f"played {total}")
