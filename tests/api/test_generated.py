"""Whatever the OpenAPI document allows, and what it does not, is answered as it says.

schemathesis draws requests of each operation, right ones and wrong ones; half of them ask for keys
that are there. No answer is an error of the server, and each is one that the document names.
"""

from __future__ import annotations

import copy

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tenuto.api.openapi import document
from tenuto.api.routes import ROUTES
from tests.api.raw import call, headers_of
from tests.api.test_instances import TABLE
from tests.api.test_tasks import source, task_of

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# Streams have no end; what a caller ends, it ends for itself.
LEFT_OUT = {"streamEvents", "endSession"}
EXAMPLES = 6
EXAMPLES_OF_SOAK = 400


def open_document():
    """Return the document without its security: a token goes with every request."""
    described = copy.deepcopy(document(ROUTES))
    for methods in described["paths"].values():
        for operation in methods.values():
            operation.pop("security")
    return described


OPERATIONS = {
    one.definition.raw["operationId"]: one
    for one in (
        found.ok() for found in schemathesis.openapi.from_dict(open_document()).get_all_operations()
    )
    if one.definition.raw["operationId"] not in LEFT_OUT
}


# What takes nothing cannot be asked wrongly.
TRIED = [(name, GenerationMode.POSITIVE) for name in OPERATIONS] + [
    (name, GenerationMode.NEGATIVE)
    for name, one in OPERATIONS.items()
    if one.definition.raw["parameters"] or "requestBody" in one.definition.raw
]


@pytest.fixture
def filled(worked):
    """Give a server with an instance, a job, a task and a decision, and their keys."""
    worked.deploy(source(task_of(), "q"))
    worked.post("deployments", {"resources": [{"name": "d.dmn", "source": TABLE}]})
    keys = {"key": worked.start(business_key="b"), "job": f"{worked.start()}-1"}
    worked.start("q", {"n": 1})
    keys["task"] = worked.get("tasks").json()["items"][0]["task"]
    worked.post("queues", {"name": "q"})
    keys["incident"] = f"{keys['key']}-1"
    keys["element"] = "1"
    return worked, keys


def keys_of(operation, keys):
    """Return what the parameters of a path may be that is there."""
    known = {"id": "limit" if "decisions" in operation.path else "p", "name": "q", **keys}
    names = [one.name for one in operation.path_parameters]
    return {name: known[name] for name in names}


def check(api, case):
    """Ask what was drawn, and compare the answer with the document."""
    if isinstance(case.body, dict):
        for part in (case.body, case.body.get("activate")):
            if isinstance(part, dict) and "wait" in part:
                part["wait"] = 0 if isinstance(part["wait"], int | float) else part["wait"]
    asked = requests.Request(**case.as_transport_kwargs(base_url="http://127.0.0.1")).prepare()
    headers = headers_of(api.token)
    for name, value in asked.headers.items():
        if name.lower() in {"content-type", "if-match", "idempotency-key", "last-event-id"}:
            raw = value if isinstance(value, bytes) else value.encode("latin-1", "replace")
            headers.append((name.lower().encode(), raw))
    body = asked.body or b""
    parts = [body.encode() if isinstance(body, str) else body]
    target = asked.path_url.encode()
    answer = api.runner.run(call(api.app, asked.method, target, headers, parts))
    given_headers = {name: [value] for name, value in answer.headers.items()}
    response = Response(answer.status, given_headers, answer.body, asked, 0.0, verify=False)
    case.validate_response(response, checks=CHECKS)
    assert not api.service.node.corridor.stopped.is_set()


def try_operation(filled, name, mode, examples):
    """Draw requests of an operation and check each."""
    api, keys = filled
    operation = OPERATIONS[name]

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(case=operation.as_strategy(generation_mode=mode), is_there=st.booleans())
    def draw(case, is_there):
        if is_there and case.path_parameters:
            case.path_parameters.update(keys_of(operation, keys))
        check(api, case)

    draw()


@pytest.mark.parametrize(("name", "mode"), TRIED)
def test_an_operation_answers_as_described(filled, name, mode):
    """A few requests of each operation, right and wrong."""
    try_operation(filled, name, mode, EXAMPLES)


@pytest.mark.soak
@pytest.mark.parametrize(("name", "mode"), TRIED)
def test_an_operation_answers_as_described_for_long(filled, name, mode):
    """Many requests of each operation, right and wrong."""
    try_operation(filled, name, mode, EXAMPLES_OF_SOAK)
