"""The shell of all verbs: loads one when it is called, and gives what it raises an exit code."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import click

from tenuto.cli import exits
from tenuto.errors import InputError, StoreError, TenutoError


class Verbs(MutableMapping[str, click.Command]):
    """Commands by name; a module is imported when its command is looked up."""

    def __init__(self, places: Mapping[str, tuple[str, str]]) -> None:
        """Know where each command is: (module:name, short help)."""
        self.places = dict(places)
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """Return a command, imported if it was not yet."""
        if name not in self._loaded:
            module, _, attribute = self.places[name][0].partition(":")
            self._loaded[name] = getattr(importlib.import_module(module), attribute)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Add a command that is here already."""
        self.places[name] = ("", command.get_short_help_str())
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        """Take a command out."""
        del self.places[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        """Go through the names, in the order of the help page."""
        return iter(self.places)

    def __len__(self) -> int:
        """Count the commands."""
        return len(self.places)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a command, without importing it."""
        return name in self.places


class Shell(click.Group):
    """The group of all verbs."""

    def __init__(self, name: str, places: Mapping[str, tuple[str, str]], about: str) -> None:
        """Hold the verbs at `places`."""
        self.verbs = Verbs(places)
        super().__init__(
            name,
            self.verbs,
            help=about,
            params=[version_option()],
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        )

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which a user meets them."""
        return list(self.verbs)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs from what is known without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, place[1]) for name, place in self.verbs.places.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; say in one sentence what went wrong, and exit with what that means."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            complain("interrupted; what was answered is durable")
            ctx.exit(exits.INTERRUPTED)
        except BrokenPipeError:
            # The reader of our output has gone (`| head`); Python must not complain at its exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(exits.OK)
        except TenutoError as error:
            complain(str(error))
            ctx.exit(exit_code(error))
        except Exception as error:  # noqa: BLE001  # the edge: a bug is shown whole and named so
            click.echo("".join(traceback.format_exception(error)), err=True)
            complain("this is a bug of Tenuto; the database holds what was answered")
            ctx.exit(exits.BUG)


def exit_code(error: TenutoError) -> int:
    """Return what an error means to a script."""
    if isinstance(error, StoreError):
        return exits.DATABASE
    if isinstance(error, InputError):
        return exits.USAGE
    return exits.REFUSED


def complain(sentence: str) -> None:
    """Say what went wrong, on standard error."""
    code = click.style("error:", fg="red", bold=True)
    click.echo(f"{code} {sentence}", err=True)


def version_option() -> click.Option:
    """Return `--version`, which reads the installed metadata only when it is asked for."""

    def show(ctx: click.Context, option: click.Parameter, value: object) -> None:
        if value and not ctx.resilient_parsing:
            from importlib.metadata import PackageNotFoundError, version

            try:
                click.echo(f"tenuto {version('tenuto')}")
            except PackageNotFoundError:
                click.echo("tenuto (from a source tree)")
            ctx.exit()

    return click.Option(
        ["--version"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=show,
        help="Show the version and exit.",
    )
