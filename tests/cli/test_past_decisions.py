"""`tenuto test` and `tenuto whatif`: decisions under test, and the past decided again."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tenuto.cli import main

ROOT = Path(__file__).parents[2]
KIT = ROOT.parent / "shared" / "conformance" / "dmn-tck"
CLAIMS = ROOT / "examples" / "claims"
PROCESS = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"
  xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="urn:tests">
  <process id="p" isExecutable="true"><startEvent id="s"/>
  <businessRuleTask id="d"><extensionElements>
  <zeebe:calledDecision decisionId="claim-route" resultVariable="route"/>
  </extensionElements></businessRuleTask><endEvent id="e"/>
  <sequenceFlow id="a" sourceRef="s" targetRef="d"/>
  <sequenceFlow id="b" sourceRef="d" targetRef="e"/>
  </process></definitions>"""
LOSS = {
    "kind": "motor",
    "cause": "collision",
    "amount": 9_000,
    "injury": "minor",
    "country": "DE",
    "channel": "web",
}


def run(*arguments: str):
    """Run the command."""
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.conformance
@pytest.mark.timeout(120)
def test_the_public_kit_passes_and_the_last_line_counts():
    """Every case of the kit passes, without an internal error."""
    done = run("test", str(KIT))

    assert done.output.splitlines()[-2:] == ["0 internal errors", "1176 passed, 0 failed"]
    assert done.exit_code == 0


def test_a_folder_without_cases_is_bad_input(tmp_path):
    """Nothing to run is no success."""
    done = run("test", str(tmp_path))

    assert done.exit_code == 2


def _recorded(tmp_path: Path) -> Path:
    (tmp_path / "p.bpmn").write_text(PROCESS, encoding="utf-8")
    (tmp_path / "in.ndjson").write_text(
        "".join(json.dumps(LOSS | {"amount": 1_000 * n}) + "\n" for n in range(1, 40))
    )
    database = tmp_path / "t.db"
    arguments = (str(tmp_path / "p.bpmn"), str(CLAIMS / "claims.dmn"))
    done = run("run", *arguments, "--input", str(tmp_path / "in.ndjson"), "--db", str(database))
    assert done.exit_code == 0, done.output
    return database


def test_the_past_is_decided_again_by_a_changed_regulation(tmp_path):
    """Recorded inputs come from the journal, the old model from the deployment."""
    database = _recorded(tmp_path)
    new = str(CLAIMS / "claims-2027.dmn")
    options = ("--decision", "claim-route", "--value", "outcome.reserve", "-o", "json")

    done = run("whatif", new, *options, "--db", str(database))

    found = json.loads(done.stdout)
    assert found["total"] == 39
    assert found["changed"] + found["unchanged"] == 39
    assert found["changed"] > 0
    assert found["changed"] == sum(change["count"] for change in found["changes"])


def test_the_same_model_changes_nothing(tmp_path):
    """Deciding with what was deployed leaves every outcome as it was."""
    database = _recorded(tmp_path)

    done = run(
        "whatif",
        str(CLAIMS / "claims.dmn"),
        *("--decision", "claim-route", "-o", "json", "--db", str(database)),
    )

    assert json.loads(done.stdout)["changed"] == 0


def test_inputs_from_a_csv_that_lack_something_are_counted(tmp_path):
    """A line without an input that the table reads is counted, not guessed."""
    path = tmp_path / "losses.csv"
    with path.open("w", newline="") as file:
        rows = csv.DictWriter(file, LOSS)
        rows.writeheader()
        rows.writerow(LOSS)
        rows.writerow(LOSS | {"country": ""})

    done = run(
        "whatif",
        str(CLAIMS / "claims-2027.dmn"),
        *("--decision", "claim-route", "--old", str(CLAIMS / "claims.dmn")),
        *("--csv", str(path), "-o", "json"),
    )

    found = json.loads(done.stdout)
    assert (found["total"], found["incomplete"]) == (2, 1)
    assert found["missing"] == {"country": 1}


def test_an_unknown_decision_names_those_that_are_deployed(tmp_path):
    """The refusal says what could be asked for."""
    database = _recorded(tmp_path)

    done = run("whatif", str(CLAIMS / "claims-2027.dmn"), "--decision", "x", "--db", str(database))

    assert done.exit_code == 2
    assert "claim-route" in done.stderr
