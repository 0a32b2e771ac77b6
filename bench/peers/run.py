"""Measure every peer in turn: `python -m bench.peers.run` writes `bench/results/peers.json`.

A peer that cannot be set up, started or measured is in the list with `error` and why.
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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.peers import servers
from bench.peers.results import lines, missing, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

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
    Peer("dbos", "postgresql", ("dbos", "postgresql"), servers.dbos_postgresql, "dbos_workflows"),
    Peer("restate", "rocksdb", ("restate", "restate-server"), servers.restate, "restate_load"),
    Peer("prefect", "sqlite", ("prefect",), servers.prefect, "prefect_flows"),
)


def measure(seconds: float) -> list[dict[str, Any]]:
    """Set up what is missing and return a row for each peer, store, steps and flight."""
    setup()
    rows: list[dict[str, Any]] = []
    for peer in PEERS:
        rows += measured(peer, seconds)
    return rows


def setup() -> None:
    """Make the peers; what fails leaves its reason beside the others."""
    script = Path(__file__).parent / "setup.sh"
    subprocess.run(["bash", script], env={**os.environ, "PYTHON": sys.executable}, check=False)


def measured(peer: Peer, seconds: float) -> list[dict[str, Any]]:
    """Return the rows of one peer, and one with `error` for what is not in them."""
    rows: list[dict[str, Any]] = []
    reason = ""
    servers.PLACE.mkdir(parents=True, exist_ok=True)
    data = Path(tempfile.mkdtemp(prefix=f"{peer.name}-", dir=servers.PLACE))
    try:
        _require(peer)
        with peer.serve(data) as served:
            output, reason = _run(peer, seconds, served, data)
            rows = lines(output)
            for row in rows:
                row["version"] = "; ".join(
                    part for part in (row["version"], served.version) if part
                )
    except (servers.PeerError, OSError, subprocess.SubprocessError) as error:
        reason = str(error)
    finally:
        shutil.rmtree(data, ignore_errors=True)
    return rows + missing(peer.name, peer.store, rows, reason)


def _require(peer: Peer) -> None:
    for part in peer.parts:
        if not (servers.PLACE / f"{part}.made").exists():
            error = servers.PLACE / f"{part}.error"
            why = (
                error.read_text(encoding="utf-8") if error.exists() else "run bench/peers/setup.sh"
            )
            raise servers.PeerError(f"expected {part} to be set up, but it is not: {why.strip()}")


def _run(peer: Peer, seconds: float, served: servers.Served, data: Path) -> tuple[str, str]:
    """Return what the program wrote, and why it ended early if it did."""
    python = servers.PLACE / peer.parts[0] / "bin" / "python"
    command = [python, "-m", f"bench.peers.{peer.program}", "--store", peer.store]
    command += ["--url", served.url, "--seconds", str(seconds)]
    command += ["--pids", ",".join(str(pid) for pid in served.pids)]
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
        reason = ""
        try:
            if program.wait(timeout=_limit(seconds)):
                reason = f"the program ended with {program.returncode}"
        except subprocess.TimeoutExpired:
            reason = f"the program had not ended after {_limit(seconds):.0f} seconds"
        finally:
            servers.stop(program)
    if reason:
        reason += f": {errors.read_text(encoding='utf-8', errors='replace')[-500:].strip()}"
    return output.read_text(encoding="utf-8"), reason


def _limit(seconds: float) -> float:
    """Return the seconds after which a program is stuck: six windows at their longest, and more."""
    return 600 + 100 * seconds


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
