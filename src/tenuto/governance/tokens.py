"""Tokens: `tnt_ID_SECRET`. The database keeps the id and the SHA-256 of the secret.

A secret has 256 random bits, so a slow hash would protect nothing that a quick one does not.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Final, NamedTuple

from tenuto.engine.settings import Token
from tenuto.governance.permits import Principal, permissions_of

PREFIX: Final = "tnt"
ID_BYTES: Final = 8
SECRET_BYTES: Final = 32
TEXT_LENGTH_MAX: Final = 128


class Minted(NamedTuple):
    """A new token: the text is shown once, the digest is kept."""

    id: str
    text: str
    digest: bytes


def mint_token() -> Minted:
    """Return a new token from the system's randomness."""
    id = secrets.token_hex(ID_BYTES)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    return Minted(id, f"{PREFIX}_{id}_{secret}", digest_of(secret))


def derived_token(id: str, key: bytes, credential: str) -> Minted:
    """Return the token of an id; its secret comes of a key and the credential of whoever asks.

    Asked again it is the same, so a lost answer can be given once more, and nobody keeps it: who
    has the key alone cannot tell it.
    """
    digest = hmac.new(key, f"{id}:{credential}".encode(), hashlib.sha256).digest()
    secret = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return Minted(id, f"{PREFIX}_{id}_{secret}", digest_of(secret))


def digest_of(secret: str) -> bytes:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def authenticate(text: str, tokens: Mapping[str, Token], now: int) -> Principal | None:
    """Return whom a token's text lets in at `now` (Unix milliseconds), or nobody."""
    if len(text) > TEXT_LENGTH_MAX or not text.isascii():
        return None
    prefix, _, rest = text.partition("_")
    id, _, secret = rest.partition("_")
    token = tokens.get(id) if prefix == PREFIX else None
    expected = token.digest if token is not None else b"\0" * 32
    is_right = hmac.compare_digest(digest_of(secret), expected)
    if token is None or not is_right or not token.is_valid(now):
        return None
    return principal_of(token)


def principal_of(token: Token) -> Principal:
    """Return whom a token stands for."""
    return Principal(
        token.name,
        token.id,
        token.roles,
        token.groups,
        token.job_types,
        permissions_of(token.roles),
    )


class LoginLinks:
    """One-time links: each code lets one browser in, once, for ten minutes after it was made."""

    LIFETIME_MS: Final = 600_000

    def __init__(self) -> None:
        """Begin with no link."""
        self._codes: dict[bytes, int] = {}

    def issue(self, now: int) -> str:
        """Return a new code."""
        code = secrets.token_urlsafe(SECRET_BYTES)
        self._codes = {known: ends for known, ends in self._codes.items() if ends > now}
        self._codes[digest_of(code)] = now + self.LIFETIME_MS
        return code

    def redeem(self, code: str, now: int) -> bool:
        """Use up a code; tell whether it lets in."""
        return self._codes.pop(digest_of(code), 0) > now
