"""The servers that the peers need: begun on free ports of loopback, ended by their process ids."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".cache" / "peers"
_START_SECONDS = 90


class PeerError(Exception):
    """A peer could not be set up, started or measured."""


@dataclass(frozen=True)
class Served:
    """Where a peer is reached, its servers' process ids, and what its program finds around it."""

    url: str
    pids: tuple[int, ...]
    environment: Mapping[str, str]
    version: str = ""


@contextmanager
def dbos_sqlite(data: Path) -> Iterator[Served]:
    """Give an empty database in WAL, which outlives the connection that sets it."""
    connection = sqlite3.connect(data / "dbos.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    yield Served(f"sqlite:///{data / 'dbos.db'}", (), {})


@contextmanager
def dbos_as_shipped(data: Path) -> Iterator[Served]:
    """Give the place of a database that DBOS makes by itself, with the journal mode it leaves."""
    yield Served(f"sqlite:///{data / 'dbos.db'}", (), {})


@contextmanager
def dbos_postgresql(data: Path) -> Iterator[Served]:
    """Give an empty cluster with its defaults, on a Unix socket in its own folder."""
    owner = _nobody_special(data)
    programs = PLACE / "postgresql" / "bin"
    cluster = data / "cluster"
    made = subprocess.run(
        [programs / "initdb", "-D", cluster, "-A", "trust", "-U", "bench", "-E", "UTF8"],
        capture_output=True,
        text=True,
        check=False,
        cwd=data,
        **owner,
    )
    if made.returncode:
        raise PeerError(f"initdb failed: {made.stderr.strip()[-500:]}")
    settings = ["fsync=on", "synchronous_commit=on", "full_page_writes=on", "listen_addresses="]
    command: list[Any] = [programs / "postgres", "-D", cluster, "-k", data]
    for setting in settings:
        command += ["-c", setting]
    with _running(command, data / "postgres.log", cwd=data, **owner) as server:
        _until(lambda: _answers(data / ".s.PGSQL.5432"), server, data / "postgres.log")
        url = f"postgresql://bench@/dbos?host={data}"
        version = _output(programs / "postgres", "--version")
        yield Served(url, (server.pid,), {}, version)


@contextmanager
def restate(data: Path) -> Iterator[Served]:
    """Give a node of Restate with the worker that is registered with it."""
    node, admin, ingress, worker = (f"127.0.0.1:{port}" for port in _free_ports(4))
    binary = PLACE / "restate-server" / "bin" / "restate-server"
    server_environment = {
        "RESTATE_BASE_DIR": str(data / "restate"),
        "RESTATE_NODE_NAME": "bench",
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_BIND_ADDRESS": node,
        "RESTATE_ADVERTISED_ADDRESS": f"http://{node}/",
        "RESTATE_ADMIN__BIND_ADDRESS": admin,
        "RESTATE_INGRESS__BIND_ADDRESS": ingress,
        "RESTATE_DISABLE_TELEMETRY": "true",
        "RESTATE_LOG_FILTER": "warn",
        "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL_FSYNC": "false",
        "RESTATE_BIFROST__LOCAL__ROCKSDB_DISABLE_WAL_FSYNC": "false",
    }
    # As the guide has it for production, with the workers that this machine has cores for.
    settings = data / "hypercorn.toml"
    settings.write_text(
        f'bind = "{worker}"\n'
        "h2_max_concurrent_streams = 2147483647\n"
        "keep_alive_max_requests = 2147483647\n"
        "keep_alive_timeout = 2147483647\n"
        f"workers = {os.cpu_count()}\n",
        encoding="utf-8",
    )
    python = PLACE / "restate" / "bin" / "python"
    hypercorn = [python, "-m", "hypercorn", "--config", settings, "bench.peers.restate_worker:app"]
    worker_log, server_log = data / "worker.log", data / "server.log"
    with (
        _running(hypercorn, worker_log, cwd=ROOT) as workers,
        _running([binary, "--no-logo"], server_log, server_environment, cwd=data) as server,
    ):
        _until(lambda: _answers(worker), workers, worker_log)
        _until(lambda: _healthy(f"http://{admin}/health"), server, server_log)
        _until(lambda: _healthy(f"http://{ingress}/restate/health"), server, server_log)
        _post(f"http://{admin}/deployments", {"uri": f"http://{worker}"})
        pids = (server.pid, workers.pid)
        yield Served(f"http://{ingress}", pids, {}, _output(binary, "--version"))


@contextmanager
def prefect(data: Path) -> Iterator[Served]:
    """Give Prefect's own server on an empty SQLite database."""
    (port,) = _free_ports(1)
    environment = {
        "PREFECT_HOME": str(data / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    program = [PLACE / "prefect" / "bin" / "prefect", "server", "start"]
    command = [*program, "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    log = data / "server.log"
    with _running(command, log, environment, cwd=data) as server:
        _until(lambda: _healthy(f"{environment['PREFECT_API_URL']}/health"), server, log)
        yield Served(environment["PREFECT_API_URL"], (server.pid,), environment)


@contextmanager
def _running(
    command: list[Any],
    log: Path,
    environment: Mapping[str, str] | None = None,
    *,
    cwd: Path,
    **owner: Any,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server apart from this terminal, and end it with what it began."""
    with log.open("wb") as stream:
        server = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=cwd,
            start_new_session=True,
            **owner,
        )
    try:
        yield server
    finally:
        stop(server)


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process, asked first, and whatever it began that is still there."""
    begun: list[psutil.Process] = []
    if process.poll() is None:
        begun = psutil.Process(process.pid).children(recursive=True)
        # SIGINT is PostgreSQL's fast shutdown and what the others read as Ctrl-C.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    _, left = psutil.wait_procs(begun, timeout=5)
    for child in left:
        with suppress(psutil.NoSuchProcess):
            child.kill()


def _nobody_special(data: Path) -> dict[str, Any]:
    """Return who PostgreSQL runs as: it refuses root, so root hands it to another user."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(data, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on, held together so that they differ."""
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def _until(ready: Callable[[], bool], server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers; say the end of its log when it does not."""
    deadline = time.monotonic() + _START_SECONDS
    while not ready():
        if server.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(encoding="utf-8", errors="replace")[-500:]
            raise PeerError(f"the server did not start: {tail}")
        time.sleep(0.1)


def _answers(address: str | Path) -> bool:
    """Return whether somebody listens on a Unix socket or at HOST:PORT."""
    family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            if isinstance(address, Path):
                probe.connect(str(address))
            else:
                host, _, port = address.partition(":")
                probe.connect((host, int(port)))
        except OSError:
            return False
    return True


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _post(url: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30):
            pass
    except urllib.error.HTTPError as error:
        raise PeerError(f"{url} refused: {error.read().decode()[-500:]}") from error


def _output(program: Path, *arguments: str) -> str:
    found = shutil.which(str(program)) or str(program)
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
