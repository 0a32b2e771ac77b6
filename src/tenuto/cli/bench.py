"""`tenuto bench`: how fast this machine commits."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tenuto.cli.output import TABLE, Table, emit_json, emit_tables, output_option

if TYPE_CHECKING:
    from tenuto.assembly import Running

PROCESS: Final = b"""<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="bench">
  <process id="bench" isExecutable="true">
    <startEvent id="start"/><sequenceFlow id="to-end" sourceRef="start" targetRef="end"/>
    <endEvent id="end"/>
  </process>
</definitions>"""
ALONE: Final = 200
TOGETHER: Final = 2_000


@click.command()
@click.option("--folder", metavar="DIR", help="Where the database of the measurement goes.")
@click.option("--quick", is_flag=True, help="The short measurement, also in a checkout.")
@output_option
@click.pass_context
def bench(ctx: click.Context, folder: str | None, output: str, *, quick: bool) -> None:
    """Measure how fast instances are started, each on disk before it is answered.

    In a checkout this runs `python -m bench`, which measures everything and takes minutes;
    elsewhere, or with --quick, a few seconds: instances of an empty process, one after another and
    2,000 at once. That is a look at this machine, not the throughput of a real process.
    """
    if not quick and (Path.cwd() / "bench" / "__main__.py").is_file():
        ended = subprocess.run([sys.executable, "-m", "bench"], check=False)
        ctx.exit(ended.returncode)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".tenuto-bench-") as place:
        measured = measure(Path(place))
    if output == TABLE:
        rows = [(name.replace("_", " "), value) for name, value in measured.items()]
        emit_tables([Table("Starts, each on disk before its answer", ("what", "found"), rows)])
    else:
        emit_json(measured)


def measure(folder: Path) -> dict[str, Any]:
    """Return the disk's own time and what starts take beside it."""
    import asyncio

    from tenuto.cli.database import working
    from tenuto.runtime.doctor import fsync_seconds

    ceiling = fsync_seconds(folder)
    with working(str(folder / "bench.db")) as running:
        alone, together = asyncio.run(_starts(running))
    return {
        "fsync_ms": round(ceiling * 1000, 3),
        "alone_p50_ms": round(statistics.median(alone) * 1000, 3),
        "alone_max_ms": round(max(alone) * 1000, 3),
        "together_per_second": round(TOGETHER / together),
    }


async def _starts(running: Running) -> tuple[list[float], float]:
    import asyncio

    client = running.client
    await client.deploy_sources([("bench.bpmn", "bpmn", PROCESS)])
    alone = []
    for _ in range(ALONE):
        begun = time.perf_counter()
        await client.start("bench")
        alone.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    await asyncio.gather(*(client.start("bench") for _ in range(TOGETHER)))
    return alone, time.perf_counter() - begun
