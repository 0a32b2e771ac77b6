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
CHAIN = """<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="m"
  namespace="urn:tests"><inputData id="amount" name="amount"/>
  <decision id="fee" name="Fee">
  <informationRequirement><requiredInput href="#amount"/></informationRequirement>
  <literalExpression><text>LOGIC</text></literalExpression></decision>
  <decision id="total" name="Total">
  <informationRequirement><requiredDecision href="#fee"/></informationRequirement>
  <literalExpression><text>Fee + 2</text></literalExpression></decision>
  </definitions>"""
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


def _compared(model: Path, *options: str):
    """Compare a model and return the result as data."""
    done = run("whatif", str(model), *options, "-o", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_decision_may_be_named_and_months_count_back(tmp_path):
    """The name does as well as the id; a month back holds what was decided now."""
    options = ("--decision", "Claim route", "--since", "P1M", "--db", str(_recorded(tmp_path)))

    assert _compared(CLAIMS / "claims-2027.dmn", *options)["total"] == 39


def test_what_was_decided_before_is_left_out(tmp_path):
    """Nothing was decided within the last instant."""
    options = ("--decision", "claim-route", "--since", "PT0S", "--db", str(_recorded(tmp_path)))

    done = run("whatif", str(CLAIMS / "claims-2027.dmn"), *options)

    assert done.output == "claim-route: no records\n"


def test_a_csv_is_compared_with_what_is_deployed(tmp_path):
    """Without an old model the deployed one decided, never the new one itself."""
    database = _recorded(tmp_path)
    path = tmp_path / "losses.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in (LOSS, LOSS.values())))
    options = ("--decision", "claim-route", "--csv", str(path), "--db", str(database))

    assert _compared(CLAIMS / "claims-2027.dmn", *options)["changed"] == 1


def test_inputs_of_required_decisions_are_recorded_inputs(tmp_path):
    """What a required decision read is asked again; what it gave is computed again."""
    for name, text in {"old.dmn": "amount * 2", "new.dmn": "amount * 3"}.items():
        (tmp_path / name).write_text(CHAIN.replace("LOGIC", text), encoding="utf-8")
    (tmp_path / "p.bpmn").write_text(PROCESS.replace("claim-route", "total"), encoding="utf-8")
    (tmp_path / "in.ndjson").write_text('{"amount": 5}\n')
    database = str(tmp_path / "t.db")
    models = (str(tmp_path / "p.bpmn"), str(tmp_path / "old.dmn"))
    run("run", *models, "--input", str(tmp_path / "in.ndjson"), "--db", database)

    options = ("--decision", "total", "--value", "outcome", "--db", database)
    found = _compared(tmp_path / "new.dmn", *options)

    assert (found["total"], found["incomplete"], found["difference"]) == (1, 0, 5)


def test_changed_records_show_what_differs(tmp_path):
    """The text lists some cases, each with the members that changed and their worth."""
    options = ("--decision", "claim-route", "--value", "reserve", "--db", str(_recorded(tmp_path)))

    done = run("whatif", str(CLAIMS / "claims-2027.dmn"), *options)

    assert '{"sla":"P3D","reserve":5000} → {"sla":"P1D","reserve":6000}, +1000' in done.output
    assert "19 more changed records" in done.output


@pytest.mark.parametrize(
    ("expected", "code", "last"), [(42, 0, "1 passed, 0 failed"), (41, 1, "0 passed, 1 failed")]
)
def test_a_test_file_of_ones_own_in_yaml(tmp_path, expected, code, last):
    """A model with a readable test file beside it passes or fails, and the exit code says so."""
    (tmp_path / "m.dmn").write_text(CHAIN.replace("LOGIC", "amount * 2"), encoding="utf-8")
    case = f"{{id: a, inputs: {{amount: 20}}, expect: {{Total: {expected}}}}}"
    (tmp_path / "m.yaml").write_text(f"model: m.dmn\ncases: [{case}]\n")

    done = run("test", str(tmp_path))

    assert done.output.splitlines()[-1] == last
    assert done.exit_code == code


def test_a_path_that_is_not_there_is_bad_input(tmp_path):
    """A missing path is no failed test."""
    assert run("test", str(tmp_path / "none")).exit_code == 2
