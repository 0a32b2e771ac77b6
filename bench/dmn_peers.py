"""Decision tables beside other evaluators, on the same tables and records in the same run.

SpiffWorkflow is measured where it is installed, feelin where `node` finds it (`NODE_PATH`);
it reads its texts anew each time. Cells are rewritten to what each evaluator reads, and all have to
give the same outputs.
"""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from lxml import etree

from bench.dmn import _claims, _claims_table, _ladder
from tenuto import dmn

if TYPE_CHECKING:
    from collections.abc import Callable

    Decide = Callable[[dict[str, Any]], Any]

_NAMESPACE = "https://www.omg.org/spec/DMN/20230324/MODEL/"
_PREFIXES = {"dmn": _NAMESPACE}
# One process for each table; cells are tried until one fails, as an interpreter of tables does.
_FEELIN = """
const {unaryTest, evaluate} = require('feelin');
const {names, rules, records} = JSON.parse(require('fs').readFileSync(0));
const value = (result) => result && typeof result === 'object' && 'value' in result
  ? result.value : result;
const decide = (record) => {
  const rule = rules.find(({tests}) => tests.every((test, at) =>
    test === '-' || value(unaryTest(test, {...record, '?': record[names[at]]})) === true));
  return rule && rule.outputs.map((text) => value(evaluate(text, record)));
};
decide(records[0]);
const begun = process.hrtime.bigint();
const found = records.map(decide);
console.log(JSON.stringify([Number(process.hrtime.bigint() - begun) / 1e3, found]));
"""


def run() -> dict[str, float]:
    """Return microseconds for each evaluator, and how many times as long as ours it takes."""
    numbers: dict[str, float] = {}
    ladder = [{"amount": number * 37 % 1000} for number in range(100)]
    for name, source, records in (
        ("table132", _claims_table(), _claims(50)),
        ("table10", _ladder(10), ladder),
    ):
        model = dmn.load(source)
        ours, expected = _measure(partial(model.decide, "decision"), records)
        numbers[f"dmn_peers.{name}.tenuto.us_per_evaluation"] = ours
        for peer, measure in (("spiffworkflow", _spiffworkflow), ("feelin", _feelin)):
            measured = measure(source, records)
            if measured is None:
                continue
            theirs, found = measured
            assert _plain(found) == _plain(expected), f"{peer} decides {name} otherwise"
            numbers[f"dmn_peers.{name}.{peer}.us_per_evaluation"] = theirs
            numbers[f"dmn_peers.{name}.{peer}.ratio"] = theirs / ours
    return numbers


def _measure(decide: Decide, records: list[dict[str, Any]]) -> tuple[float, list[Any]]:
    """Return microseconds per record, the best of three rounds, and the values."""
    best = float("inf")
    found: list[Any] = []
    for _ in range(3):
        begun = time.perf_counter()
        found = [decide(record) for record in records]
        best = min(best, time.perf_counter() - begun)
    return best / len(records) * 1e6, found


def _plain(values: list[Any]) -> list[list[str]]:
    rows = [list(value.values()) if isinstance(value, dict) else [value] for value in values]
    rows = [row[0] if row and isinstance(row[0], list) else row for row in rows]
    return [
        [f"{float(cell)}" if not isinstance(cell, str) else cell for cell in row] for row in rows
    ]


def _spiffworkflow(source: bytes, records: list[dict[str, Any]]) -> tuple[float, list[Any]] | None:
    try:
        scripts = importlib.import_module("SpiffWorkflow.bpmn.script_engine")
        engines = importlib.import_module("SpiffWorkflow.dmn.engine.DMNEngine")
        readers = importlib.import_module("SpiffWorkflow.dmn.parser.BpmnDmnParser")
        parsers = importlib.import_module("SpiffWorkflow.dmn.parser.DMNParser")
    except ImportError:
        return None

    class Workflow:
        script_engine = scripts.PythonScriptEngine()

    class Task:
        workflow = Workflow()

        def __init__(self, data: dict[str, Any]) -> None:
            self.data = data

    root = _rewritten(source)
    parser = parsers.DMNParser(readers.BpmnDmnParser(), root, _PREFIXES)
    parser.parse()
    engine = engines.DMNEngine(parser.decision.decisionTables[0])
    return _measure(lambda record: dict(engine.result(Task(dict(record)))), records)


def _rewritten(source: bytes) -> Any:
    """Return a table with Python instead of FEEL in its cells, and ids everywhere."""
    root: Any = etree.fromstring(source)
    for data in root.findall("dmn:inputData", _PREFIXES):
        root.remove(data)
    for number, element in enumerate(root.iter()):
        element.set("id", element.get("id") or f"e{number}")
    for cell in root.iter(f"{{{_NAMESPACE}}}inputEntry"):
        text = cell[0].text
        if text.startswith("["):
            low, high = text[1:-1].split("..")
            cell[0].text = f"{low} <= ? < {high}"
        elif "," in text:
            cell[0].text = f"? in ({text})"
    for cell in root.iter(f"{{{_NAMESPACE}}}outputEntry"):
        cell[0].text = {"true": "True", "false": "False"}.get(cell[0].text, cell[0].text)
    return root


def _feelin(source: bytes, records: list[dict[str, Any]]) -> tuple[float, list[Any]] | None:
    node = shutil.which("node")
    if node is None:
        return None
    root: Any = etree.fromstring(source)
    rules = [
        {
            "tests": [cell.text for cell in rule.findall("dmn:inputEntry/dmn:text", _PREFIXES)],
            "outputs": [cell.text for cell in rule.findall("dmn:outputEntry/dmn:text", _PREFIXES)],
        }
        for rule in root.iter(f"{{{_NAMESPACE}}}rule")
    ]
    names = [text.text for text in root.iterfind(".//dmn:inputExpression/dmn:text", _PREFIXES)]
    given = json.dumps({"names": names, "rules": rules, "records": records})
    done = subprocess.run(
        [node, "-e", _FEELIN], input=given, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return None
    micros, found = json.loads(done.stdout)
    return micros / len(records), found
