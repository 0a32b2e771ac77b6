"""Analysis of tables: what is found, for all inputs, and with an example that proves it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto import dmn
from tenuto.dmn.analyse import analyse

from .models import decision, definitions, inputs, literal, reads, table


def findings(columns, rules, *, results="", policy="UNIQUE", more="", types=None):
    """The findings about one table, and whether the analysis is partial."""
    names = [name.strip() for name in columns.split(";")]
    kinds = {**dict.fromkeys(names, "Any"), **(types or {})}
    text = table(columns, results, rules, policy=policy, more=more)
    for name, kind in kinds.items():
        expression = f"<inputExpression><text>{name}</text>"
        typed = f'<inputExpression typeRef="{kind}"><text>{name}</text>'
        text = text.replace(expression, typed)
    model = dmn.load(definitions(inputs(**kinds), decision("d", reads(*names), text)))
    (analysis,) = analyse(model)
    return model, analysis


def codes(*arguments, **named):
    """The codes of the findings."""
    _, analysis = findings(*arguments, **named)
    return [finding.code for finding in analysis.findings]


def test_a_gap_is_described_and_exemplified():
    """What no rule admits, as unary tests, with one input."""
    model, analysis = findings("x; y", ['< 5 | "a" => 1', ">= 5 | - => 2", '< 5 | "b" => 3'])

    (gap,) = analysis.findings
    assert gap.message == 'no rule holds for x: < 5; y: not("a", "b")'
    assert model.evaluate("d", gap.example).value is None
    assert not analysis.is_partial


def test_a_complete_table_has_no_findings():
    """Numbers, texts and booleans without a gap or overlap."""
    assert codes("x; y", ["< 0 | - => 1", ">= 0 | true => 2", ">= 0 | false => 3"]) == []


def test_only_days_that_exist_are_gaps():
    """Between two days that follow each other there is none."""
    rules = ['<= date("2024-02-28") => 1', '>= date("2024-02-29") => 2']

    assert codes("x", rules) == []
    assert codes("x", [rules[0], '> date("2024-02-29") => 2']) == ["gap"]
    assert codes("x", [rules[0], '>= date("2024-03-02") => 2']) == ["gap"]


def test_numbers_between_whole_ones_are_gaps():
    """A number may have decimals: the example is one."""
    _, analysis = findings("x", ["<= 1 => 1", ">= 2 => 2"])

    assert analysis.findings[0].message == "no rule holds for x: (1..2)"
    assert analysis.findings[0].example == {"x": Decimal("1.5")}


@pytest.mark.parametrize(
    ("policy", "outputs", "severity"),
    [
        ("UNIQUE", "1 2", "error"),
        ("UNIQUE", "1 1", "warning"),
        ("ANY", "1 2", "error"),
        ("ANY", "1 1", "note"),
        ("FIRST", "1 2", "note"),
        ("PRIORITY", "1 2", "note"),
    ],
)
def test_an_overlap_is_judged_by_the_hit_policy(policy, outputs, severity):
    """Conflicting or harmless, with an input for which both rules hold."""
    first, second = outputs.split()
    rules = [f"<= 5 => {first}", f">= 5 => {second}"]

    _, analysis = findings("x", rules, policy=policy, results="[1, 2]")

    overlap = next(finding for finding in analysis.findings if finding.code == "overlap")
    assert (overlap.severity, overlap.rules, overlap.example) == (severity, (1, 2), {"x": 5})


def test_lists_may_overlap_and_have_gaps():
    """A table that collects is complete as it is."""
    assert codes("x", ["< 5 => 1", "< 9 => 2"], policy="COLLECT") == []


def test_a_default_output_fills_every_gap():
    """Nothing is missing where a default stands in."""
    assert codes("x", ["< 5 => 1"], results="o = 7") == []


def test_a_rule_behind_others_never_wins():
    """Two rules together hide a third, which neither hides alone."""
    rules = ["< 5 => 1", ">= 5 => 2", "[3..7] => 3"]

    _, analysis = findings("x", rules, policy="FIRST")

    hidden = [finding for finding in analysis.findings if finding.code == "never-wins"]
    assert [finding.rules for finding in hidden] == [(3, 1, 2)]


def test_a_rule_of_lower_priority_never_wins():
    """The output values say who comes first."""
    rules = ["[3..7] => 1", "- => 2"]

    assert "never-wins" in codes("x", rules, policy="PRIORITY", results="[2, 1]")
    assert "never-wins" not in codes("x", rules, policy="PRIORITY", results="[1, 2]")


def test_a_subsumed_rule_is_found():
    """A rule that holds only where another does."""
    _, analysis = findings("x; y", ["< 9 | - => 1", "< 5 | true => 1"], policy="ANY")

    assert ("subsumed", (2, 1)) in [(part.code, part.rules) for part in analysis.findings]


def test_a_rule_that_admits_nothing_is_found():
    """An empty range never holds."""
    assert "never-holds" in codes("x", ["(5..5) => 1", "- => 2"])


def test_outputs_that_are_missing_are_found():
    """An empty output cell, and an output value that no rule gives."""
    assert codes("x", ["< 5 => 1", ">= 5 => "], results="o [1, 2]") == [
        "empty-output",
        "missing-output",
    ]


def test_constants_of_another_type_are_found():
    """A text in a column of numbers can never hold."""
    _, analysis = findings("x", ['"5" => 1', "- => 2"], types={"x": "number"}, policy="FIRST")

    assert analysis.findings[0].code == "type-mismatch"
    assert "expected number" in analysis.findings[0].message


def test_a_cell_that_is_not_understood_makes_the_analysis_partial():
    """It counts as holding, so no false gap is reported, and a note says so."""
    _, analysis = findings("x", ['starts with(?, "a") => 1'])

    assert analysis.findings == ()
    assert analysis.notes == ("cells of rules 1 can only be decided by evaluation",)


def test_a_name_that_nothing_gives_is_found():
    """The finding says where it is read and what is known; members in filters are left out."""
    text = literal("x[amount > 1]\n  + rate")
    model = dmn.load(definitions(inputs("x"), decision("d", reads("x"), text)))

    (analysis,) = analyse(model)

    (finding,) = analysis.findings
    assert (analysis.decision, analysis.line, finding.code) == ("d", 3, "unknown-name")
    assert "'rate' is none (line 2, column 5 of" in finding.message
    assert finding.message.endswith("known are x")


def test_too_few_steps_make_the_analysis_partial():
    """What was found is kept, and a note for each question says that it is open."""
    rules = [f"{number} | {number} => {number}" for number in range(50)]
    model, _ = findings("x; y", rules)

    (some,) = analyse(model, steps=200)
    (none,) = analyse(model, steps=10)

    assert "gaps: 200 steps were not enough; give more" in some.notes
    assert none.notes == ("10 steps were not enough to begin; give more",)


def test_many_findings_are_cut_short():
    """A table with thousands of overlaps shows some and says so."""
    _, analysis = findings("x", ["- => 1"] * 30)

    overlaps = [finding for finding in analysis.findings if finding.code == "overlap"]
    assert len(overlaps) == 200
    assert "overlaps: the first 200 are shown" in analysis.notes


def test_a_table_that_is_too_large_is_left_out(monkeypatch):
    """Beyond a size nothing is searched, and a note says so."""
    monkeypatch.setattr("tenuto.dmn.analyse._ATOM_BITS_MAX", 1)

    _, analysis = findings("x", ["< 5 => 1", "> 9 => 2"])

    assert (analysis.findings, len(analysis.notes)) == ((), 1)


TESTS = st.one_of(
    st.just("-"),
    st.builds("{} {}".format, st.sampled_from(["<", "<=", ">", ">=", "="]), st.integers(0, 3)),
    st.builds("[{}..{})".format, st.integers(0, 3), st.integers(0, 3)),
    st.builds("not({})".format, st.integers(0, 3)),
)
TEXTS = st.sampled_from(["-", '"a"', '"b"', '"a", "b"', 'not("a")'])
NUMBERS = [Decimal(number) / 2 for number in range(-1, 8)]


@given(st.lists(st.tuples(TESTS, TEXTS, TESTS), min_size=1, max_size=6))
def test_gaps_are_exactly_what_no_rule_admits(rules):
    """Every example of a gap is one; without a gap, every input has a rule."""
    lines = [f"{' | '.join(cells)} => {place}" for place, cells in enumerate(rules)]
    model, analysis = findings("x; y; z", lines, policy="UNIQUE")
    gaps = [finding for finding in analysis.findings if finding.code == "gap"]

    def holding(given):
        return model.evaluate("d", given).decisions[0].matched

    assert all(holding(gap.example) == () for gap in gaps)
    has_gap = any(
        not holding({"x": x, "y": y, "z": z})
        for x in NUMBERS
        for z in NUMBERS[::3]
        for y in ("a", "b", "c")
    )
    assert bool(gaps) or not has_gap


@given(st.lists(st.tuples(TESTS, TEXTS), min_size=2, max_size=5))
def test_overlaps_are_exactly_the_pairs_that_hold_together(rules):
    """Every example proves its overlap; pairs that meet anywhere are found."""
    lines = [f"{' | '.join(cells)} => {place}" for place, cells in enumerate(rules)]
    model, analysis = findings("x; y", lines, policy="UNIQUE")
    found = {finding.rules for finding in analysis.findings if finding.code == "overlap"}

    def holding(given):
        return [rule.index for rule in model.evaluate("d", given).decisions[0].matched]

    for finding in analysis.findings:
        if finding.code == "overlap":
            assert set(finding.rules) <= set(holding(finding.example))
    for x in NUMBERS:
        for y in ("a", "b", "c"):
            places = holding({"x": x, "y": y})
            pairs = {(one, other) for one in places for other in places if one < other}
            assert pairs <= found


def test_values_that_are_not_expected_are_found():
    """A text that is not among the input values; only those count for gaps."""
    text = table("x", "", ['"a" => 1', '"bb" => 2'])
    values = '<inputValues><text>"a", "b"</text></inputValues></input>'
    text = text.replace("</input>", values)
    model = dmn.load(definitions(inputs("x"), decision("d", reads("x"), text)))

    (analysis,) = analyse(model)

    assert [(part.code, part.rules) for part in analysis.findings] == [
        ("value-not-expected", (2,)),
        ("never-holds", (2,)),
        ("gap", ()),
    ]
    assert analysis.findings[-1].example == {"x": "b"}


def test_outputs_that_are_not_expected_are_found():
    """A constant that is not among the output values; a range of them is not held."""
    rules = ["< 5 => 1", ">= 5 => 3"]

    _, analysis = findings("x", rules, results="o [1, 2]")

    assert [(part.code, part.rules) for part in analysis.findings] == [
        ("value-not-expected", (2,)),
        ("missing-output", ()),
    ]
    assert analysis.findings[0].message == "rule 2: 3 is not among the output values of 'o'"
    assert codes("x", rules, results="o [[0..9)]") == []


def test_negated_input_values_are_not_held_against_texts():
    """What is excluded cannot be a gap."""
    text = table("x", "", ['"a" => 1', 'not("a") => 2'])
    values = '<inputValues><text>not("b")</text></inputValues></input>'
    model = dmn.load(
        definitions(inputs("x"), decision("d", reads("x"), text.replace("</input>", values)))
    )

    assert analyse(model)[0].findings == ()


def test_an_example_of_another_text_is_none_that_is_named():
    """Even where the table names the usual example."""
    _, analysis = findings("x", ['"other", "other?" => 1'])

    assert analysis.findings[0].example == {"x": "other??"}


def test_outputs_out_of_type_are_found():
    """A text where a number is declared."""
    text = table("x", "", ['- => "a"']).replace("<output >", '<output typeRef="number">')
    model = dmn.load(definitions(inputs("x"), decision("d", reads("x"), text)))

    (analysis,) = analyse(model)

    assert [part.code for part in analysis.findings] == ["type-mismatch"]


def test_outputs_that_are_computed_may_conform():
    """A formula of constants is held to the type as well."""
    text = table("x", "", ["- => 1 + 1"]).replace("<output >", '<output typeRef="number">')
    model = dmn.load(definitions(inputs("x"), decision("d", reads("x"), text)))

    assert analyse(model)[0].findings == ()


def test_durations_are_ordered():
    """Days and months have gaps like numbers."""
    rules = ['< duration("P1D") => 1', '> duration("P1D") => 2']
    _, analysis = findings("x", rules)
    _, months = findings("x", [rule.replace("P1D", "P1M") for rule in rules])

    assert analysis.findings[0].message == 'no rule holds for x: @"P1D"'
    assert months.findings[0].message == 'no rule holds for x: @"P1M"'


def test_computed_outputs_overlap_without_a_verdict():
    """Outputs that are computed may differ or not; the same text is the same output."""
    _, analysis = findings("x", ["- => x + 1", "- => x + 2", "- => x + 2"], policy="ANY")

    overlaps = [part.severity for part in analysis.findings if part.code == "overlap"]
    assert overlaps == ["warning", "warning", "note"]


def test_computed_outputs_have_no_rank():
    """Priority of what is not known is not guessed."""
    rules = ["- => x + 0", "- => 2"]

    assert "never-wins" not in codes("x", rules, policy="PRIORITY", results="[1, 2]")
