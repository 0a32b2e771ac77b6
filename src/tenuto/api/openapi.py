"""The OpenAPI 3.1 document of the API, built from the routes and the types that check them.

What a route takes, gives and refuses is in its table, so the document says what the code does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import UnionType
from typing import Any, Final, get_args

import msgspec

from tenuto.api.app import SAFE_METHODS, SESSION_COOKIE
from tenuto.api.http import IDEMPOTENCY_KEY, JSON
from tenuto.api.preconditions import IF_MATCH
from tenuto.api.problems import OF_ENGINE, OF_HTTP, PROBLEM_JSON, Problem
from tenuto.api.routing import Route
from tenuto.engine import rejections as why
from tenuto.events.envelope import BATCH, STRUCTURED

PREFIX: Final = "/api/v1/"
FORM: Final = "multipart/form-data"
REFERENCE: Final = "#/components/schemas/{name}"
OF_ALL: Final = ("invalid-header", "wrong-host")
OF_CALLER: Final = ("unauthenticated", "forbidden")
OF_CHANGE: Final = ("wrong-origin",)
OF_QUERY: Final = ("invalid-query",)
OF_BODY: Final = (
    "invalid-json",
    "invalid-body",
    "body-too-slow",
    "body-too-large",
    "unsupported-media-type",
)
HEADERS: Final = {
    IDEMPOTENCY_KEY: "A repeat under the same key gets the first answer and changes nothing.",
    IF_MATCH: "The ETag of what was read; `*` takes whatever is there.",
    "last-event-id": "The id of the last event that came; the stream goes on after it.",
}
_TEXT: Final = {"type": "string", "minLength": 1}
_EVENT: Final = {
    "type": "object",
    "description": "A CloudEvent 1.0 in JSON.",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        **dict.fromkeys(("id", "source", "type", "subject", "time"), _TEXT),
    },
}
EVENTS: Final[dict[str, dict[str, Any]]] = {
    STRUCTURED: _EVENT,
    BATCH: {"type": "array", "items": _EVENT},
}
_PARAMETER = re.compile(r"{(\w+)}")

Schema = dict[str, Any]


def document(routes: Iterable[Route]) -> Schema:
    """Return the OpenAPI document of those routes that are the API's."""
    described = [route for route in routes if route.path.startswith(PREFIX)]
    kinds = [
        kind
        for route in described
        for kind in (route.body, *_answers(route), route.query)
        if kind is not None
    ]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REFERENCE)
    of_kind = dict(zip(kinds, schemas, strict=True))
    queries = {_name_of(of_kind[route.query]) for route in described if route.query is not None}
    paths: dict[str, Schema] = {}
    for route in described:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(
            route, of_kind, components
        )
    kept = {name: schema for name, schema in components.items() if name not in queries}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tenuto",
            "version": "1",
            "description": "Durable process orchestration for people, systems and data.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {**dict(sorted(kept.items())), "Problem": _problem()},
            "responses": {
                "Problem": {
                    "description": "What went wrong.",
                    "content": {
                        PROBLEM_JSON: {"schema": {"$ref": REFERENCE.format(name="Problem")}}
                    },
                }
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
            },
        },
    }


def refusals(route: Route) -> tuple[str, ...]:
    """Return the codes of the problems that a route may answer with, beside failures of the
    server.
    """
    codes: list[str] = [*OF_ALL]
    if not route.is_public:
        codes += OF_CALLER
    if route.method not in SAFE_METHODS:
        codes += OF_CHANGE
    if route.query is not None:
        codes += OF_QUERY
    if _takes_body(route):
        codes += OF_BODY
    if IDEMPOTENCY_KEY in route.headers:
        codes.append(why.KEY_REUSED)
    return tuple(dict.fromkeys([*codes, *route.problems]))


def _operation(route: Route, of_kind: dict[Any, Schema], components: Schema) -> Schema:
    operation: Schema = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [
            *(_path_parameter(name) for name in _PARAMETER.findall(route.path)),
            *_query_parameters(route, of_kind, components),
            *(_header(name) for name in route.headers),
        ],
    }
    if _takes_body(route):
        operation["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": _body(route, kind, of_kind)} for kind in route.body_types},
        }
    operation["responses"] = _responses(route, of_kind)
    operation["security"] = [] if route.is_public else [{"token": []}, {"session": []}]
    return operation


def _takes_body(route: Route) -> bool:
    return route.body is not None or route.body_types != (JSON,)


def _body(route: Route, kind: str, of_kind: dict[Any, Schema]) -> Schema:
    if kind == FORM:
        file = {"type": "string", "contentMediaType": "application/octet-stream"}
        return {"type": "object", "additionalProperties": file, "minProperties": 1}
    return EVENTS[kind] if route.body is None else of_kind[route.body]


def _answers(route: Route) -> tuple[Any, ...]:
    """Return the types of a route's answers; a union is several."""
    if isinstance(route.answer, UnionType):
        return get_args(route.answer)
    return () if route.answer is None else (route.answer,)


def _path_parameter(name: str) -> Schema:
    schema = {"type": "string", "minLength": 1, "maxLength": 512}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(route: Route, of_kind: dict[Any, Schema], components: Schema) -> list[Schema]:
    if route.query is None:
        return []
    schema = components[_name_of(of_kind[route.query])]
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": member}
        for name, member in schema["properties"].items()
    ]


def _header(name: str) -> Schema:
    title = "-".join(part.capitalize() for part in name.split("-"))
    schema = {"type": "string", "minLength": 1, "maxLength": 255}
    return {
        "name": title,
        "in": "header",
        "required": False,
        "description": HEADERS[name],
        "schema": schema,
    }


def _responses(route: Route, of_kind: dict[Any, Schema]) -> Schema:
    answer: Schema = {"description": route.summary}
    answers = [of_kind[kind] for kind in _answers(route)]
    if answers:
        schema = answers[0] if len(answers) == 1 else {"anyOf": answers}
        answer["content"] = {route.answer_type: {"schema": schema}}
    elif route.answer_type != JSON:
        answer["content"] = {route.answer_type: {"schema": {"type": "string"}}}
    responses: Schema = {
        str(status): answer for status in sorted({route.status, *route.other_statuses})
    }
    by_status: dict[int, list[str]] = {}
    for code in refusals(route):
        by_status.setdefault(Problem(code, "").status, []).append(code)
    for status, codes in sorted(by_status.items()):
        assert str(status) not in responses, f"{route.name}: {status} is an answer and a refusal"
        responses[str(status)] = _refused(", ".join(f"`{code}`" for code in codes))
    responses["default"] = _refused("The server failed, or is being stopped.")
    return responses


def _refused(description: str) -> Schema:
    """Return a reference that says more, which OpenAPI 3.1 allows."""
    return {"$ref": "#/components/responses/Problem", "description": description}


def _problem() -> Schema:
    codes = sorted({*OF_HTTP, *OF_ENGINE})
    return {
        "type": "object",
        "title": "Problem",
        "description": "What went wrong (RFC 9457); `code` is stable, `detail` is for people.",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string", "pattern": "^urn:tenuto:problem:"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
            "code": {"type": "string", "enum": codes},
        },
        "additionalProperties": True,
    }


def _name_of(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]
