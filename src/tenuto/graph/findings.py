"""Findings: what a check of a model has to say, with a stable code and the element it is about."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Severity(Enum):
    """What a finding means for the deployment."""

    ERROR = "error"
    WARNING = "warning"
    IGNORED = "ignored"


class Finding(Struct, frozen=True):
    """One thing found in a model; `code` is stable and documented, `line` counts from 1."""

    code: str
    message: str
    element: str | None = None
    line: int | None = None
    severity: Severity = Severity.ERROR
