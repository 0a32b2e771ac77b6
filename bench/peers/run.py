"""Measure every peer in turn: `python -m bench.peers.run` writes `bench/results/peers.json`.

What cannot be set up, started or measured is in the list with `error` and why. Each measurement has
a new store, new servers and a new process, so that none pays for the one before it. One that other
processes of the machine disturbed is repeated, and the least disturbed is kept: the choice is by
what the others used, never by the result.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.peers import servers
from bench.peers.results import lines, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

STEPS = (1, 3, 5)
IN_FLIGHT = (1, 64)
_ATTEMPTS = 3
_UNDISTURBED_CORES = 0.1
RESULTS = servers.ROOT / "bench" / "results" / "peers.json"


@dataclass(frozen=True)
class Peer:
    """A peer on a store: what has to be set up, its servers, and its program in its own Python."""

    name: str
    store: str
    parts: tuple[str, ...]
    serve: Callable[[Path], AbstractContextManager[servers.Served]]
    program: str


PEERS = (
    Peer("dbos", "sqlite", ("dbos",), servers.dbos_sqlite, "dbos_workflows"),
    Peer("dbos", "sqlite_as_shipped", ("dbos",), servers.dbos_as_shipped, "dbos_workflows"),
    Peer("dbos", "postgresql", ("dbos", "postgresql"), servers.dbos_postgresql, "dbos_workflows"),
    Peer("restate", "rocksdb", ("restate", "restate-server"), servers.restate, "restate_load"),
    Peer("prefect", "sqlite", ("prefect",), servers.prefect, "prefect_flows"),
)


def measure(seconds: float) -> list[dict[str, Any]]:
    """Set up what is missing and return a row for each peer, store, steps and flight."""
    setup()
    return [
        least_disturbed(partial(measured, peer, steps, in_flight, seconds))
        for peer in PEERS
        for in_flight in IN_FLIGHT
        for steps in STEPS
    ]


def setup() -> None:
    """Make the peers; what fails leaves its reason beside the others."""
    script = Path(__file__).parent / "setup.sh"
    subprocess.run(["bash", script], env={**os.environ, "PYTHON": sys.executable}, check=False)


def least_disturbed(attempt: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the first row that nobody disturbed, or that of three which others disturbed least.

    A row with `error` is returned at once: trying again would hide it.
    """
    rows: list[dict[str, Any]] = []
    while len(rows) < _ATTEMPTS:
        row = attempt()
        if "error" in row or row["others_cores"] <= _UNDISTURBED_CORES:
            return row
        rows.append(row)
    return min(rows, key=lambda row: float(row["others_cores"]))


def measured(peer: Peer, steps: int, in_flight: int, seconds: float) -> dict[str, Any]:
    """Return the row of one measurement, or one with `error`."""
    servers.PLACE.mkdir(parents=True, exist_ok=True)
    data = Path(tempfile.mkdtemp(prefix=f"{peer.name}-", dir=servers.PLACE))
    try:
        _require(peer)
        with peer.serve(data) as served:
            row = _run(peer, (steps, in_flight, seconds), served, data)
            row["version"] = "; ".join(part for part in (row["version"], served.version) if part)
            return row
    except (servers.PeerError, OSError, subprocess.SubprocessError) as error:
        shape = {"steps": steps, "in_flight": in_flight}
        return {"peer": peer.name, "store": peer.store, **shape, "error": str(error)}
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _require(peer: Peer) -> None:
    for part in peer.parts:
        if not (servers.PLACE / f"{part}.made").exists():
            error = servers.PLACE / f"{part}.error"
            why = (
                error.read_text(encoding="utf-8") if error.exists() else "run bench/peers/setup.sh"
            )
            raise servers.PeerError(f"expected {part} to be set up, but it is not: {why.strip()}")


def _run(
    peer: Peer, shape: tuple[int, int, float], served: servers.Served, data: Path
) -> dict[str, Any]:
    """Return the row that the program of the peer prints."""
    steps, in_flight, seconds = shape
    python = servers.PLACE / peer.parts[0] / "bin" / "python"
    command = [python, "-m", f"bench.peers.{peer.program}", "--store", peer.store]
    command += ["--steps", str(steps), "--in-flight", str(in_flight), "--seconds", str(seconds)]
    command += ["--url", served.url, "--pids", ",".join(str(pid) for pid in served.pids)]
    output, errors = data / "program.out", data / "program.err"
    with output.open("wb") as out, errors.open("wb") as err:
        program = subprocess.Popen(
            [str(part) for part in command],
            cwd=servers.ROOT,
            env={**os.environ, **served.environment},
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            code = program.wait(timeout=_limit(seconds))
        finally:
            servers.stop(program)
    rows = lines(output.read_text(encoding="utf-8"))
    if code or len(rows) != 1:
        tail = errors.read_text(encoding="utf-8", errors="replace")[-500:].strip()
        raise servers.PeerError(
            f"expected one row of the program, but it ended with {code} and {len(rows)}: {tail}"
        )
    return rows[0]


def _limit(seconds: float) -> float:
    """Return the seconds after which a program is stuck: its longest window, and its drain."""
    return 240 + 13 * seconds


@click.command()
@click.option("--seconds", default=8.0, show_default=True, help="Of each measurement.")
@click.option("--into", type=click.Path(path_type=Path), default=RESULTS, show_default=True)
def main(seconds: float, into: Path) -> None:
    """Measure the peers on this machine."""
    rows = measure(seconds)
    for row in rows:
        print(shown(row))
    kept = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
        "seconds": seconds,
        "rows": rows,
    }
    into.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
