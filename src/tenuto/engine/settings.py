"""What the registry holds besides deployments: tokens and webhooks."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

API: Final = "api"
SESSION: Final = "session"
TOKEN_KINDS: Final = frozenset({API, SESSION})

ACTIVE: Final = "active"
ENDED: Final = "ended"


class Token(Struct, array_like=True, frozen=True):
    """One way in. `digest` is SHA-256 of the secret; times are Unix milliseconds."""

    id: str
    name: str
    kind: str
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    job_types: tuple[str, ...]
    digest: bytes
    issued_at: int
    expires_at: int | None = None

    def is_valid(self, now: int) -> bool:
        """Tell whether the token lets its holder in at `now`."""
        return self.expires_at is None or now < self.expires_at


class Webhook(Struct, array_like=True, frozen=True):
    """A URL that is told what happens after `cursor`. Empty `types` and `processes` mean all."""

    id: str
    url: str
    types: tuple[str, ...]
    processes: tuple[str, ...]
    allow_private: bool
    created_at: int
    status: str
    reason: str
    cursor: bytes
