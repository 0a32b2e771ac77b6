"""Lineage as OpenLineage tells it: a run of a job, what it read and what it wrote.

Source: OpenLineage specification 2-0-2, RunEvent (openlineage.io/spec).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

SCHEMA: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
PRODUCER: Final = "https://github.com/tenuto/tenuto"

Sink = Callable[[dict[str, Any]], None]


def run_event(  # noqa: PLR0913  (one for each thing that an event tells)
    kind: str,
    *,
    run: str,
    namespace: str,
    job: str,
    inputs: list[str],
    outputs: list[str],
    partition: str,
    at: int,
    error: str = "",
) -> dict[str, Any]:
    """Return an event: `kind` is START, COMPLETE or FAIL; `run` names the attempt's step, so that
    what is told twice is known to be the same. `at` is Unix milliseconds.
    """
    facets: dict[str, Any] = {"tenuto_partition": _facet({"partition": partition})}
    if error:
        facets["errorMessage"] = _facet({"message": error, "programmingLanguage": "python"})
    return {
        "eventType": kind,
        "eventTime": datetime.fromtimestamp(at / 1000, UTC).isoformat().replace("+00:00", "Z"),
        "run": {"runId": _uuid_of(run), "facets": facets},
        "job": {"namespace": namespace, "name": job},
        "inputs": [{"namespace": namespace, "name": name} for name in inputs],
        "outputs": [{"namespace": namespace, "name": name} for name in outputs],
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
    }


def to_file(path: str | Path) -> Sink:
    """Return a sink that appends events to a file, a line for each."""
    target = Path(path)

    def write(event: dict[str, Any]) -> None:
        with target.open("ab") as file:
            file.write(msgspec.json.encode(event) + b"\n")

    return write


def to_url(url: str, *, token: str = "", timeout: float = 5.0) -> Sink:
    """Return a sink that posts events to a URL, such as that of Marquez (`…/api/v1/lineage`)."""
    headers = {"authorization": f"Bearer {token}"} if token else {}

    def post(event: dict[str, Any]) -> None:
        httpx.post(url, json=event, headers=headers, timeout=timeout).raise_for_status()

    return post


def _facet(members: dict[str, Any]) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": SCHEMA, **members}


def _uuid_of(name: str) -> str:
    """Return a UUID (version 8, RFC 9562) made of a name."""
    raw = bytearray(hashlib.sha256(name.encode()).digest()[:16])
    raw[6] = 0x80 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
