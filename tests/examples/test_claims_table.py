"""The claims table by a plain reading of its cells, and the committed claims held against it."""

import csv
from collections import Counter
from itertools import combinations, product

import pytest

from examples.claims import generate
from examples.claims.arrivals import read_claims, read_rejects, typed
from examples.claims.plain_table import Cell, read_cell, read_table
from tests.examples.reports import CLAIMS

EDITIONS = ["claims.dmn", "claims-2027.dmn"]


@pytest.fixture(scope="module")
def rules():
    """Give the rules of the table in use."""
    return read_table(CLAIMS / "claims.dmn")


@pytest.fixture(scope="module")
def claims():
    """Give the committed claims that can be used."""
    return read_claims()


def are_disjoint(one, other):
    """Tell whether no value passes both cells."""
    if one.is_negated and other.is_negated:
        lows = [cell.low for cell in (one, other) if cell.low is not None]
        highs = [cell.high for cell in (one, other) if cell.high is not None]
        return bool(lows) and bool(highs) and max(lows) >= min(highs)
    if one.is_negated or other.is_negated:
        plain, negated = (other, one) if one.is_negated else (one, other)
        return plain.texts <= negated.texts
    return not one.texts & other.texts


def probes(rules, name):
    """Return one value for each region that the cells of an input can tell apart."""
    cells = [rule.cells[name] for rule in rules]
    bounds = sorted({bound for c in cells for bound in (c.low, c.high) if bound is not None})
    if bounds:
        return [*bounds, bounds[-1] + 1]
    return [*sorted(set().union(*(cell.texts for cell in cells))), "something else"]


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("-", "anything", True),
        ('"glass", "hail"', "hail", True),
        ('"glass", "hail"', "theft", False),
        ('not("DE", "AT")', "AT", False),
        ('not("DE", "AT")', "US", True),
        ("<= 800", 800, True),
        ("<= 800", 801, False),
        ("> 800", 800, False),
        ("(5000..20000]", 5000, False),
        ("(5000..20000]", 20000, True),
    ],
)
def test_a_cell_reads_as_it_is_written(text, value, holds):
    """The plain reader takes texts, complements, comparisons and intervals at their word."""
    assert read_cell(text).holds(value) is holds


def test_an_unknown_form_is_refused():
    """The plain reader guesses nothing."""
    with pytest.raises(ValueError, match="expected a form"):
        read_cell("? = 3")


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_table_has_132_claim_types(edition):
    """Each of 132 rules gives a claim type of its own, to 30 teams or more with 12 SLAs or more."""
    rules = read_table(CLAIMS / edition)

    assert len(rules) == len({rule.id for rule in rules}) == 132
    assert len({rule.outputs["claimType"] for rule in rules}) == 132
    assert len({rule.outputs["team"] for rule in rules}) >= 30
    assert len({rule.outputs["sla"] for rule in rules}) >= 12


@pytest.mark.parametrize("edition", EDITIONS)
def test_no_two_rules_can_hold_at_once(edition):
    """Any two rules part in at least one input, so that the hit policy UNIQUE is kept."""
    rules = read_table(CLAIMS / edition)

    both = [
        (one.id, other.id)
        for number, one in enumerate(rules)
        for other in rules[number + 1 :]
        if not any(are_disjoint(one.cells[name], other.cells[name]) for name in one.cells)
    ]

    assert both == []


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_table_has_no_gaps(edition):
    """In every line of business some rule holds for each region of the inputs."""
    rules = read_table(CLAIMS / edition)
    by_line = {}
    for rule in rules:
        (line,) = rule.cells["kind"].texts
        by_line.setdefault(line, []).append(rule)

    assert len(by_line) == 10
    for line, own in by_line.items():
        names = [name for name in own[0].cells if name != "kind"]
        injuries = ["none", "minor", "serious", "fatal"]
        values = [injuries if name == "injury" else probes(own, name) for name in names]
        for point in product(*values):
            claim = {"kind": line, **dict(zip(names, point, strict=True))}
            assert any(rule.holds(claim) for rule in own), claim


def test_the_editions_share_their_rules(rules):
    """The coming edition changes cells of some rules, and says so, but adds and drops none."""
    coming = {rule.id: rule for rule in read_table(CLAIMS / "claims-2027.dmn")}

    changed = [rule.id for rule in rules if rule != coming[rule.id]]

    assert [rule.id for rule in rules] == list(coming)
    assert Counter(rule.split("-")[1] for rule in changed).keys() >= {"motor", "health", "cyber"}
    assert 15 <= len(changed) <= 30


def test_a_dash_is_anything():
    """The empty test passes texts and numbers."""
    assert Cell().holds("text")
    assert Cell().holds(0)


def test_exactly_one_rule_holds_for_each_claim(rules, claims):
    """The committed claims meet one rule each."""
    assert [c["claimId"] for c in claims if sum(rule.holds(c) for rule in rules) != 1] == []


def test_each_rule_meets_three_claims_or_more(rules, claims):
    """No rule of the table lies idle."""
    hits = Counter(rule.id for claim in claims for rule in rules if rule.holds(claim))

    assert len(hits) == 132
    assert min(hits.values()) >= 3


def test_two_thousand_claims_are_committed(claims):
    """2,000 rows over 30 days, fourteen of which cannot be used; the ids of the rest are unique."""
    text = (CLAIMS / "claims.csv").read_text(encoding="utf-8")
    days = {claim["reportedAt"].date() for claim in claims}

    assert len([line for line in text.splitlines()[1:] if line]) == 2000
    assert len(claims) == len({claim["claimId"] for claim in claims}) == 1986
    assert (max(days) - min(days)).days == 29


def test_claims_come_in_the_order_of_their_reports(claims):
    """A claim number says who was first."""
    assert claims == sorted(claims, key=lambda claim: (claim["reportedAt"], claim["claimId"]))


def test_every_spoiled_row_is_listed(claims):
    """The list of rejects names each fault once, with its line."""
    lines = (CLAIMS / "claims.csv").read_text(encoding="utf-8").splitlines()
    rejects = read_rejects()

    assert len({reject["fault"] for reject in rejects}) == len(rejects) == 14
    for reject in rejects:
        assert lines[reject["line"] - 1].startswith(reject["claimId"])
    assert Counter(r["stage"] for r in rejects) == {"read": 11, "start": 1, "register": 2}


def test_spoiled_rows_do_not_read_as_claims():
    """A strict reader of CSV, or the types of the columns, turns each listed row away."""
    lines = (CLAIMS / "claims.csv").read_text(encoding="utf-8").splitlines()
    for reject in read_rejects():
        if reject["stage"] != "read":
            continue
        line = lines[reject["line"] - 1]
        if reject["fault"] in ("quoting-broken", "quote-open"):
            with pytest.raises(csv.Error):
                next(csv.reader([line], strict=True))
        elif reject["fault"] in ("column-too-many", "columns-lost"):
            assert len(next(csv.reader([line], strict=True))) != 15
        else:
            with pytest.raises((ValueError, ArithmeticError)):
                required(line)


def required(line):
    """Return a typed row; raise when a cell is empty or not of its type."""
    cells = next(csv.reader([line], strict=True))
    row = dict(zip(generate.COLUMNS, cells, strict=True))
    if not all(row.values()):
        raise ValueError(f"expected every cell to be filled: {line}")
    return typed(row)


def test_fifteen_losses_are_reported_twice(claims):
    """Same policy, date and line, amounts within 5 %, another reporter: fifteen pairs, and eight
    that only look like one.
    """
    by_policy = {}
    for claim in claims:
        by_policy.setdefault((claim["policy"], claim["kind"]), []).append(claim)
    pairs = [pair for own in by_policy.values() for pair in combinations(own, 2)]
    same = [
        (first, second)
        for first, second in pairs
        if first["lossDate"] == second["lossDate"]
        and abs(first["amount"] - second["amount"])
        <= max(first["amount"], second["amount"]) * 5 / 100
    ]

    assert len(same) == 15
    assert len(pairs) == 23
    assert all(first["reportedBy"] != second["reportedBy"] for first, second in same)


def test_the_same_seed_writes_the_same_claims(tmp_path):
    """The committed files are what the generator writes."""
    generate.write(tmp_path, generate.SEED)

    for name in ("claims.csv", "expected-rejects.json"):
        assert (tmp_path / name).read_bytes() == (CLAIMS / name).read_bytes()
