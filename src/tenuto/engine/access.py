"""Who is let in: tokens, kept by the digest of their secrets, in the registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tenuto.engine import commands as c
from tenuto.engine import records as r
from tenuto.engine import rejections as why
from tenuto.engine.rejections import Rejection
from tenuto.engine.settings import TOKEN_KINDS, Token

if TYPE_CHECKING:
    from tenuto.engine.named_turn import NamedTurn

# A session that has ended or expired is dropped when the next token is issued.
TOKENS_MAX = 10_000


def issue_token(turn: NamedTurn[Any], command: c.IssueToken) -> Rejection | None:
    """Let somebody in."""
    tokens = turn.state.tokens
    if command.id in tokens:
        return Rejection(
            why.ALREADY_EXISTS, f"expected a new token id, but `{command.id}` is there"
        )
    if command.kind not in TOKEN_KINDS or not command.name or not command.roles:
        return Rejection(
            why.INVALID_VALUE,
            f"expected a token of kind {' or '.join(sorted(TOKEN_KINDS))} with a name and a role, "
            f"got kind `{command.kind}`, name `{command.name}`, roles {list(command.roles)}",
        )
    stale = [token.id for token in tokens.values() if not token.is_valid(turn.now)]
    if len(tokens) - len(stale) >= TOKENS_MAX:
        return Rejection(
            why.INVALID_VALUE, f"expected at most {TOKENS_MAX} tokens; revoke one before"
        )
    for id in stale:
        turn.emit(r.TokenRevoked(id))
    turn.emit(
        r.TokenIssued(
            command.id,
            command.name,
            command.kind,
            command.roles,
            command.groups,
            command.job_types,
            command.digest,
            command.expires_at,
        )
    )
    turn.answer = {"token": command.id}
    return None


def revoke_token(turn: NamedTurn[Any], command: c.RevokeToken) -> Rejection | None:
    """Let the holder of a token in no more."""
    if command.id not in turn.state.tokens:
        return Rejection(why.NOT_FOUND, f"expected a token `{command.id}`, but there is none")
    turn.emit(r.TokenRevoked(command.id))
    return None


def _issued(state: Any, record: r.TokenIssued, at: int) -> None:
    state.tokens[record.id] = Token(
        record.id,
        record.name,
        record.kind,
        record.roles,
        record.groups,
        record.job_types,
        record.digest,
        at,
        record.expires_at,
    )


def _revoked(state: Any, record: r.TokenRevoked, at: int) -> None:
    state.tokens.pop(record.id, None)


APPLIERS: dict[type[r.Record], Callable[[Any, Any, int], None]] = {
    r.TokenIssued: _issued,
    r.TokenRevoked: _revoked,
}
PROCESSORS: dict[type[c.Command], Callable[[Any, Any], Rejection | None]] = {
    c.IssueToken: issue_token,
    c.RevokeToken: revoke_token,
}
