"""The scenarios of the claims example: every rule of its table, every way through its process."""

import shutil

import pytest

from examples.claims import rule_cases
from examples.claims.plain_table import read_table
from tenuto.testing.written import run_files
from tests.examples.reports import CLAIMS

RULES = CLAIMS / "rules.scenario.yaml"
PATHS = CLAIMS / "claims.scenario.yaml"


def failed(report):
    """Return the names of the scenarios that failed."""
    return {outcome.name for outcome in report.outcomes if not outcome.is_passed}


def with_table(folder, table):
    """Return the rules' scenarios in a folder of their own, beside another table."""
    for path in (RULES, CLAIMS / "claims.bpmn"):
        shutil.copy(path, folder)
    (folder / "claims.dmn").write_text(table, encoding="utf-8")
    return folder / RULES.name


def test_every_way_through_the_process_is_passed():
    """The written scenarios hold, and together they pass every element and sequence flow."""
    report = run_files([PATHS])

    assert report.lines() == []
    (claim,) = report.coverage
    assert (claim.elements.missed, claim.flows.missed) == ((), ())


def test_every_rule_has_its_scenario():
    """132 rules, 132 scenarios by the rules' ids, and each of them holds."""
    report = run_files([RULES])

    assert report.lines() == []
    rules = [rule.id for rule in read_table(CLAIMS / "claims.dmn")]
    assert [outcome.name for outcome in report.outcomes] == rules
    assert len(rules) == 132


def test_the_committed_scenarios_are_what_the_plain_reader_says():
    """The file is written again from the table, without the evaluator, and does not change."""
    assert RULES.read_text(encoding="utf-8") == rule_cases.document()


@pytest.mark.parametrize(
    ("cell", "changed"),
    [
        ('<outputEntry id="motor-glass-low-team"><text>"motor-glass"', '"motor-survey"'),
        ('<outputEntry id="motor-glass-low-sla"><text>"PT8H"', '"PT9H"'),
        ('<outputEntry id="motor-glass-low-reserve"><text>amount', "amount + 0.01"),
        ('<outputEntry id="motor-glass-low-straight"><text>true', "false"),
        ('<inputEntry id="motor-glass-low-amount"><text>&lt;= 800', "&lt; 800"),
    ],
)
def test_a_changed_cell_fails_the_scenario_of_its_rule(tmp_path, cell, changed):
    """Any other team, SLA, reserve, way or bound of a rule is seen by its scenario alone."""
    table = (CLAIMS / "claims.dmn").read_text(encoding="utf-8")
    assert table.count(cell) == 1
    before = cell.rpartition("<text>")[0] + "<text>"

    report = run_files([with_table(tmp_path, table.replace(cell, before + changed))])

    assert failed(report) == {"rule-motor-glass-low"}


def test_the_coming_edition_fails_only_where_it_changes(tmp_path):
    """Held against the table of 2027, the scenarios that fail are of rules that it changes."""
    now = {rule.id: rule for rule in read_table(CLAIMS / "claims.dmn")}
    coming = {rule.id: rule for rule in read_table(CLAIMS / "claims-2027.dmn")}
    table = (CLAIMS / "claims-2027.dmn").read_text(encoding="utf-8")

    report = run_files([with_table(tmp_path, table)])

    assert failed(report)
    assert failed(report) <= {id for id in now if now[id] != coming[id]}


def test_an_unknown_form_of_reserve_is_refused():
    """The arithmetic of the script guesses nothing."""
    with pytest.raises(ValueError, match="expected a form of reserve"):
        rule_cases.reserve("sqrt(amount)", rule_cases.AMOUNT)
