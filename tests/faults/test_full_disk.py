"""A disk that is full for a while: requests are refused, nothing is half done, and work goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tenuto.runtime.verify import verify
from tenuto.store.audit import verify_chain
from tenuto.store.sqlite_reader import SqliteReader

PROGRAM = Path(__file__).with_name("full_disk.py")
SAID = ("refused", "started", "completed")


@pytest.mark.crash
@pytest.mark.timeout(60)
def test_a_full_disk_refuses_and_the_node_goes_on_when_there_is_space(tmp_path):
    """The start that found no space is refused as store-full; sent again later, it runs with all
    others to the end.
    """
    database = tmp_path / "full.db"
    source = PROGRAM.parents[2] / "src"

    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(database)],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        check=False,
        timeout=50,
    )

    assert done.returncode == 0, done.stderr.decode()[-2000:]
    lines = done.stdout.decode().splitlines()
    refused, started, completed = (line for line in lines if line.split(" ")[0] in SAID)
    assert refused == "refused store-full"
    assert started.split()[1] == completed.split()[1]
    reader = SqliteReader(database)
    assert verify(reader).differences == []
    assert verify_chain(reader).findings == []
    reader.close()
