"""Who works on a claim, how long it takes them, and how they decide: the assumptions of the proof.

One setting for the work by hand, one for the process. Specialists are the same people in both;
desks that only carry paper exist by hand alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from examples.claims import phrases
from examples.claims.plain_table import Rule, read_table
from examples.claims.policies import look_up
from examples.claims.staffing import ABSENT_PERCENT, Pool, next_morning, pool_of

Claim = Mapping[str, Any]

# Specialists by department; the department of a team is the first word of its name.
DEPARTMENTS = {
    "motor": 3,
    "home": 2,
    "travel": 2,
    "liability": 2,
    "health": 2,
    "property": 2,
    "cargo": 1,
    "cyber": 1,
    "pet": 1,
    "legal": 1,
    "injury": 2,
    "natural": 1,
}
DESKS = {
    "registration-desk": 5,
    "coverage-desk": 4,
    "assignment-desk": 2,
    "correspondence-desk": 1,
    "payment-desk": 2,
}
CENTRAL = {"duplicates": 1, "payments": 1, "special-investigations": 2}

WRONG_TEAM = 0.2
REJECTED = 0.07
REFERRED = 0.02
FRAUD = 0.15
POST_DAYS = 10.0
ONLINE_DAYS = 4.0
# Tuesday and Thursday.
PAYMENT_RUNS = (1, 3)


class Service(NamedTuple):
    """Minutes of work: mean and coefficient of variation."""

    mean: float
    variation: float = 0.6


SMALL_REVIEW = Service(35)
REVIEW = Service(90, 0.8)
MISDIRECTED = Service(10)


@dataclass(frozen=True)
class Setting:
    """One of the two ways to work."""

    process: str
    models: tuple[str, ...]
    groups: Mapping[str, int]
    services: Mapping[str, Service]
    answer: Callable[[str, Claim, Mapping[str, Any], random.Random], dict[str, Any]]
    trays: Mapping[str, Collection[int]] | None
    document_days: float

    def seen_at(self, element: str, at: int) -> int:
        """Return when a new task reaches the people: at once, or when trays are carried round."""
        if self.trays is None:
            return at
        return next_morning(at, self.trays.get(element, range(5)))

    def pools(self, seed: int) -> dict[str, Pool]:
        """Return the people, idle, by department or desk."""
        return {name: pool_of(name, size, seed) for name, size in self.groups.items()}


@cache
def rules() -> list[Rule]:
    """Return the rules of the table in use."""
    from examples.claims.arrivals import HERE

    return read_table(HERE / "claims.dmn")


def route(claim: Claim) -> Mapping[str, str]:
    """Return what an experienced person knows of the way of a claim."""
    return next(rule.outputs for rule in rules() if rule.holds(claim))


def department(group: str) -> str:
    """Return who works for a group: a desk, or the department of a team."""
    return group if group in DESKS or group in CENTRAL else group.split("-")[0]


def is_covered(claim: Claim) -> bool:
    """Return what an experienced person knows of the policy."""
    policy = look_up(claim["policy"], claim["kind"])
    loss: date = claim["lossDate"]
    return (
        policy.premium_paid
        and policy.insured_from <= loss <= policy.insured_until
        and claim["cause"] not in phrases.EXCLUDED
        and claim["amount"] > policy.deductible
    )


def review_service(claim: Claim) -> Service:
    """Return how long a review takes: what could go straight through is quickly seen."""
    return SMALL_REVIEW if route(claim)["straightThrough"] == "true" else REVIEW


def answer_by_hand(
    element: str, claim: Claim, state: Mapping[str, Any], chance: random.Random
) -> dict[str, Any]:
    """Return what a person enters at a desk."""
    if element == "check-cover":
        return {"covered": is_covered(claim)}
    if element == "assign-team":
        right = route(claim)["team"]
        if state["visits"] == 1 and chance.random() < WRONG_TEAM:
            others = sorted(team for team in teams() if department(team) != department(right))
            return {"team": chance.choice(others)}
        return {"team": right}
    if element == "review":
        if department(state["group"]) != department(route(claim)["team"]):
            return {"decision": "wrong-team"}
        return {"decision": "rejected" if chance.random() < REJECTED else "approved"}
    return {}


def answer_with_process(
    element: str, claim: Claim, state: Mapping[str, Any], chance: random.Random
) -> dict[str, Any]:
    """Return what a person enters in a user task of the process."""
    if element == "review":
        luck = chance.random()
        if luck < REJECTED:
            return {"decision": "rejected", "reason": "loss not proven"}
        is_first = state["visits"] == 1
        return {"decision": "refer" if is_first and luck < REJECTED + REFERRED else "approved"}
    if element == "review-duplicate":
        return {"sameLoss": state["same_loss"]}
    if element == "investigate":
        return {"fraudConfirmed": chance.random() < FRAUD}
    if element == "mend-payment":
        return {"account": "DE02990000000000000001"}
    return {}


@cache
def teams() -> frozenset[str]:
    """Return the teams of the table."""
    return frozenset(rule.outputs["team"] for rule in rules())


BY_HAND = Setting(
    process="claim-manual",
    models=("claim-manual.bpmn",),
    groups={**DEPARTMENTS, **DESKS},
    services={
        "enter-claim": Service(12),
        "check-cover": Service(12),
        "assign-team": Service(6),
        "write-refusal": Service(15),
        "write-rejection": Service(15),
        "pay": Service(8),
        "close": Service(6),
    },
    answer=answer_by_hand,
    trays={"pay": PAYMENT_RUNS},
    document_days=POST_DAYS,
)
WITH_PROCESS = Setting(
    process="claim",
    models=("claims.bpmn", "claims.dmn"),
    groups={**DEPARTMENTS, **CENTRAL},
    services={
        "review-duplicate": Service(10),
        "investigate": Service(90, 0.8),
        "mend-payment": Service(10),
    },
    answer=answer_with_process,
    trays=None,
    document_days=ONLINE_DAYS,
)


def assumptions() -> list[str]:
    """Return what the comparison takes for granted, in sentences."""
    specialists, desks = sum(DEPARTMENTS.values()), sum(DESKS.values())
    return [
        f"{specialists} specialists in {len(DEPARTMENTS)} departments, the same in both;"
        f" by hand {desks} more people at {len(DESKS)} desks, with the process"
        f" {sum(CENTRAL.values())} for duplicates, payments and investigations",
        "people work Monday to Friday, 8:30-12:00 and 13:00-16:30 UTC, are absent on"
        f" {ABSENT_PERCENT} % of days, and take one task after another, first come, first served",
        f"service times are log-normal: a review takes {REVIEW.mean:.0f} minutes on average,"
        f" {SMALL_REVIEW.mean:.0f} for what the table would pay at once; desks take 6 to 15",
        "by hand, trays are carried once a day, so that a desk sees a claim on the next working"
        " morning; payments are made on Tuesdays and Thursdays",
        f"by hand, {WRONG_TEAM:.0%} of claims reach a wrong department first and come back",
        f"missing documents take {POST_DAYS:.0f} days by post and {ONLINE_DAYS:.0f} when asked"
        " for online, on average",
        f"{REJECTED:.0%} of reviewed claims are rejected; with the process {REFERRED:.0%} are"
        " referred and 15 % of what is investigated is fraud",
        "nobody notices a second report by hand; with the process a person decides it rightly",
        "both begin with empty trays on the first day, which favours the work by hand",
        "for comparison, the reference case of the trade went from 14 days to 3",
    ]
