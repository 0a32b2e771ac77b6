"""Preconditions: `ETag` says what was read, `If-Match` that it is still so (RFC 9110 §13.1.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tenuto.api.problems import Problem
from tenuto.engine import rejections as why

if TYPE_CHECKING:
    from tenuto.api.http import Request

IF_MATCH: Final = "if-match"
ETAG: Final = "etag"
_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]{1,64})"', re.ASCII)
_VERSION = re.compile(r"[0-9]{1,15}", re.ASCII)


def etag(text: object) -> tuple[str, str]:
    """Return the header that names what was read."""
    return (ETAG, f'"{text}"')


def expected_tag(request: Request) -> str | None:
    """Return the tag that the caller read; nothing without `If-Match` or for any (`*`).

    Raises `Problem` (version-mismatch) for what no `ETag` of this server looks like.
    """
    given = request.headers.get(IF_MATCH)
    if given is None or given.strip() == "*":
        return None
    found = _TAG.fullmatch(given.strip())
    if found is None:
        raise Problem(
            why.VERSION_MISMATCH,
            f"expected If-Match to hold one ETag as this server gave it, got `{given[:60]}`",
        )
    return found[1]


def required_version(request: Request) -> int | None:
    """Return the version that an instance must have; nothing for any (`*`).

    Raises `Problem` (if-match-required) when the caller does not say what it read.
    """
    if IF_MATCH not in request.headers:
        raise Problem(
            "if-match-required",
            "expected the header If-Match with the ETag of what was read; `*` overwrites whatever "
            "is there",
        )
    tag = expected_tag(request)
    if tag is None:
        return None
    if _VERSION.fullmatch(tag) is None:
        raise Problem(why.VERSION_MISMATCH, f"expected a version in If-Match, got `{tag}`")
    return int(tag)
