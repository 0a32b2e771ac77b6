"""All committed claims through the engine: what is paid, what waits, and for whom."""

from collections import Counter

import pytest

from examples.claims import handlers, payments
from examples.claims.arrivals import read_claims, read_rejects
from tenuto.errors import Rejected
from tenuto.testing import Scenario
from tenuto.worker.handlers import handlers_of
from tests.examples.reports import CLAIMS

# The first test waits for all claims to be played.
pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Give the cases by claim number, and the payments, after ten minutes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLAIMS_LEDGER", str(tmp_path_factory.mktemp("books") / "ledger.db"))
        scenario = Scenario(handlers=handlers_of(handlers))
        scenario.deploy(CLAIMS / "claims.bpmn", CLAIMS / "claims.dmn")
        cases = {}
        for claim in read_claims():
            cases[claim["claimId"]] = scenario.start_with("claim", claim)
        scenario.advance("PT10M")
        yield cases, payments.payments()
        scenario.store.close()


def test_every_claim_ends_or_waits_for_something_nameable(run):
    """Half of the claims end at once, the rest wait for a person or for documents."""
    cases, _ = run

    ended = [case for case in cases.values() if case.is_completed]
    waiting = Counter(case.active[-1] for case in cases.values() if not case.is_completed)

    assert len(cases) == 1986
    assert len(ended) > 1000
    assert set(waiting) == {
        "review",
        "await-documents",
        "investigate",
        "mend-payment",
        "review-duplicate",
    }


def test_nothing_is_paid_twice(run):
    """Each closed claim has one payment, also where the bank did not answer at first."""
    cases, paid = run
    closed = {name for name, case in cases.items() if case.variables.get("outcome") == "paid"}

    assert Counter(payment.claim for payment in paid) == Counter(closed)


def test_second_reports_wait_for_a_person_and_nothing_else_does(run):
    """The fifteen second reports are held up; the eight that only look like one are not."""
    cases, _ = run

    held = [case for case in cases.values() if case.variables["lookalikes"]]

    assert len(held) == 15
    assert all(case.active == ["review-duplicate"] for case in held)


def test_every_rule_fires_on_the_engine(run):
    """All 132 rules are met by claims that get as far as the table."""
    cases, _ = run

    fired = Counter(
        rule["id"]
        for case in cases.values()
        for decision in case.decisions
        if decision.decision == "claim-route"
        for made in decision.result["decisions"]
        for rule in made["matched"]
    )

    assert len(fired) == 132
    assert min(fired.values()) >= 3


def test_the_repeated_claim_number_is_rejected(claims):
    """The one row that repeats a claim number cannot start."""
    (reject,) = [reject for reject in read_rejects() if reject["stage"] == "start"]
    first = next(claim for claim in read_claims() if claim["claimId"] == reject["claimId"])
    claims.start_with("claim", first)

    with pytest.raises(Rejected):
        claims.start_with("claim", {**first, "policy": "P-2"})
