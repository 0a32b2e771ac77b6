"""After each life: what the database, the user's books and the notes of the steps say must agree
with the ledger of the driver.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from pathlib import Path

from tenuto.client.reading import Reading
from tenuto.engine.records import (
    InstanceCompleted,
    InstanceFailed,
    InstanceStarted,
    InstanceTerminated,
    TimerFired,
    TimerSet,
    decode_records,
)
from tenuto.engine.routine_records import OutcomeTaken
from tenuto.runtime.verify import verify
from tenuto.store.audit import verify_chain
from tenuto.store.codec import unpack_blob
from tenuto.store.headers import decode_header
from tenuto.store.port import InstanceQuery
from tenuto.store.sqlite_reader import SqliteReader, open_reader
from tenuto.workflows import codec
from tests.soak.code import BOOKS, NOTES
from tests.soak.ledger import Ledger
from tests.soak.life import DATABASE
from tests.soak.programs import outcome_of, program_at

ALL = 1 << 31
ENDS = (InstanceCompleted, InstanceFailed, InstanceTerminated)


class Checks:
    """What was found so far; each life adds to it."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Know nothing."""
        self.folder = folder
        self.seed = seed
        self.settled: set[int] = set()
        self.place_of: dict[str, str] = {}
        self.key_of: dict[str, str] = {}
        self.done: set[str] = set()
        self.attempts = 0

    def after_life(self, ledger: Ledger) -> None:
        """Check what may be checked while work is under way."""
        if not (self.folder / DATABASE).exists():
            return
        self._read_notes()
        with open_reader(self.folder / DATABASE) as reader:
            rows = reader.instances(InstanceQuery(limit=ALL))
            self._starts(ledger, {row.key for row in rows})
            for row in rows:
                if row.key not in self.settled:
                    self._journal(reader, row.key)
                    if row.status != "active":
                        self._end(reader, ledger, row)
                        self.settled.add(row.key)
        self._effects(at_end=False)

    def at_end(self, ledger: Ledger, wanted: int) -> None:
        """Check everything: all has ended, and the database is sound."""
        self.after_life(ledger)
        assert len(ledger.started) == wanted, "every start was acknowledged"
        with open_reader(self.folder / DATABASE) as reader:
            rows = reader.instances(InstanceQuery(limit=ALL))
            roots = [row for row in rows if row.parent is None]
            assert sorted(str(row.key) for row in roots) == sorted(ledger.started.values())
            assert not [row for row in rows if row.status == "active"], "something is stuck"
            for table in ("incident", "job", "timer", "subscription", "queue_entry", "outbox"):
                assert reader.rows(table) == [], f"rows are left in {table}"
        self.verify()
        self._effects(at_end=True, wanted=wanted)

    def verify(self) -> None:
        """Check that rows and journal agree, and the chain."""
        with open_reader(self.folder / DATABASE) as reader:
            assert verify(reader).differences == []
            assert verify_chain(reader).findings == []

    def size_per_program(self, programs: int) -> float:
        """Return the bytes of the database by program."""
        return (self.folder / DATABASE).stat().st_size / programs

    # --- parts

    def _read_notes(self) -> None:
        """Take what the steps of this life noted: keys are stable, no committed step ran again."""
        path = self.folder / NOTES
        if not path.exists():
            return
        for line in path.read_text().splitlines():
            word, *rest = line.split()
            assert word == "run", f"a limit was not held: {line}"
            key, instance, place = rest
            self.attempts += 1
            assert key not in self.done, f"{place} ran again after its outcome was committed: {key}"
            assert self.place_of.setdefault(key, place) == place, f"two places have key {key}"
            assert self.key_of.setdefault(place, key) == key, f"{place} has two keys: {key}"
            assert key.startswith(f"{instance}:"), f"the key of another instance: {line}"
        path.unlink()

    def _starts(self, ledger: Ledger, keys: set[int]) -> None:
        known = {int(key) for key in ledger.started.values()}
        assert known <= keys, f"acknowledged starts are lost: {sorted(known - keys)[:5]}"
        assert len(known) == len(ledger.started), "two starts have one instance"

    def _journal(self, reader: SqliteReader, key: int) -> None:
        """Check the history of an instance; note which steps are done."""
        seen: Counter[str] = Counter()
        ends = starts = 0
        due: dict[int, int] = {}
        for turn in reader.journal_of(key):
            at = decode_header(turn.header).now
            for record in decode_records(unpack_blob(turn.blob)):
                if isinstance(record, OutcomeTaken):
                    seen[record.key] += 1
                    assert seen[record.key] == 1, f"{record.key} of {key} has two outcomes"
                    self.done.add(f"{key}:{record.key}")
                elif isinstance(record, InstanceStarted):
                    starts += 1
                elif isinstance(record, ENDS):
                    ends += 1
                elif isinstance(record, TimerSet):
                    due[record.wait] = record.due_at
                elif isinstance(record, TimerFired):
                    assert at >= due[record.wait], f"a timer of {key} fired early"
        told = f"{key} began {starts} times and ended {ends} times"
        assert (starts, max(ends, 1)) == (1, 1), told

    def _end(self, reader: SqliteReader, ledger: Ledger, row) -> None:
        """Hold how an instance ended against what its program comes to."""
        if row.parent is not None:
            assert row.status == "completed", f"child {row.key} ended as {row.status}"
            return
        look = Reading(_Same(reader))
        place = look.variables(row.key)["place"]
        made = program_at(self.seed, int(place[1:]))
        if made.program is None:
            assert row.status == "terminated", f"{place} was canceled and ended as {row.status}"
            return
        data = look.encoded_variable(row.key, "result")
        assert row.status == "completed", f"{place} ended as {row.status}"
        assert data is not None, f"{place} has no result"
        found = codec.decode(data, object, where=place)
        assert found == outcome_of(made).result, f"{place} came to {found}"

    def _effects(self, *, at_end: bool, wanted: int = 0) -> None:
        with contextlib.closing(sqlite3.connect(self.folder / BOOKS, timeout=30)) as books:
            found = Counter(place for (place,) in books.execute("SELECT place FROM effect"))
            # An outcome of a `tx` step is beside its effect.
            (steps,) = books.execute(
                "SELECT count(*) FROM sqlite_master WHERE name = 'tenuto_step'"
            ).fetchone()
        twice = [place for place, count in found.items() if count > 1]
        assert not twice, f"effects happened twice: {twice[:5]}"
        assert steps or not found
        if at_end:
            expected = Counter(
                one
                for count in range(wanted)
                for one in outcome_of(program_at(self.seed, count)).effects
            )
            assert found == expected, f"{found - expected} or {expected - found}"


class _Same:
    """One reader for all who ask."""

    def __init__(self, reader: SqliteReader) -> None:
        self._reader = reader

    def reader(self) -> SqliteReader:
        """Return it."""
        return self._reader
