"""The committed claims as typed records, in the order in which they were reported."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def read_rejects(folder: Path = HERE) -> list[dict[str, Any]]:
    """Return what is expected to be said of the rows that cannot be used."""
    report = json.loads((folder / "expected-rejects.json").read_text(encoding="utf-8"))
    rejects: list[dict[str, Any]] = report["rejects"]
    return rejects


def read_claims(folder: Path = HERE) -> list[dict[str, Any]]:
    """Return the usable claims: without the rows that `expected-rejects.json` names."""
    unusable = {reject["line"] for reject in read_rejects(folder)}
    lines = (folder / "claims.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for number, line in enumerate(lines, 1) if line and number not in unusable]
    return [typed(row) for row in csv.DictReader(kept, strict=True)]


def typed(row: dict[str, str]) -> dict[str, Any]:
    """Return a row with its dates, its instant and its amount."""
    reported = datetime.strptime(row["reportedAt"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return {
        **row,
        "lossDate": date.fromisoformat(row["lossDate"]),
        "amount": Decimal(row["amount"]),
        "reportedAt": reported,
    }
