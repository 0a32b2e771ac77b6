"""SQL by name: every statement lives in `sql/*.sql`, under a line `-- name: …`."""

from __future__ import annotations

import re
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def load_queries(file: str = "queries.sql") -> dict[str, str]:
    """Return the statements of a file by name."""
    text = resources.files("tenuto.store").joinpath("sql", file).read_text()
    parts = _NAME.split(text)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def load_schema() -> str:
    """Return the statements that make the tables."""
    return resources.files("tenuto.store").joinpath("sql", "schema.sql").read_text()
