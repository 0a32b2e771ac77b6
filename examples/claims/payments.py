"""The bank, as far as the example needs one: a ledger that pays each idempotency key once.

The ledger is a small SQLite file (environment variable `CLAIMS_LEDGER`). Some accounts are closed;
for some claims the first attempt fails as a network does. Both depend on the claim alone.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from examples.claims.policies import draw

LEDGER_DEFAULT = "tenuto-data/claims-ledger.db"
SCHEMA = """
CREATE TABLE IF NOT EXISTS payment (
    idempotency_key TEXT PRIMARY KEY, claim TEXT NOT NULL, account TEXT NOT NULL,
    amount TEXT NOT NULL, calls INTEGER NOT NULL DEFAULT 1
) STRICT
"""
PAY = """
INSERT INTO payment (idempotency_key, claim, account, amount) VALUES (?, ?, ?, ?)
ON CONFLICT (idempotency_key) DO UPDATE SET calls = calls + 1
RETURNING rowid, claim, account, amount, calls
"""


class AccountClosed(Exception):
    """The bank knows the account no more."""


class BankUnreachable(Exception):
    """The bank did not answer; nothing is known about the payment."""


@dataclass(frozen=True)
class Payment:
    """One line of the ledger; `calls` counts how often it was asked for."""

    number: int
    claim: str
    account: str
    amount: Decimal
    calls: int


def is_closed(account: str) -> bool:
    """Tell whether an account is one of the closed ones."""
    return draw(account, "closed", 64) == 0


def is_unreachable(claim: str, attempt: int) -> bool:
    """Tell whether the bank does not answer to this attempt for this claim."""
    return attempt == 1 and draw(claim, "bank", 20) == 0


def pay(key: str, claim: str, account: str, amount: Decimal) -> Payment:
    """Pay once for each key, however often it is asked; return the line of the ledger.

    Raises `AccountClosed`.
    """
    if is_closed(account):
        raise AccountClosed(f"expected an open account, but {account} is closed")
    with closing(open_ledger()) as ledger, ledger:
        return payment_of(ledger.execute(PAY, (key, claim, account, str(amount))).fetchone())


def payments() -> list[Payment]:
    """Return every payment, oldest first."""
    with closing(open_ledger()) as ledger:
        rows = ledger.execute(
            "SELECT rowid, claim, account, amount, calls FROM payment ORDER BY rowid"
        )
        return [payment_of(row) for row in rows]


def payment_of(row: tuple[int, str, str, str, int]) -> Payment:
    """Return a line of the ledger from its row."""
    number, claim, account, amount, calls = row
    return Payment(number, claim, account, Decimal(amount), calls)


def open_ledger() -> sqlite3.Connection:
    """Return a connection to the ledger, which is made when it is not there."""
    path = Path(os.environ.get("CLAIMS_LEDGER", LEDGER_DEFAULT))
    path.parent.mkdir(parents=True, exist_ok=True)
    ledger = sqlite3.connect(path, timeout=30)
    # The stand-in survives a killed process, not a power cut; a bank's own books survive both.
    ledger.execute("PRAGMA synchronous = OFF")
    ledger.execute(SCHEMA)
    return ledger
