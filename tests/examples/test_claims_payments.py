"""The ledger and the policy book that stand in for the insurer's other systems."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from examples.claims import payments
from examples.claims.policies import look_up, odd_signs

OPEN = "DE63994199232003132485"


def closed_account():
    """Return an account that the bank has closed."""
    return next(name for name in map(str, range(1000)) if payments.is_closed(name))


def test_a_repeated_call_pays_once():
    """The same idempotency key gives the same payment, however often it is asked for."""
    first = payments.pay("key-1", "C-1", OPEN, Decimal("120.50"))
    again = payments.pay("key-1", "C-1", OPEN, Decimal("120.50"))

    assert again.number == first.number
    assert [(p.claim, p.amount, p.calls) for p in payments.payments()] == [
        ("C-1", Decimal("120.50"), 2)
    ]


def test_another_key_pays_again():
    """Keys, not claims, tell payments apart: the ledger does not hide a double payment."""
    payments.pay("key-1", "C-1", OPEN, Decimal(10))
    payments.pay("key-2", "C-1", OPEN, Decimal(10))

    assert len(payments.payments()) == 2


def test_a_closed_account_is_refused():
    """Nothing is paid to an account that the bank has closed."""
    with pytest.raises(payments.AccountClosed, match="expected an open account"):
        payments.pay("key-1", "C-1", closed_account(), Decimal(10))

    assert payments.payments() == []


def test_the_bank_answers_to_the_second_attempt():
    """An unreachable bank is so for the first attempt only, and for the same claims each time."""
    claims = [f"C-2026-{number:05}" for number in range(200)]
    unlucky = [claim for claim in claims if payments.is_unreachable(claim, 1)]

    assert 2 <= len(unlucky) <= 30
    assert not any(payments.is_unreachable(claim, 2) for claim in claims)


def test_a_policy_number_always_finds_the_same_policy():
    """Facts of a contract depend on its number and its line of business alone."""
    assert look_up("MO-1234567", "motor") == look_up("MO-1234567", "motor")
    assert look_up("MO-1234567", "bonds").limit == 50_000


def test_round_amounts_and_late_reports_look_odd():
    """A report gets a sign for each thing that is seldom so."""
    numbers = (f"MO-{number:07}" for number in range(100))
    plain = next(
        policy
        for policy in (look_up(number, "motor") for number in numbers)
        if odd_signs(policy, date(2026, 3, 2), datetime(2026, 3, 3, 9), Decimal(100)) == []
    )

    signs = odd_signs(plain, date(2026, 2, 1), datetime(2026, 3, 3, 9), Decimal(7000))

    assert signs == ["a round amount", "reported late"]
