"""What-if: what a changed table would have decided about recorded inputs."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tenuto import dmn
from tenuto.dmn.whatif import compare
from tenuto.errors import FeelSyntaxError, ModelError

from .models import decision, definitions, inputs, reads, table


def model(rules, *names, results="grade; fee"):
    """A model with one table."""
    names = names or ("x",)
    text = table("; ".join(names), results, rules)
    return dmn.load(definitions(inputs(*names), decision("d", reads(*names), text)))


OLD = model(['< 10 => "low" | 1', '>= 10 => "high" | x * 2'])
NEW = model(['< 20 => "low" | 1.5', '>= 20 => "high" | x * 2'])


def records(*values):
    """Records of one input each, by number."""
    return [(str(index), {"x": value}) for index, value in enumerate(values)]


def test_changes_are_counted_by_rule_and_valued():
    """Which rules gave way to which, how often, and the difference in money."""
    comparison = compare(OLD, NEW, "d", records(5, 15, 16, 25), value="fee")

    assert (comparison.unchanged, comparison.changed) == (1, 3)
    assert comparison.unaffected_percent == 25
    assert comparison.difference == Decimal("0.5") + Decimal("1.5") * 2 - 62
    assert [(change.before, change.after, change.count) for change in comparison.changes] == [
        (("r2",), ("r1",), 2),
        (("r1",), ("r1",), 1),
    ]


def test_cases_are_listed():
    """Each changed record with both outcomes."""
    comparison = compare(OLD, NEW, "d", records(15))

    (case,) = comparison.cases
    assert (case.key, case.before["grade"], case.after["grade"]) == ("0", "high", "low")
    assert comparison.difference is None


def test_records_that_lack_an_input_are_counted():
    """A new input is never guessed."""
    wider = model(['- | "a" => "low" | 1'], "x", "y")

    comparison = compare(OLD, wider, "d", records(5, 6))

    assert (comparison.incomplete, comparison.missing) == (2, {"y": 2})
    assert (comparison.changed, comparison.unchanged) == (0, 0)


def test_decisions_that_fail_are_counted():
    """A table that breaks its hit policy has no outcome to compare."""
    broken = model(['- => "low" | 1', '- => "high" | 2'])

    assert compare(OLD, broken, "d", records(5)).failed == 1


def test_a_value_that_is_no_number_is_counted():
    """The sum leaves out what has no difference."""
    comparison = compare(OLD, NEW, "d", records(15), value="grade")

    assert (comparison.unvalued, comparison.difference) == (1, 0)


def test_a_comparison_is_shown_as_text_and_as_value():
    """Text for people, a plain value for machines."""
    comparison = compare(OLD, NEW, "d", records(5, 15), value="fee")

    assert str(comparison).splitlines()[:3] == [
        "d: 2 records, 2 changed, 0 % unaffected",
        "difference -28",
        "  r1 → r1: 1, +0.5",
    ]
    assert comparison.to_value()["cases"][0]["difference"] == Decimal("0.5")


def test_a_comparison_without_decided_records_is_shown_too():
    """Nothing is a share of nothing; what is missing or failed is listed."""
    wider = model(['- | "a" => "low" | 1'], "x", "y")
    broken = model(['- => "low" | 1', '- => "high" | 2'])

    assert str(compare(OLD, wider, "d", records(5))).splitlines() == [
        "d: 1 records, 0 changed, 0 % unaffected",
        "  without y: 1",
    ]
    assert str(compare(OLD, broken, "d", records(5))).splitlines()[1:] == [
        "  without a decision: 1"
    ]


def test_more_cases_than_are_listed_are_still_counted():
    """The list of cases ends, the numbers do not."""
    comparison = compare(OLD, NEW, "d", records(*[15] * 101))

    assert (len(comparison.cases), comparison.changed) == (100, 101)


def test_null_before_and_after_is_no_change():
    """No rule held in either model; nothing went wrong."""
    comparison = compare(model(['< 0 => "low" | 1']), model(['< 1 => "low" | 1']), "d", records(5))

    assert (comparison.unchanged, comparison.failed) == (1, 0)


def test_records_that_spend_too_much_are_counted():
    """A decision without end stops at its budget, and the next record is decided."""
    endless = model(['< 9 => "low" | count(for n in 1..30000 return n)', '- => "high" | x * 2'])

    comparison = compare(OLD, endless, "d", records(5, 15))

    assert (comparison.failed, comparison.total) == (1, 2)


def test_wrong_questions_are_refused():
    """A decision that is not there, a value that does not parse."""
    with pytest.raises(ModelError):
        compare(OLD, NEW, "gone", [])
    with pytest.raises(FeelSyntaxError):
        compare(OLD, NEW, "d", [], value="fee *")
