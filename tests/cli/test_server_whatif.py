"""`tenuto whatif` against a server: the past is read over HTTP, with the values it had."""

import pytest

PROCESS = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"
  xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="urn:tests">
  <process id="dated" isExecutable="true"><startEvent id="s"/>
  <scriptTask id="read"><extensionElements>
  <zeebe:script expression="=date(text)" resultVariable="day"/>
  </extensionElements></scriptTask>
  <businessRuleTask id="d"><extensionElements>
  <zeebe:calledDecision decisionId="season" resultVariable="season"/>
  </extensionElements></businessRuleTask><endEvent id="e"/>
  <sequenceFlow id="a" sourceRef="s" targetRef="read"/>
  <sequenceFlow id="b" sourceRef="read" targetRef="d"/>
  <sequenceFlow id="c" sourceRef="d" targetRef="e"/>
  </process></definitions>"""
SEASON = """<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="m"
  namespace="urn:tests"><inputData id="day-in" name="day"><variable name="day" typeRef="date"/>
  </inputData><inputData id="rate-in" name="rate"/>
  <decision id="season" name="Season">
  <informationRequirement id="r1"><requiredInput href="#day-in"/></informationRequirement>
  <informationRequirement id="r2"><requiredInput href="#rate-in"/></informationRequirement>
  <literalExpression><text>if day &lt; date("LIMIT") then rate else 2 * rate</text>
  </literalExpression></decision></definitions>"""
DAYS = ("2026-01-31", "2026-02-28", "2026-06-01", "2026-12-24")


@pytest.fixture
def tenuto(beside, tmp_path):
    """Give the command line beside a server that has decided about four days."""
    (tmp_path / "dated.bpmn").write_text(PROCESS)
    for name, limit in (("old", "2026-02-01"), ("new", "2026-07-01")):
        (tmp_path / f"{name}.dmn").write_text(SEASON.replace("LIMIT", limit))
    beside.at("deploy", tmp_path / "dated.bpmn", tmp_path / "old.dmn")
    for day in DAYS:
        words = ("-v", f"text={day}", "-v", "rate=0.10000000000000000001")
        beside.at("start", "dated", *words, "--idempotency-key", day)
    return beside


def test_the_past_of_a_server_is_decided_again(tenuto, tmp_path):
    """Dates are dates and numbers exact: what comes out is what comes out of the file."""
    asked = ("whatif", tmp_path / "new.dmn", "--decision", "season", "--value", "outcome")

    by_url, by_file = tenuto.told(*asked), tenuto.data(*asked)

    assert by_url == by_file
    assert (by_url["total"], by_url["changed"], by_url["failed"]) == (4, 2, 0)
    assert tenuto.at(*asked).stdout == tenuto.on_database(*asked).stdout
    assert "-0.20000000000000000002" in tenuto.at(*asked).stdout


def test_a_decision_of_a_server_may_be_named(tenuto, tmp_path):
    """By its name, as in a file; what was decided before is left out."""
    asked = ("whatif", tmp_path / "new.dmn", "--decision", "Season")

    assert tenuto.told(*asked, "--since", "P1M") == tenuto.data(*asked, "--since", "P1M")
    assert tenuto.told(*asked, "--since", "PT0S")["total"] == 0


def test_an_unknown_decision_of_a_server_names_those_that_are_deployed(tenuto, tmp_path):
    """The refusal says what could be asked for."""
    said = tenuto.at("whatif", tmp_path / "new.dmn", "--decision", "x", expect=2).stderr

    assert "season" in said


def test_a_csv_is_compared_with_what_a_server_has(tenuto, tmp_path):
    """Inputs come from the file, the old model from the server."""
    table = tmp_path / "rates.csv"
    table.write_text("rate,day\n1,\n")
    asked = ("whatif", tmp_path / "new.dmn", "--decision", "season", "--csv", table)

    assert tenuto.told(*asked) == tenuto.data(*asked)
