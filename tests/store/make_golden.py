"""Make the golden database: `python -m tests.store.make_golden`.

It was written once, by the release whose formats it keeps, and is committed; a later release opens,
verifies and continues it. A new format level gets a file of its own, the old one stays.
"""

import sqlite3
import tempfile
from pathlib import Path

from tenuto.store.sqlite import SqliteStore
from tenuto.testing import Scenario

FOLDER = Path(__file__).parent / "golden"
TARGET = FOLDER / "claims-1.db"
# Long enough to be kept by reference instead of inside a turn.
LETTER = "Dear insurer, the cellar is under water again. " * 40


def play(path):
    """Let claims come to rest at everything that can be waited for; two lives of a node."""
    first = Scenario(store=SqliteStore(path))
    first.deploy(FOLDER / "claims.bpmn", FOLDER / "desk.dmn")
    for way in ("person", "time", "message", "signal", "job", "none"):
        facts = {"case": f"C-{way}", "way": way, "amount": 900}
        first.start_with("claim", facts, business_key=f"C-{way}")
    close(first)

    second = Scenario(store=SqliteStore(path), start="2026-01-05T10:00:00Z")
    facts = {"case": "C-letter", "way": "person", "amount": 4000, "letter": LETTER}
    second.start_with("claim", facts, business_key="C-letter")
    facts = {"case": "C-broken", "way": "job", "amount": 10}
    broken = second.start_with("claim", facts, business_key="C-broken", idempotency_key="claim-8")
    second.fail_job(broken, "pay", "the bank is closed", retry=False)
    second.publish("papers received", "C-later", time_to_live="P30D", pages=3)
    close(second)


def close(scenario):
    """End a life."""
    scenario.read.reader.close()
    scenario.store.close()


def pack(path, target):
    """Copy a database into one small file, without the files beside it."""
    target.unlink(missing_ok=True)
    source = sqlite3.connect(path)
    source.execute("VACUUM INTO ?", (str(target),))
    source.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "claims.db"
        play(made)
        pack(made, TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")
