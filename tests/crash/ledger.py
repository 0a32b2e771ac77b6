"""Killing lives and reconciling what they said with what the database holds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tenuto.engine.records import JobCompleted, JobCreated, decode_records
from tenuto.runtime.verify import verify
from tenuto.store.audit import verify_chain
from tenuto.store.codec import unpack_blob
from tenuto.store.port import PHASES, InstanceQuery
from tenuto.store.sqlite_reader import SqliteReader

PROGRAM = Path(__file__).with_name("program.py")
ROOT = PROGRAM.parents[2]


class Ledger:
    """What every life acknowledged, kept in this process."""

    def __init__(self, database: Path, records: int) -> None:
        """Begin with an empty database."""
        self.database = database
        self.records = records
        self.acknowledged: dict[int, str] = {}
        self.done_before: set[str] = set()
        self.repeated: list[str] = []

    def live(self, *, seed: int, point: str | None = None, seconds: float | None = None) -> bool:
        """Run one life, killed at a point, after seconds, or not at all; tell whether it ended
        by itself.
        """
        arguments = [sys.executable, str(PROGRAM), str(self.database), str(self.records)]
        process = subprocess.Popen(
            [*arguments, *([point] if point else [])],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": python_path(), "PYTHONHASHSEED": str(seed)},
        )
        timer = threading.Timer(seconds or 120, process.send_signal, (signal.SIGKILL,))
        timer.start()
        output, errors = process.communicate()
        timer.cancel()
        assert process.returncode in (0, -signal.SIGKILL), errors.decode()[-2000:]
        self.take(output.decode(errors="replace"))
        if self.database.exists():
            self.done_before = completed_steps(self.database)
        return process.returncode == 0

    def take(self, output: str) -> None:
        """Take what a life said."""
        for line in output.splitlines():
            word, *rest = line.split(" ")
            if word == "ack" and len(rest) == 2:
                self.acknowledge(int(rest[0]), rest[1])
            elif word == "run" and rest and rest[0] in self.done_before:
                self.repeated.append(rest[0])

    def acknowledge(self, record: int, instance: str) -> None:
        """Keep that a record was acknowledged as an instance, the same each time."""
        known = self.acknowledged.setdefault(record, instance)
        assert known == instance, f"record {record} became {known} and {instance}"

    def random_life(self, seed: int) -> None:
        """Kill a life at a random instant or at a random crash point."""
        chance = random.Random(seed)
        if chance.random() < 0.5:
            phase = chance.choice(PHASES)
            self.live(seed=seed, point=f"{phase}:{chance.randint(1, 40)}")
        else:
            self.live(seed=seed, seconds=0.35 + chance.random())

    def reconcile(self) -> None:
        """Check that every acknowledged start exists once and ended once, and that the journal
        is sound.
        """
        reader = SqliteReader(self.database)
        rows = reader.instances(InstanceQuery(limit=1 << 31))
        assert len(rows) == self.records
        assert {row.status for row in rows} == {"completed"}
        keys = {str(row.key) for row in rows}
        assert set(self.acknowledged.values()) <= keys
        assert len(set(self.acknowledged.values())) == len(self.acknowledged)
        assert self.repeated == []
        assert reader.rows("incident") == []
        assert verify(reader).differences == []
        audit = verify_chain(reader)
        assert audit.findings == []
        reader.close()


def python_path() -> str:
    """Return where a child process finds the sources of this checkout."""
    return os.pathsep.join(
        filter(None, (str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")))
    )


def completed_steps(database: Path) -> set[str]:
    """Return the idempotency keys of the steps whose completion is in the journal."""
    reader = SqliteReader(database)
    done = set()
    for row in reader.instances(InstanceQuery(limit=1 << 31)):
        keys: dict[int, str] = {}
        for turn in reader.journal_of(row.key):
            for record in decode_records(unpack_blob(turn.blob)):
                if isinstance(record, JobCreated):
                    keys[record.element] = record.key
                elif isinstance(record, JobCompleted):
                    assert keys[record.element] not in done, "a step was completed twice"
                    done.add(keys[record.element])
    reader.close()
    return done
