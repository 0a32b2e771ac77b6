"""The error tree: every exception that Tenuto raises on purpose.

    TenutoError
    ├── InputError            what came in cannot be used; the caller can mend it
    │   ├── ValueRefused      a value that no store may be asked to keep
    │   ├── ModelError        a BPMN or DMN file, with element id and line
    │   └── FeelSyntaxError   an expression, with line, column and a caret
    ├── Rejected              a command was refused; carries the stable rejection code
    ├── BudgetExceeded        an evaluation spent its steps, size or depth
    ├── StoreError            the database refused or failed
    │   ├── StoreBusy         another process holds it
    │   ├── StoreFull         no space left
    │   ├── StoreRefused      a batch that will never be accepted as it is
    │   ├── OutcomeUnknown    a commit that may or may not have happened; read the chain
    │   ├── StoreCorrupt      what was read is not what was written
    │   └── Unreachable       the server that holds the database gives no answer
    └── Sealed                another log has taken over; this node must stop

Messages state expectation, fact and remedy, and quote the key.
"""

from __future__ import annotations


class TenutoError(Exception):
    """Anything that Tenuto raises on purpose."""


class InputError(TenutoError):
    """What came in cannot be used; the caller can mend it."""


class ValueRefused(InputError):
    """A value that no store may be asked to keep."""


class ModelError(InputError):
    """A model file cannot be used; names the file, the element and the line where it knows them."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "invalid-model",
        element: str | None = None,
        line: int | None = None,
        source: str | None = None,
    ) -> None:
        """Keep the parts for machines and build the sentence for people."""
        super().__init__(message)
        self.message = message
        self.code = code
        self.element = element
        self.line = line
        self.source = source

    def __str__(self) -> str:
        """Return the message with its place in front."""
        place = ":".join(str(part) for part in (self.source, self.line) if part is not None)
        subject = f"{self.element}: " if self.element else ""
        return f"{place}: {subject}{self.message}" if place else f"{subject}{self.message}"


class FeelSyntaxError(InputError):
    """A FEEL text that does not parse; shows the place with a caret."""

    def __init__(self, message: str, *, text: str, line: int, column: int) -> None:
        """Lines and columns count from 1."""
        super().__init__(message)
        self.message = message
        self.text = text
        self.line = line
        self.column = column

    def __str__(self) -> str:
        """Return the message, the offending line and a caret below it."""
        lines = self.text.splitlines() or [""]
        shown = lines[min(self.line, len(lines)) - 1]
        place = f"line {self.line}, column {self.column}"
        return f"{self.message} ({place})\n  {shown}\n  {' ' * (self.column - 1)}^"


class Rejected(TenutoError):
    """A command was refused; `code` is stable and documented."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable code beside the sentence."""
        super().__init__(message)
        self.code = code
        self.message = message


class BudgetExceeded(TenutoError):
    """An evaluation spent its steps, size or depth before it had a value."""


class StoreError(TenutoError):
    """The database refused or failed."""


class StoreBusy(StoreError):
    """Another process holds the database."""


class StoreFull(StoreError):
    """The disk or the quota has no space left."""


class StoreRefused(StoreError):
    """The store will never accept this batch as it is; bisect it to find the guilty command."""


class OutcomeUnknown(StoreError):
    """A commit may or may not have happened; the chain row settles it."""


class StoreCorrupt(StoreError):
    """What was read is not what was written."""


class Unreachable(StoreError):
    """The server that holds the database gives no answer that can be used."""


class Sealed(StoreError):
    """Another log has taken over from this one; this node must stop deciding."""
