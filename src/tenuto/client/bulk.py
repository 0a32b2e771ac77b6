"""Bulk: one thing done to all instances that match, in one call.

Each instance answers for itself: those that refuse are named with the reason and hinder no other.
Under an idempotency key the whole is done once: what a lost call had done is not done again, and
one that was answered is answered so again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec import Meta, Struct

from tenuto.client.forks import fork_request
from tenuto.client.requests import check_text, encode_variables
from tenuto.client.where import Text, Where, incidents_of, matching
from tenuto.engine import commands as c
from tenuto.engine import rejections as why
from tenuto.engine.rejections import Rejection
from tenuto.errors import InputError, Rejected
from tenuto.governance.tokens import mint_token
from tenuto.runtime.requests import Answer, Request, Result

if TYPE_CHECKING:
    from tenuto.client.reading import Reading

R = TypeVar("R")

BULK_MAX: Final = 1_000
SCOPE: Final = "bulk"
Action = Literal["cancel", "pause", "resume", "fork", "retry"]
ACTIONS: Final = ("cancel", "pause", "resume", "fork", "retry")
_encode = msgspec.json.Encoder(order="sorted", decimal_format="number").encode


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is to be done to whom.

    - `reason`: why, for the history of a cancel or a pause; with `at_once` a workflow does not
      clean up.
    - `retries`, `variables`: new attempts of a job that is retried, and what is set before; a fork
      gets the variables as arguments.
    - `from_step`: where a fork begins; the last step that failed unless given.
    - `limit`: at most so many instances, those after the key `after`; with `dry_run` they are only
      named.
    """

    action: Action
    where: Where
    reason: Annotated[str, Meta(max_length=1_000)] = ""
    at_once: bool = False
    retries: Annotated[int, Meta(ge=1, le=1_000)] = 1
    variables: dict[str, Any] = {}
    from_step: Text | None = None
    limit: Annotated[int, Meta(ge=1, le=BULK_MAX)] = BULK_MAX
    after: Text | None = None
    dry_run: bool = False


class Refused(Struct, frozen=True):
    """An instance to which it was not done, and why."""

    instance: str
    code: str
    message: str


class BulkResult(Struct, frozen=True):
    """What was done: of `matched` instances to `done` of them, which are `instances`.

    `next` is the key after which more may match. `started` are the forks by their originals.
    """

    operation: str
    action: str
    matched: int
    done: int
    refused: list[Refused]
    instances: list[str]
    next: str | None = None
    started: dict[str, str] = {}
    dry_run: bool = False


class Plan(NamedTuple):
    """The instances that match and what is asked for each; a refusal was found out before."""

    keys: list[int]
    next: int | None
    asked: dict[int, list[Request] | Rejection]


class Asks(Protocol):
    """What carries requests to the corridor."""

    async def ask_all(self, requests: list[Request]) -> list[Result]:
        """Ask many things at once; return answers and refusals in order."""

    async def kept(self, scope: str, key: str) -> tuple[bytes, bytes] | None:
        """Return the fingerprint and the answer under an idempotency key."""

    async def keep(self, scope: str, key: str, fingerprint: bytes, answer: bytes) -> None:
        """Keep an answer under an idempotency key."""


Look = Callable[[Callable[["Reading"], R]], Awaitable[R]]


class Kept(Struct, frozen=True):
    """What is kept of an operation: its instances when it began, its result when it was done."""

    keys: list[int]
    next: int | None
    result: BulkResult | None = None


async def carry_out(asks: Asks, look: Look[Any], order: Order, key: str | None) -> BulkResult:
    """Do what is ordered; `look` asks the database, on whichever thread.

    Raises `InputError`, and `Rejected` (key-reused).
    """
    order.where.check()
    if key is not None:
        check_text("idempotency key", key)
    operation = key or mint_token().id
    if order.dry_run:
        keys, following = await look(lambda read: _matching(read, order))
        return _result(operation, order, keys, following, [], {})
    fingerprint = hashlib.sha256(_encode(order)).digest()
    known = None if key is None else await _known(asks, key, fingerprint)
    if known is not None and known.result is not None:
        return known.result
    if known is None:
        keys, following = await look(lambda read: _matching(read, order))
        known = Kept(keys, following)
        if key is not None:
            await asks.keep(SCOPE, key, fingerprint, msgspec.json.encode(known))
    plan = await look(lambda read: _plan(read, order, known.keys, known.next, key))
    result = await _do(asks, order, plan, operation)
    if key is not None:
        done = msgspec.structs.replace(known, result=result)
        await asks.keep(SCOPE, key, fingerprint, msgspec.json.encode(done))
    return result


async def _known(asks: Asks, key: str, fingerprint: bytes) -> Kept | None:
    found = await asks.kept(SCOPE, key)
    if found is None:
        return None
    if found[0] != fingerprint:
        raise Rejected(
            why.KEY_REUSED,
            f"expected idempotency key `{key}` to come with the same payload as before, but it "
            "differs",
        )
    return msgspec.json.decode(found[1], type=Kept)


def _matching(read: Reading, order: Order) -> tuple[list[int], int | None]:
    after = None if order.after is None else _key(order.after)
    return matching(read, order.where, order.limit, after, stuck=order.action == "retry")


def _key(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise InputError(f"expected `after` to be an instance key, got `{text[:40]}`")
    return int(text)


def _plan(
    read: Reading, order: Order, keys: list[int], following: int | None, once: str | None
) -> Plan:
    asked: dict[int, list[Request] | Rejection] = {}
    for key in keys:
        try:
            requests = ASKED[order.action](read, key, order)
        except Rejected as refused:
            asked[key] = Rejection(refused.code, str(refused))
        except InputError as refused:
            asked[key] = Rejection("invalid-input", str(refused))
        else:
            asked[key] = [_once(one, once, key, n) for n, one in enumerate(requests)]
    return Plan(keys, following, asked)


def _once(request: Request, once: str | None, instance: int, number: int) -> Request:
    """Give a request of an operation a key of its own."""
    if once is None:
        return request
    key = hashlib.sha256(f"{once}\0{instance}\0{number}".encode()).hexdigest()
    print_of = hashlib.sha256(key.encode()).digest()
    return request._replace(idempotency_key=key, scope=SCOPE, fingerprint=print_of)


async def _do(asks: Asks, order: Order, plan: Plan, operation: str) -> BulkResult:
    """Ask for all instances at once, so that few commits take them."""
    flat = [
        (key, request)
        for key, requests in plan.asked.items()
        if isinstance(requests, list)
        for request in requests
    ]
    answers = await asks.ask_all([request for _, request in flat])
    refused = {key: one for key, one in plan.asked.items() if isinstance(one, Rejection)}
    started: dict[str, str] = {}
    for (key, _), answer in zip(flat, answers, strict=True):
        if isinstance(answer, Rejection):
            refused.setdefault(key, answer)
        elif order.action == "fork" and isinstance(answer, Answer):
            started[str(key)] = str(answer.key)
    named = [Refused(str(key), one.code, one.message) for key, one in refused.items()]
    return _result(operation, order, plan.keys, plan.next, named, started)


def _result(
    operation: str,
    order: Order,
    keys: list[int],
    following: int | None,
    refused: list[Refused],
    started: dict[str, str],
) -> BulkResult:
    not_done = {one.instance for one in refused}
    named = [str(key) for key in keys if str(key) not in not_done]
    return BulkResult(
        operation,
        order.action,
        len(keys),
        0 if order.dry_run else len(named),
        sorted(refused, key=lambda one: int(one.instance)),
        named,
        None if following is None else str(following),
        started,
        order.dry_run,
    )


def _cancel(read: Reading, key: int, order: Order) -> list[Request]:
    return [Request(key, c.CancelInstance(order.reason, order.at_once))]


def _pause(read: Reading, key: int, order: Order) -> list[Request]:
    return [Request(key, c.PauseInstance(order.reason))]


def _resume(read: Reading, key: int, order: Order) -> list[Request]:
    return [Request(key, c.ResumeInstance())]


def _fork(read: Reading, key: int, order: Order) -> list[Request]:
    return [fork_request(read, str(key), from_step=order.from_step, variables=order.variables)]


def _retry(read: Reading, key: int, order: Order) -> list[Request]:
    """Ask to resolve the incidents of an instance with what is changed."""
    variables: Mapping[str, bytes] = encode_variables(order.variables)
    found = incidents_of(read, key, order.where)
    if not found:
        raise Rejected(why.NOT_STUCK, f"expected instance {key} to be stuck, but it is not")
    commands = [c.ResolveIncident(row.incident, order.retries, dict(variables)) for row in found]
    return [Request(key, command) for command in commands]


ASKED: Final[dict[str, Callable[[Any, int, Order], list[Request]]]] = {
    "cancel": _cancel,
    "pause": _pause,
    "resume": _resume,
    "fork": _fork,
    "retry": _retry,
}
