"""The process that meets the faults: a server with the soak's code, on a clock that can jump.

Arguments: the folder. The clock is the wall's plus the milliseconds in the file `offset`, which
another process writes while this one runs.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import sys
import time
from pathlib import Path

from tenuto.assembly import serving
from tenuto.cli.serve import announced
from tenuto.runtime.clock import SystemClock
from tenuto.worker.program import program_of

OFFSET = struct.Struct("<q")
OFFSET_FILE = "offset"
DATABASE = "soak.db"


def set_offset(folder: Path, ms: int) -> None:
    """Let the clock of the process jump."""
    with open(folder / OFFSET_FILE, "r+b" if (folder / OFFSET_FILE).exists() else "wb") as file:
        file.write(OFFSET.pack(ms))


def wall(folder: Path):
    """Return the wall clock of the process, in nanoseconds."""
    with open(folder / OFFSET_FILE, "rb") as file:
        shared = mmap.mmap(file.fileno(), OFFSET.size, access=mmap.ACCESS_READ)

    def now() -> int:
        return time.time_ns() + OFFSET.unpack_from(shared)[0] * 1_000_000

    return now


def main() -> None:
    """Serve until told to stop."""
    folder = Path(sys.argv[1])
    os.environ["TENUTO_SOAK_FOLDER"] = str(folder)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    from tests.soak import code

    database = folder / DATABASE
    clock = SystemClock(wall(folder))
    with (
        serving(database, handlers=program_of(code), clock=clock, operator="soak") as at,
        announced(at, str(database)),
    ):
        at.run()


if __name__ == "__main__":
    main()
