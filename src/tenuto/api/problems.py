"""Problems: what went wrong, as RFC 9457 documents with stable codes.

`type` is `urn:tenuto:problem:CODE`, `status` the HTTP status, `detail` says what was expected, what
came and how to mend it. Rejection codes of the engine are problem codes too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tenuto.api.reports import report_of
from tenuto.deploy import Refused
from tenuto.engine import rejections as why
from tenuto.errors import (
    BudgetExceeded,
    FeelSyntaxError,
    InputError,
    ModelError,
    Rejected,
    StoreBusy,
    StoreError,
    StoreFull,
    TenutoError,
    ValueRefused,
)

PROBLEM_JSON: Final = "application/problem+json"

# Code -> (status, title). A code keeps its status for ever.
OF_HTTP: Final[dict[str, tuple[int, str]]] = {
    "invalid-json": (400, "The body is no JSON."),
    "invalid-body": (400, "The body is not what the route takes."),
    "invalid-header": (400, "A header comes twice, or cannot be used."),
    "invalid-query": (400, "The query is not what the route takes."),
    "invalid-cursor": (400, "The page cursor is not one that this server gave."),
    "invalid-input": (400, "What came in cannot be used."),
    "invalid-event": (400, "What came is no CloudEvent."),
    "invalid-expression": (400, "The expression does not parse."),
    "unauthenticated": (401, "Who calls is not known."),
    "forbidden": (403, "The caller may not do that."),
    "wrong-origin": (403, "The request comes from another site."),
    "no-such-route": (404, "There is nothing at this path."),
    "method-not-allowed": (405, "The path does not know this method."),
    "body-too-slow": (408, "The body did not come in time."),
    "body-too-large": (413, "The body is longer than the route takes."),
    "unsupported-media-type": (415, "The body has another media type than the route takes."),
    "wrong-host": (421, "The request names a host that this server is not."),
    "unmappable-event": (422, "A mapping finds no key or variable in the event."),
    "forbidden-address": (422, "A URL leads to an address that may not be asked."),
    "model-refused": (422, "A model cannot be deployed."),
    "if-match-required": (428, "The change must say what it was based on."),
    "budget-exceeded": (422, "The evaluation spent its steps, size or depth."),
    "too-busy": (429, "Too much work waits already."),
    "bug": (500, "A bug of Tenuto."),
    "tenant-suspended": (503, "The tenant is suspended."),
    "tenant-unavailable": (503, "The database of the tenant cannot be opened."),
    "store-failed": (503, "The database failed."),
}

OF_ENGINE: Final[dict[str, int]] = {
    why.NOT_FOUND: 404,
    why.UNKNOWN_PROCESS: 404,
    why.NOT_ACTIVE: 409,
    why.ALREADY_EXISTS: 409,
    why.STALE_LEASE: 409,
    why.NO_START_EVENT: 422,
    why.DUPLICATE_BUSINESS_KEY: 409,
    why.DUPLICATE_MESSAGE: 409,
    why.KEY_REUSED: 422,
    why.ALREADY_CLAIMED: 409,
    why.NOT_STUCK: 409,
    why.MAILBOX_FULL: 429,
    why.INVALID_VALUE: 422,
    why.NOT_APPLICABLE: 422,
    why.STOPPING: 503,
    why.STORE_FULL: 507,
    why.STORE_BUSY: 503,
    why.STORE_REFUSED: 422,
    why.VERSION_MISMATCH: 412,
    why.OUTCOME_ORDERED: 409,
    why.PAUSED: 409,
    why.NOT_PAUSED: 409,
}

RETRY_SECONDS: Final = 1


def all_codes() -> dict[str, tuple[int, str]]:
    """Return every code with its status and the sentence that is the same for each problem."""
    return OF_HTTP | {code: (status, why.CODES[code]) for code, status in OF_ENGINE.items()}


class Problem(TenutoError):
    """A refusal that a route raises; `more` are further members of the document."""

    def __init__(self, code: str, detail: str, **more: Any) -> None:
        """Name a code that is known here."""
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.more = more

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        known = OF_HTTP.get(self.code)
        return known[0] if known is not None else OF_ENGINE[self.code]

    @property
    def title(self) -> str:
        """Return the sentence that is the same for every problem of the code."""
        known = OF_HTTP.get(self.code)
        return known[1] if known is not None else why.CODES[self.code]

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that belong to the status."""
        if self.status == 401:
            return (("www-authenticate", "Bearer"),)
        if self.status in {429, 503}:
            return (("retry-after", str(self.more.get("retry_after", RETRY_SECONDS))),)
        return ()

    def document(self) -> bytes:
        """Return the problem document."""
        members: Mapping[str, Any] = {
            "type": f"urn:tenuto:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.more,
        }
        return msgspec.json.encode(members)


def problem_of(error: TenutoError) -> Problem:
    """Return what an error of the inner rooms is to an HTTP client."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Rejected):
        code = error.code if error.code in OF_ENGINE else why.NOT_APPLICABLE
        return Problem(code, error.message)
    if isinstance(error, Refused):
        reports = [report_of(report) for report in error.reports]
        return Problem("model-refused", str(error), reports=reports)
    if isinstance(error, ModelError):
        return Problem(
            "model-refused",
            str(error),
            errors=[
                {
                    "code": error.code,
                    "message": error.message,
                    "element": error.element,
                    "line": error.line,
                    "source": error.source,
                }
            ],
        )
    if isinstance(error, StoreError):
        return _of_store(error)
    for kind, code in (
        (ValueRefused, why.INVALID_VALUE),
        (FeelSyntaxError, "invalid-expression"),
        (InputError, "invalid-input"),
        (BudgetExceeded, "budget-exceeded"),
    ):
        if isinstance(error, kind):
            return Problem(code, str(error))
    return Problem("bug", "the server met an error that it did not expect")


def _of_store(error: StoreError) -> Problem:
    if isinstance(error, StoreFull):
        return Problem(why.STORE_FULL, str(error))
    if isinstance(error, StoreBusy):
        return Problem(why.STORE_BUSY, str(error))
    return Problem("store-failed", str(error))
