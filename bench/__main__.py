"""`python -m bench [--only NAME]...`: run the benchmarks, show a table, keep the numbers.

A benchmark is a module of `bench` with `run() -> dict[str, float]`. Its keys are flat and end in
their unit; they are merged into `bench/results/latest.json`, so that one benchmark may run alone.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

import bench

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Run = Callable[[], dict[str, float]]

LATEST = Path(__file__).parent / "results" / "latest.json"


def benchmarks() -> dict[str, Run]:
    """Return the `run` of every module that has one, by module name."""
    names = [info.name for info in pkgutil.iter_modules(bench.__path__) if info.name[0] != "_"]
    modules = {name: importlib.import_module(f"bench.{name}") for name in sorted(names)}
    return {name: module.run for name, module in modules.items() if hasattr(module, "run")}


def merge(path: Path, numbers: Mapping[str, float]) -> None:
    """Put the numbers into the file, beside those of other benchmarks."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**kept, **numbers}, indent=2, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def table(title: str, numbers: Mapping[str, float]) -> Table:
    """Return the numbers as a table for people."""
    drawn = Table(title=title, title_justify="left")
    drawn.add_column("key")
    drawn.add_column("value", justify="right")
    for key, value in numbers.items():
        drawn.add_row(key, f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.4g}")
    return drawn


@click.command()
@click.option("--only", multiple=True, metavar="NAME", help="Run this one; may be repeated.")
@click.option("--into", type=click.Path(path_type=Path), default=LATEST, show_default=True)
def main(only: tuple[str, ...], into: Path) -> None:
    """Measure what Tenuto costs on this machine."""
    known = benchmarks()
    for name in only:
        if name not in known:
            raise click.BadParameter(f"expected one of {', '.join(known)}, but it is {name}")
    console = Console()
    failed = []
    for name in only or known:
        try:
            numbers = known[name]()
        except Exception:  # noqa: BLE001 - one broken benchmark must not cost the others' hour
            console.print_exception()
            failed.append(name)
            continue
        merge(into, numbers)
        console.print(table(name, numbers))
    if failed:
        console.print(f"failed: {', '.join(failed)}")
        sys.exit(1)


if __name__ == "__main__":
    main()
