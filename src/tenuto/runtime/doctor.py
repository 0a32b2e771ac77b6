"""Looking at a machine and at a database file on it: what is well, and what to mend."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, NamedTuple

OK: Final = "ok"
WARN: Final = "warn"
FAIL: Final = "fail"

FSYNC_ROUNDS: Final = 50
# Faster than any disk can be: the machine or its file system does not wait for the disk.
FSYNC_SECONDS_BELIEVABLE: Final = 0.00002
FSYNC_SECONDS_SLOW: Final = 0.02
FREE_BYTES_MIN: Final = 1 << 30
# Before 3.35 SQLite has no RETURNING and before 3.37 no STRICT tables.
SQLITE_MIN: Final = (3, 37, 0)
NETWORK_FILE_SYSTEMS: Final = frozenset(
    ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "afs", "ceph", "glusterfs"]
)


class Check(NamedTuple):
    """One thing that was looked at: ok, warn or fail, and what to do about it."""

    name: str
    status: str
    found: str
    remedy: str = ""


def machine() -> Iterator[Check]:
    """Look at the interpreter and the libraries."""
    yield Check("python", OK, f"{platform.python_version()} ({platform.machine()})")
    if not __debug__:
        yield Check("assertions", FAIL, "off", "start Python without -O: they guard the journal")
    fits = sqlite3.sqlite_version_info >= SQLITE_MIN
    needed = ".".join(map(str, SQLITE_MIN))
    remedy = "" if fits else f"needs SQLite {needed} or newer: use a newer Python"
    yield Check("sqlite", OK if fits else FAIL, sqlite3.sqlite_version, remedy)
    try:
        yield Check("uvloop", OK, version("uvloop"))
    except PackageNotFoundError:
        remedy = "pip install tenuto[uvloop] makes async handlers faster"
        yield Check("uvloop", OK, "not installed", remedy)
    yield Check("processors", OK, str(os.cpu_count()))


def disk(database: Path, *, rounds: int = FSYNC_ROUNDS) -> Iterator[Check]:
    """Look at the file system that holds, or would hold, the database; write to it a few times."""
    folder = database.resolve().parent
    if not folder.is_dir():
        yield Check("folder", WARN, f"{folder} is not there", "it is created with the database")
        return
    if not os.access(folder, os.W_OK):
        yield Check("folder", FAIL, f"{folder} cannot be written", "change its owner or its mode")
        return
    kind = file_system(folder)
    remote = kind in NETWORK_FILE_SYSTEMS
    remedy = "put the database on a local disk: file locks do not hold here" if remote else ""
    yield Check("file system", FAIL if remote else OK, f"{kind} at {folder}", remedy)
    free = shutil.disk_usage(folder).free
    said = f"{free / (1 << 30):.1f} GB"
    yield Check("free space", OK if free >= FREE_BYTES_MIN else WARN, said)
    yield fsync_check(fsync_seconds(folder, rounds))


def fsync_check(seconds: float) -> Check:
    """Judge how long the disk takes to keep a commit."""
    said = f"{seconds * 1000:.2f} ms, at most {1 / seconds:,.0f} commits/s one after another"
    if seconds < FSYNC_SECONDS_BELIEVABLE:
        return Check("fsync", WARN, said, "too fast to be true: a power cut may lose commits")
    if seconds > FSYNC_SECONDS_SLOW:
        return Check("fsync", WARN, said, "slow: use a local SSD")
    return Check("fsync", OK, said)


def fsync_seconds(folder: Path, rounds: int = FSYNC_ROUNDS) -> float:
    """Return the median time of an append that is on disk."""
    times = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".tenuto-doctor-") as file:
        for _ in range(rounds):
            begun = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begun)
    return max(statistics.median(times), 1e-9)


def file_system(folder: Path) -> str:
    """Return the kind of the file system that holds a folder, where the system tells."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    best, kind = "", "unknown"
    for line in mounts:
        _, place, name, *_ = line.split(" ")
        holds = folder.is_relative_to(place.replace("\\040", " "))
        if holds and len(place) >= len(best):
            best, kind = place, name
    return kind


def contents(database: Path) -> Iterator[Check]:
    """Look at the database itself."""
    if not database.is_file():
        yield Check("database", OK, f"no database at {database} yet")
        return
    holder = lock_holder(database)
    said = "nobody" if holder is None else f"process {holder}"
    yield Check("held by", OK, said)
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        found = connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        connection.close()
    except sqlite3.DatabaseError as error:
        yield Check("database", FAIL, str(error), "this is no database of Tenuto, or it is damaged")
        return
    level = bytes(found[0]).decode() if found else "none"
    yield Check("format", OK if found else FAIL, level)
    remedy = "" if mode == "wal" else "open it once with `tenuto ps`"
    yield Check("journal mode", OK if mode == "wal" else WARN, mode, remedy)
    size = sum(
        path.stat().st_size for path in (database, Path(f"{database}-wal")) if path.is_file()
    )
    yield Check("size", OK, f"{size / (1 << 20):.1f} MB")


def lock_holder(database: Path) -> str | None:
    """Return the process that holds a database, None when nobody does."""
    import fcntl

    lock = Path(f"{database}.lock")
    try:
        handle = os.open(lock, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
    else:
        return None
    finally:
        os.close(handle)
