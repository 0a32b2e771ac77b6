"""The policy book: a stand-in for the system in which an insurer keeps its contracts.

Every fact is derived from the policy number, so any claim can be played and always finds the same
policy. Contracts renew by themselves; one that lapsed has an end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

HOME = ("DE", "AT", "CH")
EUROPEAN_UNION = (
    "FR",
    "IT",
    "ES",
    "PT",
    "NL",
    "BE",
    "LU",
    "PL",
    "CZ",
    "DK",
    "SE",
    "IE",
    "GR",
    "HR",
)
OTHERS = (
    "US",
    "CA",
    "GB",
    "NO",
    "TR",
    "MX",
    "BR",
    "TH",
    "JP",
    "CN",
    "SG",
    "AU",
    "NZ",
    "ZA",
    "EG",
    "AE",
)
COUNTRIES = frozenset(HOME + EUROPEAN_UNION + OTHERS)

FOUNDED = date(2018, 1, 1)
NEW_BUSINESS = date(2026, 2, 23)
LAPSED = date(2026, 1, 31)
OPEN_END = date(2099, 12, 31)

# Deductibles that are on offer and the sum insured, by line of business, in euro.
TERMS = {
    "motor": ((0, 0, 150), 1_000_000),
    "household": ((0, 0, 100), 75_000),
    "travel": ((0, 0, 50), 100_000),
    "liability": ((0,), 5_000_000),
    "health": ((0,), 200_000),
    "property": ((500, 1000), 2_000_000),
    "cargo": ((250, 500), 400_000),
    "cyber": ((1000, 2500), 500_000),
    "pet": ((0, 25), 8_000),
    "legal": ((0, 0, 150), 50_000),
}
OTHER_TERMS = ((0,), 50_000)


@dataclass(frozen=True)
class Policy:
    """What the book says about one contract; amounts in euro."""

    number: str
    insured_from: date
    insured_until: date
    premium_paid: bool
    deductible: Decimal
    limit: Decimal


def look_up(number: str, kind: str) -> Policy:
    """Return the contract of a policy number in a line of business."""
    deductibles, limit = TERMS.get(kind, OTHER_TERMS)
    began = FOUNDED + timedelta(days=draw(number, "began", 2900))
    if draw(number, "new", 60) == 0:
        began = NEW_BUSINESS + timedelta(days=draw(number, "day", 21))
    return Policy(
        number=number,
        insured_from=began,
        insured_until=LAPSED if draw(number, "lapsed", 80) == 0 else OPEN_END,
        premium_paid=draw(number, "paid", 50) != 0,
        deductible=Decimal(deductibles[draw(number, "deductible", len(deductibles))]),
        limit=Decimal(limit),
    )


def odd_signs(policy: Policy, loss: date, reported: datetime, amount: Decimal) -> list[str]:
    """Return what makes a report look odd; an empty list is the ordinary case."""
    signs = []
    if timedelta(0) <= loss - policy.insured_from < timedelta(days=14):
        signs.append("loss within two weeks of the first day of cover")
    if amount >= 5000 and amount % 1000 == 0:
        signs.append("a round amount")
    if reported.date() - loss > timedelta(days=21):
        signs.append("reported late")
    if draw(policy.number, "watched", 100) == 0:
        signs.append("policy is on the watch list")
    return signs


def draw(key: str, purpose: str, sides: int) -> int:
    """Return a number below `sides` that depends on the key and the purpose alone."""
    return int.from_bytes(sha256(f"{purpose}:{key}".encode()).digest()[:8], "big") % sides
