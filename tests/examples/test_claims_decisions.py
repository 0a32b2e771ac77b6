"""Our evaluator and a plain reading of the table, over every committed claim."""

import re
from decimal import Decimal

import pytest

from examples.claims import generate
from examples.claims.arrivals import read_claims
from examples.claims.plain_table import read_table
from examples.claims.policies import look_up
from tenuto import dmn, values
from tests.examples.reports import CLAIMS

EDITIONS = ["claims.dmn", "claims-2027.dmn"]


def reserve_of(text, amount):
    """Return what the text of a reserve says, by plain arithmetic."""
    if text == "amount":
        return amount
    if match := re.fullmatch(r"amount ([*+]) ([\d.]+)", text):
        number = Decimal(match[2])
        return amount * number if match[1] == "*" else amount + number
    match = re.fullmatch(r"max\(amount, (\d+)\)", text)
    assert match, f"expected a reserve that this reader knows, got {text}"
    return max(amount, Decimal(match[1]))


def evaluate(model, decision, claim):
    """Return value and matched rules of a decision for a claim."""
    inputs = {name: values.from_python(value) for name, value in claim.items()}
    result = model.evaluate(decision, inputs)
    assert result.warnings == ()
    return result.value, [rule.id for rule in result.decisions[0].matched]


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_evaluator_agrees_with_the_plain_reading(edition):
    """For each claim the same rule holds and gives the same five outputs."""
    rules = read_table(CLAIMS / edition)
    model = dmn.load(CLAIMS / edition)
    for claim in read_claims():
        (rule,) = [rule for rule in rules if rule.holds(claim)]

        value, matched = evaluate(model, "claim-route", claim)

        assert matched == [rule.id]
        assert value == {
            "claimType": rule.outputs["claimType"],
            "team": rule.outputs["team"],
            "sla": rule.outputs["sla"],
            "reserve": reserve_of(rule.outputs["reserve"], claim["amount"]),
            "straightThrough": rule.outputs["straightThrough"] == "true",
        }


def test_coverage_agrees_with_plain_reading():
    """For each claim the decision says what the contract says, and what of it is payable."""
    model = dmn.load(CLAIMS / "claims.dmn")
    fields = generate.Claim.__dataclass_fields__
    for row in read_claims():
        contract = look_up(row["policy"], row["kind"])
        facts = {
            "premiumPaid": contract.premium_paid,
            "insuredFrom": contract.insured_from,
            "insuredUntil": contract.insured_until,
            "deductible": contract.deductible,
            "limit": contract.limit,
        }

        value, _ = evaluate(model, "coverage", {**row, **facts})

        is_covered = generate.is_covered(generate.Claim(**{k: row[k] for k in fields}), contract)
        payable = min(row["amount"], contract.limit) - contract.deductible
        assert value["covered"] is is_covered
        assert value["payable"] == (payable if is_covered else 0)
