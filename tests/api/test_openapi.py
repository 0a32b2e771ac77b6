"""The OpenAPI document: valid, current, and true to the routes."""

from __future__ import annotations

import json
import re
from collections import Counter

import jsonschema_rs
import pytest
import schemathesis

from tenuto.api.openapi import document, refusals
from tenuto.api.problems import OF_ENGINE, OF_HTTP, all_codes
from tenuto.api.routes import ROUTES
from tenuto.engine import rejections
from tidy import reference
from tidy.sources import ROOT

DOCUMENT = document(ROUTES)
OPERATIONS = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def references(part):
    """Yield every reference in a part of the document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for member in part.values():
            yield from references(member)
    elif isinstance(part, list):
        for member in part:
            yield from references(member)


@pytest.mark.parametrize("name", ["openapi.json", "problems.md"])
def test_the_committed_page_is_current(name):
    """`make reference` would write what is committed."""
    committed = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")

    assert committed == reference.pages()[name]


def test_a_server_gives_the_document_to_anybody(api):
    """What it gives is what is committed, and it describes itself."""
    answer = api.get("openapi.json", token="")

    assert answer.json() == json.loads(json.dumps(DOCUMENT))
    assert "/api/v1/openapi.json" in answer.json()["paths"]


def test_every_reference_leads_somewhere():
    """No schema or response is missing, and none is left over."""
    components = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses")
        for name in DOCUMENT["components"][kind]
    }

    assert set(references(DOCUMENT)) == components


def test_every_schema_is_json_schema():
    """Each schema is valid by the dialect that OpenAPI 3.1 takes."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid(schema), name


def test_every_route_is_described_once():
    """Names are unique; the parameters of a path are those that are described."""
    names = Counter(operation["operationId"] for _, _, operation in OPERATIONS)

    assert set(names.values()) == {1}
    assert len(OPERATIONS) == len(ROUTES)
    for path, _, operation in OPERATIONS:
        given = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
        assert given == re.findall(r"{(\w+)}", path)
        assert operation["summary"]
        assert operation["tags"] != [""]


def test_every_operation_is_read_by_another_tool():
    """schemathesis finds every operation and can build requests of it."""
    schema = schemathesis.openapi.from_dict(DOCUMENT)

    found = [operation.ok() for operation in schema.get_all_operations()]

    assert len(found) == len(ROUTES)


def test_every_problem_code_has_one_status_and_a_sentence():
    """Codes of HTTP and of the engine are apart; every rejection of the engine has a status."""
    assert set(OF_HTTP).isdisjoint(OF_ENGINE)
    assert set(OF_ENGINE) == set(rejections.CODES)
    for code, (status, title) in all_codes().items():
        assert 400 <= status < 600, code
        assert title.endswith("."), code


def test_what_a_route_refuses_is_known():
    """The codes that a route names are in the table."""
    for route in ROUTES:
        assert set(refusals(route)) <= set(all_codes()), route.name
