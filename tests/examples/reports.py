"""Reports of losses to play with: a plain one, changed as a test needs it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from examples.claims import payments
from examples.claims.policies import look_up, odd_signs

CLAIMS = Path(__file__).parents[2] / "examples" / "claims"


def is_plain_policy(number: str, kind: str) -> bool:
    """Tell whether a contract is paid, runs, bears all of a loss and is not watched."""
    policy = look_up(number, kind)
    signs = odd_signs(policy, date(2026, 3, 2), datetime(2026, 3, 3, tzinfo=UTC), Decimal(1))
    return (
        policy.premium_paid
        and policy.insured_from < date(2026, 1, 1)
        and policy.insured_until > date(2027, 1, 1)
        and policy.deductible == 0
        and not signs
    )


def report(**changes: object) -> dict[str, object]:
    """Return the report of a windscreen that is paid without a person, with changes."""
    kind = str(changes.get("kind", "motor"))
    numbers = (f"P-{number:07}" for number in range(1000))
    claims = (f"C-{number:05}" for number in range(1000))
    return {
        "claimId": next(one for one in claims if not payments.is_unreachable(one, 1)),
        "policy": next(number for number in numbers if is_plain_policy(number, kind)),
        "lossDate": date(2026, 3, 2),
        "kind": "motor",
        "cause": "glass",
        "amount": Decimal("420.50"),
        "currency": "EUR",
        "injury": "none",
        "country": "DE",
        "reportedBy": "Anna Weber",
        "reportedAt": datetime(2026, 3, 3, 9, 30, tzinfo=UTC),
        "channel": "app",
        "documents": "complete",
        "account": account(is_closed=False),
        "note": "Stone chip",
        **changes,
    }


def account(*, is_closed: bool) -> str:
    """Return an account that the bank knows, or one that it has closed."""
    numbers = (f"DE{number:020}" for number in range(1000))
    return next(one for one in numbers if payments.is_closed(one) == is_closed)
