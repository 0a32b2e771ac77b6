"""Rows that cannot be used, as they come from the systems of others, and what is said of each."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# Where a row is turned away: while the file is read, when its instance is to start, or by the first
# handler, which leaves an incident for a person.
READ, START, REGISTER = "read", "start", "register"


@dataclass(frozen=True)
class Spoiled:
    """One way to spoil a row: who notices, what is to be said, and the row itself."""

    stage: str
    reason: str
    spoil: Callable[[dict[str, str]], str]


def line_of(cells: Mapping[str, str]) -> str:
    """Return a row as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells.values())
    return text.getvalue()


def with_cell(name: str, value: str) -> Callable[[dict[str, str]], str]:
    """Return a spoiler that overwrites one cell."""
    return lambda cells: line_of({**cells, name: value})


def one_column_more(cells: dict[str, str]) -> str:
    """Return a row whose note was written without its quotes."""
    return line_of({**cells, "note": "Roof"}) + ", gutter and window"


def columns_lost(cells: dict[str, str]) -> str:
    """Return a row that ends in the middle."""
    return line_of(dict(list(cells.items())[:9]))


def text_after_quote(cells: dict[str, str]) -> str:
    """Return a row with text behind a closing quote."""
    return line_of({**cells, "reportedBy": "@"}).replace("@", '"Müller" & Sons')


def quote_never_closed(cells: dict[str, str]) -> str:
    """Return a row whose last cell begins a quote that nothing ends."""
    return line_of({**cells, "note": "@"}).replace("@", '"Hail as big as')


MALFORMED = {
    "amount-missing": Spoiled(READ, "amount is required", with_cell("amount", "")),
    "amount-text": Spoiled(READ, "amount is not a number", with_cell("amount", "about 900")),
    "amount-comma": Spoiled(READ, "amount is not a number", with_cell("amount", "1.250,00")),
    "date-impossible": Spoiled(READ, "lossDate is not a date", with_cell("lossDate", "2026-02-30")),
    "date-other-form": Spoiled(READ, "lossDate is not a date", with_cell("lossDate", "14.03.2026")),
    "time-as-word": Spoiled(
        READ, "reportedAt is not a date and time", with_cell("reportedAt", "yesterday")
    ),
    "policy-missing": Spoiled(READ, "policy is required", with_cell("policy", "")),
    "column-too-many": Spoiled(READ, "16 columns where 15 are named", one_column_more),
    "columns-lost": Spoiled(READ, "9 columns where 15 are named", columns_lost),
    "quoting-broken": Spoiled(READ, "text behind a closing quote", text_after_quote),
    "claim-repeated": Spoiled(START, "business key is taken", with_cell("claimId", "C-2026-00042")),
    "country-unknown": Spoiled(REGISTER, "country is not in the book", with_cell("country", "XX")),
    "amount-negative": Spoiled(
        REGISTER, "amount is not above zero", with_cell("amount", "-310.00")
    ),
    "quote-open": Spoiled(READ, "quote is never closed", quote_never_closed),
}


def reject(line: int, claim: str, fault: str) -> dict[str, object]:
    """Return what must be said of one spoiled row; lines count from 1, the header included."""
    one = MALFORMED[fault]
    return {
        "line": line,
        "claimId": claim,
        "fault": fault,
        "stage": one.stage,
        "reason": one.reason,
    }
