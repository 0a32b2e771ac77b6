"""Write the claims of the example: 2,000 reports of 30 days, the same ones for the same seed.

    python -m examples.claims.generate [--seed 132] [--to examples/claims]

Claims are drawn rule by rule, so that each of the 132 rules meets four or more ordinary claims, and
otherwise as often as such losses happen. Fifteen losses are reported twice by different people;
eight pairs only look like it. Fourteen rows cannot be used; `expected-rejects.json` names them.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from examples.claims import phrases
from examples.claims.malformed import MALFORMED, line_of, reject
from examples.claims.payments import is_closed
from examples.claims.plain_table import Cell, Rule, read_table
from examples.claims.policies import (
    EUROPEAN_UNION,
    HOME,
    OTHERS,
    Policy,
    look_up,
    odd_signs,
)

HERE = Path(__file__).parent
SEED = 132
ROWS = 2000
BLANK_AFTER = 660
ORDINARY_EACH = 4
FIRST_DAY = date(2026, 3, 2)
DAYS = 30

# Share of each line of business, in percent, and the amounts of an open-ended cell, in euro.
SHARES = {
    "motor": (27, 300, 9_000),
    "household": (20, 80, 6_000),
    "travel": (14, 60, 3_000),
    "health": (16, 30, 2_500),
    "liability": (8, 100, 8_000),
    "pet": (5, 40, 900),
    "legal": (4, 120, 4_000),
    "property": (3, 3_000, 90_000),
    "cargo": (2, 1_500, 80_000),
    "cyber": (1, 4_000, 90_000),
}
STRAIGHT_THROUGH_WEIGHT = 9
SEVERE = ("serious", "fatal")


@dataclass(frozen=True)
class Claim:
    """One row, in the order of the columns."""

    claimId: str
    policy: str
    lossDate: date
    kind: str
    cause: str
    amount: Decimal
    currency: str
    injury: str
    country: str
    reportedBy: str
    reportedAt: datetime
    channel: str
    documents: str
    account: str
    note: str

    @property
    def cells(self) -> list[str]:
        """Return the row as texts."""
        texts = {name: str(getattr(self, name)) for name in COLUMNS}
        texts["reportedAt"] = f"{self.reportedAt:%Y-%m-%dT%H:%M:%SZ}"
        return list(texts.values())


COLUMNS = tuple(Claim.__dataclass_fields__)


class Source:
    """Draws claims from one seeded stream of chance."""

    def __init__(self, seed: int) -> None:
        """Begin a stream."""
        self.chance = random.Random(seed)

    def claim(self, rule: Rule, *, is_ordinary: bool) -> Claim:
        """Return a claim for which a rule holds; an ordinary one is covered and raises no doubt."""
        while True:
            claim = self._draw(rule)
            if not is_ordinary or is_plain(claim):
                return claim

    def _draw(self, rule: Rule) -> Claim:
        chance = self.chance
        (kind,) = rule.cells["kind"].texts
        cause = self._text(rule.cells["cause"], phrases.OTHER_CAUSES[kind])
        if rule.id.endswith("-other") and kind in ("motor", "household") and chance.random() < 0.2:
            cause = chance.choice(phrases.EXCLUDED)
        country = self._country(rule.cells["country"], kind)
        channel = self._channel(rule.cells["channel"])
        straight = rule.outputs["straightThrough"] == "true"
        reported = self.arrival(channel)
        delay = min(int(chance.expovariate(1 / 3)), 45)
        amount = self._amount(rule.cells["amount"], kind)
        place = chance.choice(phrases.PLACES.get(country, (country,)))
        return Claim(
            claimId="",
            policy=self.policy_number(kind),
            lossDate=reported.date() - timedelta(days=delay),
            kind=kind,
            cause=cause,
            amount=amount,
            currency="EUR",
            injury=self._text(rule.cells["injury"], ("minor", "serious")),
            country=country,
            reportedBy=self.person(),
            reportedAt=reported,
            channel=channel,
            documents="missing" if chance.random() < (0.03 if straight else 0.22) else "complete",
            account=self.account(),
            note=f"{phrases.sentence(kind, cause)}. {place}.",
        )

    def _text(self, cell: Cell, others: tuple[str, ...]) -> str:
        """Return a text that passes: one of the cell's, or one of `others` when it excludes."""
        if not cell.texts:
            return "none"
        return self.chance.choice(others if cell.is_negated else sorted(cell.texts))

    def _country(self, cell: Cell, kind: str) -> str:
        away = (*EUROPEAN_UNION, *EUROPEAN_UNION, *OTHERS)
        if cell.texts and not cell.is_negated and not cell.texts >= set(HOME):
            return self.chance.choice(sorted(cell.texts))
        if cell.texts >= set(HOME) and cell.is_negated:
            return self.chance.choice(away)
        if kind in ("travel", "cargo") and not cell.texts >= set(HOME):
            choices = [country for country in away if cell.holds(country)]
            return self.chance.choice(choices)
        return self.chance.choices(HOME, weights=(70, 18, 12))[0]

    def _channel(self, cell: Cell) -> str:
        channels = {"app": 36, "web": 26, "phone": 19, "broker": 12, "post": 7}
        able = {name: weight for name, weight in channels.items() if cell.holds(name)}
        return self.chance.choices(list(able), weights=list(able.values()))[0]

    def _amount(self, cell: Cell, kind: str) -> Decimal:
        """Return an amount inside a cell; one in twenty lies on its upper bound."""
        _, usual_low, usual_high = SHARES[kind]
        low, high = cell.low, cell.high
        if high is not None and self.chance.random() < 0.05:
            return high.quantize(Decimal("0.01"))
        floor = float(low) if low is not None else min(usual_low, float(high or usual_low) * 0.2)
        ceiling = float(high) if high is not None else max(usual_high, floor * 3.5)
        value = floor + (ceiling - floor) * self.chance.betavariate(1.4, 3)
        cents = Decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP)
        return max(cents, (low or Decimal(0)) + Decimal("0.01"))

    def policy_number(self, kind: str) -> str:
        """Return a policy number of a line of business."""
        return f"{kind[:2].upper()}-{self.chance.randrange(10**7):07}"

    def person(self) -> str:
        """Return a name."""
        return f"{self.chance.choice(phrases.GIVEN)} {self.chance.choice(phrases.FAMILY)}"

    def account(self) -> str:
        """Return an account number with right check digits, at a bank that does not exist."""
        country = self.chance.choices(HOME, weights=(70, 18, 12))[0]
        digits = {"DE": 18, "AT": 16, "CH": 17}[country]
        number = "99" + "".join(str(self.chance.randrange(10)) for _ in range(digits - 2))
        letters = "".join(str(ord(letter) - 55) for letter in country)
        return f"{country}{98 - int(number + letters + '00') % 97:02}{number}"

    def arrival(self, channel: str) -> datetime:
        """Return when a report comes in: online at any hour, the rest while the desks are open."""
        online = channel in ("app", "web")
        days = [FIRST_DAY + timedelta(days=n) for n in range(DAYS)]
        weights = [(6 if online else 0) if day.weekday() > 4 else 10 for day in days]
        day = self.chance.choices(days, weights=weights)[0]
        hour = self.chance.triangular(6, 23, 19) if online else self.chance.triangular(8, 17, 10)
        seconds = int(hour * 3600) + self.chance.randrange(60)
        return datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)  # noqa: DTZ001 - UTC, written with Z


def is_plain(claim: Claim) -> bool:
    """Tell whether a claim is covered, raises no doubt, and can be paid to its account."""
    contract = look_up(claim.policy, claim.kind)
    return (
        is_covered(claim, contract)
        and not odd_signs(contract, claim.lossDate, claim.reportedAt, claim.amount)
        and not is_closed(claim.account)
    )


def is_covered(claim: Claim, contract: Policy) -> bool:
    """Tell whether a contract answers for a claim."""
    return (
        contract.premium_paid
        and contract.insured_from <= claim.lossDate <= contract.insured_until
        and claim.cause not in phrases.EXCLUDED
        and claim.amount > contract.deductible
    )


def ordinary_and_usual(source: Source, rules: list[Rule], count: int) -> Iterator[Claim]:
    """Give four ordinary claims for each rule, the rest as often as such losses happen."""
    for rule in rules:
        for _ in range(ORDINARY_EACH):
            yield source.claim(rule, is_ordinary=True)
    weights = [weight(rule, rules) for rule in rules]
    for rule in source.chance.choices(rules, weights=weights, k=count - ORDINARY_EACH * len(rules)):
        yield source.claim(rule, is_ordinary=False)


def weight(rule: Rule, rules: list[Rule]) -> float:
    """Return how often a rule is met, relative to all."""
    kind = rule.cells["kind"].texts
    own = sum(weight_in_line(other) for other in rules if other.cells["kind"].texts == kind)
    (line,) = kind
    return SHARES[line][0] * weight_in_line(rule) / own


def weight_in_line(rule: Rule) -> float:
    """Return how often a rule is met, relative to its line of business."""
    if rule.outputs["straightThrough"] == "true":
        return STRAIGHT_THROUGH_WEIGHT
    is_rare = rule.cells["injury"].texts & set(SEVERE) or rule.cells["amount"].low is not None
    return 0.4 if is_rare else 1


def second_reports(source: Source, claims: list[Claim]) -> Iterator[Claim]:
    """Give fifteen second reports of a loss, and eight that only look like one."""
    chance = source.chance
    plain = [claim for claim in claims if is_plain(claim) and claim.amount >= 200]
    soon = [claim for claim in plain if claim.reportedAt.date() < FIRST_DAY + timedelta(days=22)]
    for number, first in enumerate(chance.sample(soon, 23)):
        later = first.reportedAt + timedelta(minutes=chance.randrange(40, 6 * 24 * 60))
        factor = Decimal(chance.randrange(962, 1040)) / 1000
        loss = first.lossDate
        if 15 <= number < 19:
            factor = Decimal(chance.randrange(1090, 1300)) / 1000
        elif number >= 19:
            loss -= timedelta(days=chance.randrange(1, 9))
        people = (source.person() for _ in range(9))
        yield replace(
            first,
            lossDate=loss,
            amount=(first.amount * factor).quantize(Decimal("0.01")),
            reportedBy=next(person for person in people if person != first.reportedBy),
            reportedAt=later,
            channel=first.channel if number % 2 else "phone",
            account=source.account(),
            note=f"{first.note} Reported for the family.",
        )


def write(folder: Path, seed: int) -> None:
    """Write `claims.csv` and `expected-rejects.json`."""
    source = Source(seed)
    rules = read_table(HERE / "claims.dmn")
    usual = list(ordinary_and_usual(source, rules, ROWS - 23))
    claims = sorted(
        [*usual, *second_reports(source, usual)], key=lambda claim: (claim.reportedAt, claim.policy)
    )
    claims = [replace(claim, claimId=f"C-2026-{n:05}") for n, claim in enumerate(claims, 1)]
    spoiled = spoiled_rows(source, claims)
    lines, rejects, blank = [",".join(COLUMNS)], [], []
    for number, claim in enumerate(claims):
        cells = dict(zip(COLUMNS, claim.cells, strict=True))
        fault = spoiled.get(number)
        lines.append(line_of(cells) if fault is None else MALFORMED[fault].spoil(cells))
        if fault is not None:
            rejects.append(reject(len(lines), lines[-1][: len(claim.claimId)], fault))
        if number == BLANK_AFTER:
            lines.append("")
            blank.append(len(lines))
    (folder / "claims.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = json.dumps({"rejects": rejects, "blankLines": blank}, indent=2)
    (folder / "expected-rejects.json").write_text(text + "\n", encoding="utf-8")


def spoiled_rows(source: Source, claims: list[Claim]) -> dict[int, str]:
    """Return which rows to spoil and how; the row whose quote never closes comes last."""
    *inside, last = MALFORMED
    seen: dict[str, int] = {}
    for claim in claims:
        seen[claim.policy] = seen.get(claim.policy, 0) + 1
    single = [n for n, claim in enumerate(claims[:-1]) if n > 100 and seen[claim.policy] == 1]
    rows = sorted(source.chance.sample(single, len(inside)))
    return {**dict(zip(rows, inside, strict=True)), len(claims) - 1: last}


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--to", type=Path, default=HERE)
    given = parser.parse_args()
    write(given.to, given.seed)


if __name__ == "__main__":
    main()
