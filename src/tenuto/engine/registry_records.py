"""Records of the registry and of what it told webhooks."""

from __future__ import annotations

from tenuto.engine.record import Record
from tenuto.engine.stored import Stored


class Deployed(Record, frozen=True, array_like=True, gc=False, tag=80):
    """Resources were deployed together: (name, kind, source) with the definition number of each."""

    number: int
    resources: tuple[tuple[str, str, Stored], ...]


class TokenIssued(Record, frozen=True, array_like=True, gc=False, tag=81):
    """Somebody was let in: `digest` is SHA-256 of the token's secret."""

    id: str
    name: str
    kind: str
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    job_types: tuple[str, ...]
    digest: bytes
    expires_at: int | None


class TokenRevoked(Record, frozen=True, array_like=True, gc=False, tag=82):
    """The holder of a token is let in no more."""

    id: str


class WebhookSubscribed(Record, frozen=True, array_like=True, gc=False, tag=83):
    """A URL is told what happens after `cursor`."""

    id: str
    url: str
    types: tuple[str, ...]
    processes: tuple[str, ...]
    allow_private: bool
    cursor: bytes


class WebhookEnded(Record, frozen=True, array_like=True, gc=False, tag=84):
    """A URL is told no more."""

    id: str
    reason: str


class WebhookAdvanced(Record, frozen=True, array_like=True, gc=False, tag=85):
    """A URL has been told everything up to `cursor`."""

    id: str
    cursor: bytes


RegistryRecord = (
    Deployed | TokenIssued | TokenRevoked | WebhookSubscribed | WebhookEnded | WebhookAdvanced
)
