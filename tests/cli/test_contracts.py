"""What declared inputs and outputs do on the command line: lint, deploy, run and test refuse."""

import json

import pytest

from tests.spec.models import end, flows, model, start, task

CALL = (
    '<callActivity id="pay"><extensionElements><zeebe:calledElement processId="payment"/>'
    '<zeebe:ioMapping><zeebe:input source="=&quot;x&quot;" target="amount"/></zeebe:ioMapping>'
    "</extensionElements></callActivity>"
)
CLAIM = model(start() + CALL + end() + flows("start>pay", "pay>end"), process="claim")
SAYS = "expected `amount` to be number, as process `payment` declares at its start"
HANDLERS = """\
from tenuto import handler


@handler("work")
def work(iban: str) -> None: ...
"""


def declaring(name, kind, *, process, body=end(), way="start>end"):  # noqa: B008  # a text
    """Return a process whose start declares an input."""
    begin = (
        '<startEvent id="start"><extensionElements>'
        f'<tenuto:input name="{name}" type="{kind}"/></extensionElements></startEvent>'
    )
    return model(begin + body + flows(*way.split()), process=process)


PAYMENT = declaring("amount", "number", process="payment")


def job(kind):
    """Return a process with a job that reads a declared variable."""
    return declaring("iban", kind, process="p", body=task("w") + end(), way="start>w w>end")


@pytest.fixture
def models(tenuto):
    """Give the command in a folder with a caller and the process that it calls."""
    tenuto.write("claim.bpmn", CLAIM)
    tenuto.write("payment.bpmn", PAYMENT)
    tenuto.write("jobs.py", HANDLERS)
    return tenuto


def test_lint_holds_models_against_each_other(models):
    """Alone both are accepted; together the caller is refused with its element and line."""
    models("lint", "claim.bpmn")
    models("lint", "payment.bpmn")

    claim, payment = json.loads(
        models("lint", "claim.bpmn", "payment.bpmn", "-o", "json", expect=1).stdout
    )

    (finding,) = claim["findings"]
    assert claim["verdict"] == "refused"
    assert (finding["severity"], finding["code"]) == ("refused", "input-mismatch")
    assert finding["element"] == "pay"
    assert finding["message"].startswith(SAYS)
    assert (payment["verdict"], payment["findings"]) == ("accepted", [])


def test_lint_reads_mappings_of_events(models):
    """A mapping file is checked as a deployment would check it."""
    good = "events: [{id: a, type: com.example.a, start: claim}]"
    models.write("a.events.yaml", good)
    models("lint", "a.events.yaml")

    models.write("a.events.yaml", good.replace("start", "starts"))
    result = models("lint", "a.events.yaml", "-o", "json", expect=1)

    assert "starts" in json.loads(result.stdout)[0]["findings"][0]["message"]


def test_deploy_holds_a_model_against_what_is_deployed(models):
    """The second deployment knows the first."""
    models.on_database("deploy", "payment.bpmn")

    result = models.on_database("deploy", "claim.bpmn", expect=2)

    assert SAYS in result.stderr


def test_run_refuses_handlers_that_cannot_take_what_comes(models):
    """Nothing is started when a handler of a deployed model cannot take its variable."""
    models.write("p.bpmn", job("number"))
    models.write("in.ndjson", '{"iban": 1}\n')

    result = models.on_database("run", "p.bpmn", "--app", "jobs", "--input", "in.ndjson", expect=2)

    assert "as handler `work` (jobs.work) needs" in result.stderr
    assert models.data("ps")["instances"] == []


def test_run_only_warns_of_older_processes(models):
    """What was deployed before is mended by a deployment, and keeps nobody from working."""
    models.write("p.bpmn", job("number"))
    models.on_database("deploy", "p.bpmn")
    models.write("q.bpmn", model(start() + end() + flows("start>end"), process="q"))

    result = models.on_database("run", "q.bpmn", "--app", "jobs", "--wait", "0")

    assert "warning: w: expected `iban` to be string" in result.stderr


def test_run_works_with_handlers_that_fit(models):
    """The same types at both ends say nothing."""
    models.write("p.bpmn", job("string"))
    models.write("in.ndjson", '{"iban": "DE1"}\n')

    result = models.on_database("run", "p.bpmn", "--app", "jobs", "--input", "in.ndjson")

    assert "iban" not in result.stderr


def test_scenarios_refuse_handlers_that_cannot_fit(models):
    """The scenario's place stands before both ends; an answer in place of the handler fits."""
    models.write("p.bpmn", job("number"))
    given = "given: {models: p.bpmn, app: jobs.py, variables: {iban: 1}}\n"
    file = models.write("p.scenario.yaml", f"{given}then: {{status: completed}}\n")

    result = models("test", file, expect=2)

    assert f"{file}:1: expected `iban` to be string, as handler `work`" in result.stderr
    models.write(
        "p.scenario.yaml",
        given.replace("app: jobs.py", "app: jobs.py, handlers: {work: {}}")
        + "then: {status: completed}\n",
    )
    models("test", file)
