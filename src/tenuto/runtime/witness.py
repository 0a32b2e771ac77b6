"""The witness: signed heads of all logs, kept outside of the database by a thread of its own.

A chain that ends in the database alone proves nothing about its tail: who can write the file can
cut it. A running server writes the heads to a file elsewhere every minute and at its end, and looks
at that file before it decides anything: a database that has lost or rewritten what was witnessed is
not served.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from tenuto.errors import StoreCorrupt, StoreError
from tenuto.store import audit

if TYPE_CHECKING:
    from tenuto.store.port import Store

log = structlog.get_logger("tenuto.runtime")

WITNESS_SECONDS: Final = 60.0


class WitnessKeeper:
    """Writes the witness of a database to a file named by the database's identity."""

    def __init__(self, store: Store, folder: Path, *, seconds: float = WITNESS_SECONDS) -> None:
        """Keep the witness in `folder`, with the key that signs it."""
        self._store = store
        self._seconds = seconds
        self._key = folder / "witness.key"
        reader = store.reader()
        try:
            self.path = folder / f"{reader.cluster().hex()}.json"
        finally:
            reader.close()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tenuto-witness", daemon=True)

    def check(self) -> None:
        """Compare the heads that were witnessed with the database.

        Raises `StoreCorrupt` when commits are missing or have another hash: the database was cut,
        rewritten, or restored from an older copy.
        """
        if not self.path.exists():
            return
        witness = audit.read_witness(self.path)
        for head in witness.heads:
            found = self._store.chain_hash(head.log, head.seq)
            if found is None or found.hex() != head.hash:
                what = "is missing" if found is None else "has another hash"
                raise StoreCorrupt(
                    f"expected commit {head.seq} of log {head.log} as `{self.path}` witnessed it, "
                    f"but it {what}: the database was cut, rewritten or restored from an older "
                    "copy. See `tenuto audit verify --against`; if you restored it on purpose, "
                    "start it once with --restored"
                )

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write the heads once more, and end."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()
        self.write()

    def write(self) -> None:
        """Write the present heads, if they are not those that were written last."""
        reader = self._store.reader()
        try:
            witness = audit.checkpoint(reader, self._key)
        finally:
            reader.close()
        if self.path.exists() and audit.read_witness(self.path).heads == witness.heads:
            return
        audit.write_witness(witness, self.path)

    def _run(self) -> None:
        while not self._ending.wait(self._seconds):
            try:
                self.write()
            except (OSError, StoreError) as error:
                log.warning("the witness was not written", reason=str(error))
