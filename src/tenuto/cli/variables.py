"""Variables on the command line: `-v name=value` and `--variables JSON`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from tenuto.errors import InputError

F = TypeVar("F", bound=Callable[..., Any])


def variable_options(command: F) -> F:
    """Give a command `-v` and `--variables`."""
    command = click.option(
        "--variables",
        "document",
        metavar="JSON",
        help="Variables as a JSON object; @FILE reads them from a file.",
    )(command)
    return click.option(
        "-v",
        "--var",
        "pairs",
        multiple=True,
        metavar="NAME=VALUE",
        help='One variable: JSON, @"2027-03-31" for a date, time or duration, else text.',
    )(command)


def read_variables(document: str | None, pairs: Sequence[str]) -> dict[str, Any]:
    """Return the variables that were given; pairs win over the document. Raises `InputError`."""
    found = _read_document(document) if document else {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise InputError(f"expected NAME=VALUE after -v, got `{pair}`")
        found[name.strip()] = _read_value(text)
    return found


def _read_document(document: str) -> dict[str, Any]:
    from tenuto import values

    text = document
    if document.startswith("@"):
        try:
            text = Path(document[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"expected JSON in `{document[1:]}`: {error}") from error
    data = values.loads(text)
    if not isinstance(data, dict):
        raise InputError(f"expected a JSON object of variables, got {text[:60]!r}")
    return data


def _read_value(text: str) -> Any:
    import json

    if text.startswith('@"') and text.endswith('"'):
        return _read_temporal(text)
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError, ArithmeticError):
        return text


def _read_temporal(text: str) -> Any:
    from tenuto import values

    found = values.parse_temporal(text[2:-1])
    if found is None:
        raise InputError(f'expected a date, time or duration such as @"2027-03-31", got `{text}`')
    return found


def _refuse(name: str) -> Any:
    raise ValueError(name)
