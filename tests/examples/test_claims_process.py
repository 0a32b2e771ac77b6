"""The claims process on the engine: every way that a claim can go."""

from datetime import date
from decimal import Decimal

import pytest

from examples.claims import payments
from tenuto.errors import Rejected
from tests.examples.reports import CLAIMS, account, report

ROUND = {"cause": "collision", "amount": Decimal(7000)}
COLLISION = {"cause": "collision", "amount": Decimal("3200.00")}


def paid():
    """Return what the ledger says: claim, account and amount of each payment."""
    return [(p.claim, p.account, p.amount) for p in payments.payments()]


def start(claims, **changes):
    """Start the process with a report."""
    return claims.start_with("claim", report(**changes))


def test_a_routine_claim_is_paid_without_a_person(claims):
    """A small windscreen goes straight through: decided by its rule, paid once, closed."""
    case = start(claims)

    assert case.is_completed
    assert case.completed[-3:] == ["pay", "close", "claim-closed"]
    assert [payment[2] for payment in paid()] == [Decimal("420.50")]
    assert case.variables["outcome"] == "paid"


def test_the_decision_names_its_inputs_and_its_rule(claims):
    """What decided the route is in the journal: inputs, rule and why."""
    case = start(claims)

    route = next(one for one in case.decisions if one.decision == "claim-route")
    (made,) = route.result["decisions"]
    (rule,) = made["matched"]

    assert made["inputs"]["amount"] == Decimal("420.50")
    assert rule["id"] == "rule-motor-glass-low"
    assert rule["annotations"]["Why"].startswith("Partner garages")


def test_a_claim_that_is_not_covered_is_refused(claims):
    """Wear is excluded: the notice says so and nothing is paid."""
    case = start(claims, cause="wear")

    assert case.completed[-1] == "claim-refused"
    assert case.variables["noticeReason"] == "excluded cause"
    assert paid() == []


def test_only_the_sum_insured_is_paid(claims):
    """What exceeds the limit of the policy stays with the insured."""
    case = start(claims, kind="pet", cause="illness", amount=Decimal("9200.10"))

    claims.complete_task("review", decision="approved")

    assert case.is_completed
    assert [payment[2] for payment in paid()] == [Decimal(8000)]


def test_a_review_goes_to_the_team_of_the_route(claims):
    """The table chooses the team, and its SLA the time by which the task is due."""
    start(claims, **COLLISION)

    (task,) = claims.tasks("review")

    assert task.candidate_groups == ["motor-collision"]
    assert task.due_at - claims.clock.now() == 2 * 24 * 3600 * 1000


def test_an_approved_claim_is_paid(claims):
    """A person approves, programs pay and close."""
    case = start(claims, **COLLISION)

    claims.complete_task("review", decision="approved")

    assert case.completed[-1] == "claim-closed"
    assert len(paid()) == 1


def test_a_rejected_claim_is_not_paid(claims):
    """A person rejects and says why."""
    case = start(claims, **COLLISION)

    claims.complete_task("review", decision="rejected", reason="report of the police differs")

    assert case.completed[-1] == "claim-rejected"
    assert case.variables["noticeReason"] == "report of the police differs"
    assert paid() == []


def test_a_referred_claim_is_investigated_and_reviewed_again(claims):
    """A person may refer a claim; when nothing is found it comes back."""
    case = start(claims, **COLLISION)

    claims.complete_task("review", decision="refer")
    claims.complete_task("investigate", fraudConfirmed=False)

    assert case.active == ["review"]
    assert case.variables["fraudConfirmed"] is False


def test_confirmed_fraud_is_reported_and_refused(claims):
    """What the investigators confirm is not paid."""
    case = start(claims, **COLLISION)

    claims.complete_task("review", decision="refer")
    claims.complete_task("investigate", fraudConfirmed=True)

    assert case.completed[-1] == "claim-fraudulent"
    assert paid() == []


def test_suspicion_goes_to_the_investigators_first(claims):
    """A round amount is odd: the claim is scored, and a person looks when the score is high."""
    cases = [
        start(claims, claimId=f"S-{day}", lossDate=date(2026, 3, day), **ROUND)
        for day in range(1, 4)
    ]

    waiting = [case.active for case in cases]

    assert all("score-fraud" in case.completed for case in cases)
    assert ["fraud-referral", "investigate"] in waiting
    assert ["review"] in waiting


def test_missing_documents_are_asked_for_three_times(claims):
    """Every second day a reminder goes out, three times, while the claim waits."""
    case = start(claims, **COLLISION, documents="missing")

    sent = []
    for _ in range(5):
        claims.advance("P2D")
        sent.append(case.variables.get("remindersSent", 0))

    assert sent == [1, 2, 3, 3, 3]
    assert case.active == ["await-documents"]


def test_documents_bring_the_claim_to_review(claims):
    """The message with the claim's number ends the wait and its reminders."""
    case = start(claims, **COLLISION, documents="missing")

    claims.publish("documents-received", case.variables["claimId"])
    claims.advance("P1D")

    assert case.active == ["review"]
    assert case.variables["documents"] == "complete"
    assert "remindersSent" not in case.variables


def test_a_passed_sla_escalates_and_leaves_the_task(claims):
    """When the promised time has passed the lead hears of it; the review goes on."""
    case = start(claims, **COLLISION)

    claims.advance("P2D")

    assert case.variables["escalatedTo"] == "motor-collision-lead"
    assert case.active == ["review"]


def test_a_closed_account_is_mended_by_a_person(claims):
    """The payment desk asks for another account and the claim is paid there, once."""
    case = start(claims, account=account(is_closed=True))
    assert case.active == ["mend-payment"]

    claims.complete_task("mend-payment", account="DE99OTHER")

    assert case.is_completed
    assert [payment[1] for payment in paid()] == ["DE99OTHER"]


def test_an_unreachable_bank_is_asked_again(claims):
    """The first attempt fails, a later one pays, and the ledger knows one payment."""
    names = (f"U-{number}" for number in range(1000))
    case = start(claims, claimId=next(n for n in names if payments.is_unreachable(n, 1)))
    assert case.active == ["pay"]

    claims.advance("PT5M")

    assert case.is_completed
    assert len(paid()) == 1


def test_the_same_loss_reported_twice_goes_to_a_person(claims):
    """Same policy, date and line, amount within 5 %: nobody is paid twice."""
    start(claims, claimId="C-A")

    second = start(claims, claimId="C-B", amount=Decimal("409.99"), reportedBy="Ben Weber")
    assert second.active == ["review-duplicate"]
    assert second.variables["lookalikes"] == ["C-A"]
    claims.complete_task("review-duplicate", sameLoss=True)

    assert second.completed[-1] == "claim-linked"
    assert second.variables["linkedTo"] == "C-A"
    assert [payment[0] for payment in paid()] == ["C-A"]


def test_another_loss_of_the_same_day_is_paid(claims):
    """A person may find that two reports are two losses."""
    start(claims, claimId="C-A")

    second = start(claims, claimId="C-B")
    claims.complete_task("review-duplicate", sameLoss=False)

    assert second.is_completed
    assert len(paid()) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Decimal("450.00")},
        {"lossDate": date(2026, 3, 1)},
        {"cause": "glass", "kind": "pet"},
    ],
)
def test_what_only_looks_alike_is_not_held_up(claims, changes):
    """Another amount, another day or another line is another loss."""
    start(claims, claimId="C-A")

    second = start(claims, **{"claimId": "C-B", **changes})

    assert second.variables["lookalikes"] == []


def test_without_the_natural_key_the_loss_is_paid_twice(claims):
    """The rule is what prevents it: the same process without it pays both reports."""
    model = (CLAIMS / "claims.bpmn").read_text(encoding="utf-8")
    (line,) = [line for line in model.splitlines() if "tenuto:naturalKey" in line]
    claims.deploy(model.replace(line, "").encode())

    for name in ("C-A", "C-B"):
        start(claims, claimId=name)

    assert [payment[0] for payment in paid()] == ["C-A", "C-B"]


def test_a_claim_number_starts_one_instance(claims):
    """The business key is the claim's number; a second start with it is rejected."""
    start(claims, claimId="C-A")

    with pytest.raises(Rejected):
        start(claims, claimId="C-A", policy="P-2")


@pytest.mark.parametrize(
    ("changes", "repair"),
    [
        ({"country": "XX"}, {"country": "DE"}),
        ({"amount": Decimal(-310)}, {"amount": Decimal(310)}),
    ],
)
def test_what_registration_cannot_use_waits_for_a_repair(claims, changes, repair):
    """An unknown country or a negative amount is an incident; corrected, the claim goes on."""
    case = start(claims, **changes)
    (incident,) = case.incidents
    assert case.active == ["register"]
    assert f"correct `{next(iter(changes))}`" in incident.message

    claims.set_variables(case, **repair)
    claims.resolve(case)

    assert case.is_completed
