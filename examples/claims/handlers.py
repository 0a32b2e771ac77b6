"""The work that programs do for a claim: one function for each job type of `claims.bpmn`.

    tenuto run examples/claims/claims.bpmn examples/claims/claims.dmn \\
        --input examples/claims/claims.csv --app examples.claims.handlers

Arguments are process variables by name; what a handler returns becomes variables. Handlers give the
same answer to the same claim each time.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from examples.claims import payments
from examples.claims.policies import COUNTRIES, draw, look_up, odd_signs
from tenuto import BpmnError, JobContext, NoRetry, handler


@handler("register-claim")
async def register(
    policy: str, kind: str, country: str, amount: Decimal, lossDate: date, reportedAt: datetime
) -> dict[str, Any]:
    """Check what only a program can know, look the policy up, and list what seems odd."""
    if country not in COUNTRIES:
        raise NoRetry(f"expected a country of the book, got {country!r}: correct `country`")
    if amount <= 0:
        raise NoRetry(f"expected an amount above zero, got {amount}: correct `amount`")
    contract = look_up(policy, kind)
    signs = odd_signs(contract, lossDate, reportedAt, amount)
    return {
        "insuredFrom": contract.insured_from,
        "insuredUntil": contract.insured_until,
        "premiumPaid": contract.premium_paid,
        "deductible": contract.deductible,
        "limit": contract.limit,
        "signs": signs,
        "suspicious": bool(signs),
    }


@handler("link-reports")
async def link(lookalikes: list[str]) -> dict[str, Any]:
    """File a second report of the same loss with the first."""
    return {"outcome": "duplicate", "linkedTo": lookalikes[0]}


@handler("send-rejection-notice")
async def reject(claimId: str, reason: str = "") -> dict[str, Any]:
    """Tell the insured that nothing is paid, and why."""
    return {"outcome": "rejected", "notice": f"N-{claimId}", "noticeReason": reason}


@handler("score-fraud")
async def score(claimId: str, signs: list[str]) -> dict[str, Any]:
    """Weigh the odd signs: 60 points or more are worth the look of a person."""
    return {"fraudScore": min(100, 35 * len(signs) + draw(claimId, "fraud", 50))}


@handler("report-fraud")
async def report_fraud(claimId: str) -> dict[str, Any]:
    """Refuse the claim and tell the association of insurers."""
    return {"outcome": "fraud", "fraudReport": f"F-{claimId}"}


@handler("send-reminder")
async def remind(remindersSent: int = 0) -> dict[str, Any]:
    """Ask once more for the documents."""
    return {"remindersSent": remindersSent + 1}


@handler("escalate-claim")
async def escalate(route: dict[str, Any]) -> dict[str, Any]:
    """Tell the lead of the team that the promised time has passed."""
    return {"escalatedTo": f"{route['team']}-lead"}


@handler("pay-claim")
def pay(claimId: str, account: str, payable: Decimal, ctx: JobContext) -> dict[str, Any]:
    """Pay once, however often this is tried: the ledger keeps the idempotency key.

    Not async, because a ledger blocks; Tenuto runs it on a thread.
    """
    if payments.is_unreachable(claimId, ctx.attempt):
        raise payments.BankUnreachable("expected an answer of the bank within 10 s, got none")
    try:
        payment = payments.pay(ctx.idempotency_key, claimId, account, payable)
    except payments.AccountClosed as closed:
        raise BpmnError("ACCOUNT_CLOSED", str(closed)) from closed
    return {"paymentId": f"P-{payment.number:06}", "paid": payment.amount}


@handler("close-claim")
async def close(claimId: str) -> dict[str, Any]:
    """File the claim as paid."""
    return {"outcome": "paid", "archiveId": f"A-{claimId}"}
