"""The public suites: what of them is accepted, and under which codes the rest is refused.

Each suite's counts are committed here: a change of the reader that moves a model shows as a change
of this table.
"""

from collections import Counter
from pathlib import Path

import pytest

from tenuto import bpmn

SUITES = Path(__file__).resolve().parents[3] / "shared" / "conformance"

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(
        not SUITES.exists(), reason="the public suites are not beside the repository"
    ),
]

VERDICTS = {
    "camunda7-bpmn": {"accepted": 39, "accepted-with-ignored": 17, "refused": 40},
    "miwg": {"accepted": 2, "accepted-with-ignored": 3, "refused": 6},
    "betsy-bpmn/bpmn_constraints": {"accepted": 25, "accepted-with-ignored": 22, "refused": 107},
}
# Files in which a code stands in the way; a file may have several.
REFUSALS = {
    "camunda7-bpmn": {
        # not executable yet
        "unsupported-event": 23,
        "unsupported-attribute": 6,
        "unsupported-element": 4,
        "unsupported-loop": 1,
        # code beside or inside the model
        "listener": 10,
        "script-language": 10,
        # what belongs to the other engine: its version numbers, tenants, cases, delegates
        "unsupported-extension": 3,
        "binding": 2,
        "call-local": 1,
        "called-element": 1,
        # what that engine refuses as well, at deployment or when it gets there
        "event-position": 2,
        "feel-syntax": 1,
        "timer": 1,
    },
    "miwg": {
        # not executable yet
        "unsupported-event": 1,
        "unsupported-element": 2,
        "unsupported-loop": 1,
        # drawn for people: no time, no message, no collection, conditions in XPath
        "timer": 2,
        "reference-missing": 3,
        "multi-instance": 2,
        "expression-language": 1,
    },
}
# What no model of real tools may be refused for: rules about the drawing, not about what it needs.
DRAWING_RULES = frozenset(
    [
        "start-incoming",
        "end-outgoing",
        "boundary-incoming",
        "boundary-unattached",
        "no-start",
        "several-starts",
        "gateway-unconnected",
        "event-gateway-target",
        "event-subprocess",
        "event-subprocess-flow",
        "event-subprocess-boundary",
        "default-flow",
        "default-with-condition",
        "dangling-flow",
        "duplicate-id",
        "id-missing",
    ]
)


def reports(suite):
    """Return the report of every model of a suite, in the order of their names."""
    files = sorted(path for path in (SUITES / suite).rglob("*") if path.is_file())
    return [bpmn.read(path.read_bytes(), name=path.name).report for path in files]


@pytest.mark.parametrize("suite", list(VERDICTS))
def test_verdicts_of_a_suite(suite):
    """As many models of a suite are accepted as the table says."""
    assert Counter(report.verdict for report in reports(suite)) == VERDICTS[suite]


@pytest.mark.parametrize("suite", list(REFUSALS))
def test_reasons_of_a_suite(suite):
    """As many models of a suite are refused under a code as the table says."""
    found = Counter(
        code for report in reports(suite) for code in {one.code for one in report.refusals}
    )

    assert dict(found) == REFUSALS[suite]


@pytest.mark.parametrize("suite", ["camunda7-bpmn", "miwg"])
def test_no_model_of_real_tools_breaks_a_rule_of_drawing(suite):
    """No model that real tools wrote is refused by a static rule."""
    found = {one.code for report in reports(suite) for one in report.refusals}

    assert found & DRAWING_RULES == set()


def test_models_that_break_the_standard_are_refused_or_warned_about():
    """Of 154 models that each break one rule, 107 are refused and 21 pass without a word."""
    found = reports("betsy-bpmn/bpmn_constraints")

    silent = [report.source for report in found if not (report.refusals or report.warnings)]

    assert (len(found), len(silent)) == (154, 21)
