"""Write a scenario for each of the 132 rules of the claims table.

    python -m examples.claims.rule_cases [--to examples/claims/rules.scenario.yaml]

What is expected comes from the plain reading of the table (`plain_table.py`) and arithmetic of our
own, never from Tenuto. Amounts are those at the edge of a rule, where a wrong comparison shows.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from examples.claims.plain_table import Cell, Rule, read_table

HERE = Path(__file__).parent
FILE = HERE / "rules.scenario.yaml"
EDITION = HERE / "claims.dmn"

# What a text cell may be tried with, ordinary values first.
INJURIES = ("none", "minor", "serious", "fatal")
COUNTRIES = ("DE", "FR", "US")
CHANNELS = ("app", "web", "phone")
AMOUNT = Decimal(900)

CHANGED = re.compile(r"amount ([*+]) ([0-9.]+)")
AT_LEAST = re.compile(r"max\(amount, ([0-9]+)\)")

HEAD = """\
# Written by `python -m examples.claims.rule_cases`: one scenario for each rule, with what
# the plain reader of the table says. Change the table first, then write this file again.
given:
  models: [claims.bpmn, claims.dmn]
  process: claim
  handlers:
    register-claim:
      insuredFrom: 2020-01-01
      insuredUntil: 2099-12-31
      premiumPaid: true
      deductible: 0
      limit: 100000000
      signs: []
      suspicious: false
    pay-claim: {paid: =payable}
    close-claim: {outcome: paid}
  variables:
    claimId: C-1
    policy: P-1
    lossDate: 2026-03-02
    currency: EUR
    reportedBy: Anna Weber
    reportedAt: 2026-03-03T09:30:00Z
    documents: complete
    account: DE1
    note: Written for its rule
scenarios:
"""


def claim_for(rule: Rule, rules: list[Rule]) -> dict[str, str | Decimal]:
    """Return values that meet one rule, at the edge of its amounts."""
    causes = sorted(set().union(*(one.cells["cause"].texts for one in rules)))
    choices: dict[str, tuple[str, ...]] = {
        "kind": tuple(sorted(rule.cells["kind"].texts)),
        "cause": (*causes, "something else"),
        "injury": INJURIES,
        "country": COUNTRIES,
        "channel": CHANNELS,
    }
    claim: dict[str, str | Decimal] = {
        name: next(value for value in values if rule.cells[name].holds(value))
        for name, values in choices.items()
    }
    claim["amount"] = edge(rule.cells["amount"])
    met = [one.id for one in rules if one.holds(claim)]
    assert met == [rule.id], f"expected {rule.id} alone to hold, but {met} do"
    return claim


def edge(cell: Cell) -> Decimal:
    """Return the largest amount that a cell takes, else the first cent above its lower bound."""
    if cell.high is not None:
        return cell.high
    return AMOUNT if cell.low is None else cell.low + Decimal("0.01")


def reserve(text: str, amount: Decimal) -> Decimal:
    """Return the reserve that a cell of the table asks for; raise `ValueError` for other forms."""
    if text == "amount":
        return amount
    if match := CHANGED.fullmatch(text):
        number = Decimal(match[2])
        return amount * number if match[1] == "*" else amount + number
    if match := AT_LEAST.fullmatch(text):
        return max(amount, Decimal(match[1]))
    raise ValueError(f"expected a form of reserve that is known here, got {text!r}")


def scenario(rule: Rule, claim: Mapping[str, str | Decimal]) -> str:
    """Return the scenario of a rule: the decision, and what the process makes of it."""
    outputs = dict(rule.outputs)
    amount = claim["amount"]
    assert isinstance(amount, Decimal), "an amount is a number"
    is_straight = outputs["straightThrough"] == "true"
    after = (
        "status: completed"
        if is_straight
        else f"tasks: [{{element: review, groups: [{outputs['team']}]}}]"
    )
    given = ", ".join(f"{name}: {plain(value)}" for name, value in claim.items())
    return f"""\
  - name: {rule.id}
    given: {{variables: {{{given}}}}}
    then:
      {after}
      decisions:
        - decision: claim-route
          rules: {rule.id}
          value:
            claimType: {outputs["claimType"]}
            team: {outputs["team"]}
            sla: {outputs["sla"]}
            reserve: {plain(reserve(outputs["reserve"], amount))}
            straightThrough: {outputs["straightThrough"]}
"""


def plain(value: str | Decimal) -> str:
    """Return a value as YAML writes it, numbers without exponent and idle zeros."""
    if isinstance(value, str):
        return value
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def document(table: Path = EDITION) -> str:
    """Return the whole file for an edition of the table."""
    rules = read_table(table)
    return HEAD + "".join(scenario(rule, claim_for(rule, rules)) for rule in rules)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--to", type=Path, default=FILE, metavar="FILE")
    parser.parse_args().to.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
