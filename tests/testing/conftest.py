"""A refund process in a folder, and scenario files beside it."""

import textwrap

import pytest

from tenuto.testing.written import run_files
from tests.dmn.models import decision, definitions, inputs, reads, table
from tests.spec.models import (
    boundary,
    end,
    error,
    flows,
    message,
    model,
    on_error,
    signal,
    start,
    task,
    timer,
    user,
)

RULES = ['"damaged" => "swift"', '"changed mind" => "slow"']
LEVEL = definitions(
    inputs("reason"),
    decision("level", reads("reason"), table("reason", "level", RULES)),
)

# decide > choose > pay > done, or over a person when much money goes back. A closed account needs
# another one; whoever waits for papers gets a reminder; a freeze is lifted by a signal.
BODY = (
    start() + '<businessRuleTask id="decide"><extensionElements><zeebe:calledDecision '
    'decisionId="level" resultVariable="level"/></extensionElements></businessRuleTask>'
    + '<exclusiveGateway id="choose" default="choose_pay"/>'
    + '<userTask id="approve"><extensionElements><zeebe:userTask/><zeebe:assignmentDefinition '
    'candidateGroups="=[&quot;leads&quot;]"/></extensionElements></userTask>'
    + boundary("late", "approve", timer("Duration", "P1D"), interrupting=False)
    + task("remind", "remind")
    + end("reminded")
    + '<receiveTask id="papers" messageRef="m"/>'
    + task("pay", "pay", retries=2)
    + boundary("closed", "pay", on_error("e"))
    + user("mend")
    + end("done")
    + flows(
        "start>decide",
        "decide>choose",
        "choose>approve?amount > 100",
        "choose>papers?papers = false",
        "choose>pay",
        "approve>pay",
        "late>remind",
        "remind>reminded",
        "papers>pay",
        "closed>mend",
        "mend>pay",
        "pay>done",
    )
)
REFUND = model(
    BODY,
    process="refund",
    roots=message("m", "papers", "order") + error("e", "CLOSED") + signal("s", "thaw"),
)

GIVEN = """\
given:
  models: [refund.bpmn, level.dmn]
  process: refund
  variables: {order: O-1, reason: damaged, amount: 40}
  handlers:
    pay: {receipt: '="R-" + order'}
    remind:
"""


class Folder:
    """A folder with the refund process, in which scenario files are written and run."""

    def __init__(self, path):
        self.path = path
        self.write("refund.bpmn", REFUND)
        self.write("level.dmn", LEVEL)

    def write(self, name, content):
        """Write a file and return its path."""
        path = self.path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run(self, text, *, name="refund.scenario.yaml"):
        """Run a scenario file; return the report."""
        return run_files([self.write(name, textwrap.dedent(text))])

    def play(self, scenario, *, given=GIVEN):
        """Run one scenario with the common givens; return its outcome."""
        inner = textwrap.indent(textwrap.dedent(scenario).strip(), "    ")
        (outcome,) = self.run(f"{given}scenarios:\n  - name: one\n{inner}\n").outcomes
        return outcome


@pytest.fixture
def refunds(tmp_path):
    """Give a folder with the refund process."""
    return Folder(tmp_path)
