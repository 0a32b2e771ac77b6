"""The claims from the command line, as the first person who tries Tenuto meets them."""

import json

import pytest
from click.testing import CliRunner

from examples.claims.arrivals import read_rejects
from tenuto.cli import main
from tests.examples.reports import CLAIMS

ROOT = CLAIMS.parents[1]
# The first test waits for all claims to be fed.
pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def fed(tmp_path_factory):
    """Feed the committed claims once; give the folder, the report and the exit code."""
    folder = tmp_path_factory.mktemp("claims")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLAIMS_LEDGER", str(folder / "ledger.db"))
        patch.chdir(ROOT)
        words = ["run", "examples/claims/claims.bpmn", "examples/claims/claims.dmn"]
        words += ["--app", "examples.claims.handlers", "--input", "examples/claims/claims.csv"]
        words += ["--rejects", str(folder / "rejects.ndjson"), "--db", str(folder / "claims.db")]
        result = CliRunner().invoke(main, [*words, "-o", "json"])
        yield folder, json.loads(result.stdout), result.exit_code


def call(*words):
    """Return what a verb prints."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_claims_are_fed_in_one_command(fed):
    """2,000 rows: twelve are rejected, two become incidents, none is lost."""
    _, report, code = fed

    assert report["records"] == 2000
    assert report["started"] == 1988
    assert report["rejected"] == 12
    assert sum(one["count"] for one in report["incidents"]) == 2
    assert report["instances"]["completed"] > 1000
    assert code == 1, "open incidents are told to scripts"


def test_the_rejects_are_the_expected_lines(fed):
    """Each row that cannot be read or started is reported with its line."""
    folder, _, _ = fed
    lines = (folder / "rejects.ndjson").read_text(encoding="utf-8").splitlines()

    found = sorted(json.loads(line)["line"] for line in lines)

    assert found == [one["line"] for one in read_rejects() if one["stage"] != "register"]


def test_show_names_the_rule_that_fired(fed):
    """A claim's number is enough to see decision, inputs, rule and why."""
    folder, _, _ = fed

    show = ("show", "C-2026-00002", "--db", folder / "claims.db")
    text, data = call(*show), call(*show, "-o", "json")

    assert "rule-motor-glass-low" in data
    assert "claim-route" in text
    assert "Partner garages bill at agreed prices" in text
    assert "455.53" in text


def test_an_incident_is_resolved_with_the_variable_that_was_wrong(fed):
    """A country that is in the book lets the claim go on, where a run works its job."""
    folder, _, _ = fed
    database = ("--db", folder / "claims.db")
    found = json.loads(call("incidents", *database, "-o", "json"))
    (stuck,) = [one for one in found if "country" in one["message"]]

    call("incidents", "resolve", stuck["key"], "--var", "country=DE", *database)

    left = json.loads(call("incidents", *database, "-o", "json"))
    shown = json.loads(call("show", stuck["instance"], *database, "-o", "json"))
    assert stuck not in left
    assert shown["variables"]["country"] == "DE"


def test_variables_are_for_one_incident(tmp_path):
    """`--all` with variables would overwrite what nobody has looked at."""
    words = ["incidents", "resolve", "--all", "--var", "a=1", "--db", str(tmp_path / "a.db")]

    assert CliRunner().invoke(main, words).exit_code == 2


def test_the_proof_runs_from_the_command(monkeypatch):
    """`tenuto example claims --prove` prints both ways to work, or their figures."""
    monkeypatch.chdir(ROOT)
    words = ("example", "claims", "--prove", "--seeds", 2, "--limit", 40, "--jobs", 1)

    text = call(*words)
    figures = json.loads(call(*words, "-o", "json"))

    assert text.startswith("SYNTHETIC")
    assert {one["process"] for one in figures} == {"claim", "claim-manual"}


def test_an_example_says_what_it_is(monkeypatch):
    """Without `--prove` the page of the example is printed; without a name, the list."""
    monkeypatch.chdir(ROOT)

    assert call("example").split() == ["claims", "science"]
    assert call("example", "claims").startswith("# Claims")


def test_an_unknown_example_is_refused(monkeypatch):
    """The refusal names what is there."""
    monkeypatch.chdir(ROOT)

    result = CliRunner().invoke(main, ["example", "../claims"])

    assert result.exit_code == 2
    assert "found claims" in result.output
