"""How work elsewhere fails: each error names the run and where people look at it."""

from __future__ import annotations

from tenuto.errors import TenutoError


class ElsewhereError(TenutoError):
    """Work in another engine went wrong: which engine, which run, where to look at it."""

    def __init__(self, engine: str, run: str, state: str, link: str, reason: str = "") -> None:
        """Keep the parts; the sentence is made of them."""
        super().__init__(engine, run, state, link, reason)
        self.engine = engine
        self.run = run
        self.state = state
        self.link = link
        self.reason = reason

    def __str__(self) -> str:
        """Return what was expected, what came, and where to look."""
        why = f": {self.reason}" if self.reason else ""
        return (
            f"expected the {self.engine} run `{self.run}` to succeed, but it is "
            f"{self.state}{why}; see {self.link}"
        )


class RunFailed(ElsewhereError):
    """The run ended without success, by itself."""


class RunStopped(ElsewhereError):
    """Somebody there ended the run before it was done, or threw it away."""


class Refused(TenutoError):
    """The other engine does not accept a request, and never will as it is."""

    def __init__(self, engine: str, status: int, url: str, reason: str = "") -> None:
        """Keep the parts; the sentence is made of them."""
        super().__init__(engine, status, url, reason)
        self.engine = engine
        self.status = status
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        """Return what was asked and what was answered."""
        why = f": {self.reason}" if self.reason else ""
        return f"expected {self.engine} to accept {self.url}, but it answered {self.status}{why}"


class Away(TenutoError):
    """The other engine gives no answer now, or none that can be used; it is asked again."""
