"""Admission: which instance a start becomes, and whether it was asked before.

Uniqueness lives in one slot: a start with a unique business key or an idempotency key is decided in
the slot of that key's hash (business key first), and its instance lives there. A repeat with the
same payload gets the first answer again; the same key with another payload is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tenuto import values
from tenuto.engine import rejections as why
from tenuto.engine.commands import Lookalike, StartInstance, encode_command
from tenuto.engine.natural_keys import natural_digest, near_text
from tenuto.engine.rejections import Rejection
from tenuto.engine.rows import DedupeRow, NaturalKeyRow
from tenuto.keys import slot_of_text
from tenuto.runtime.limits import KEY_LENGTH_MAX
from tenuto.runtime.requests import Answer

if TYPE_CHECKING:
    from tenuto.engine.index import RowChanges
    from tenuto.engine.world import ProcessDefinition, World
    from tenuto.graph.data import Formula
    from tenuto.runtime.requests import Request
    from tenuto.store.port import Store

DedupeKey = tuple[str, str]

BUSINESS_KEY = "business-key:"
# Ids of workflows: the fingerprint says what is started, and for a start that wants to be the only
# one, beyond that length, who asks.
WORKFLOW_ID = "workflow-id"
WHOLE = 32
START_TAG = 1
REQUEST = "request"
_facts: msgspec.msgpack.Decoder[dict[str, Any]] = msgspec.msgpack.Decoder(dict[str, Any])


class Admission(NamedTuple):
    """What a start is known by.

    `dedupe` are the keys that must be free; `natural` its natural key.
    """

    command: StartInstance
    slot: int
    dedupe: tuple[DedupeKey, ...]
    fingerprint: bytes
    natural: tuple[str, bytes] | None
    near: str | None


class _Decoded(Mapping[str, Any]):
    """The variables of a start, decoded on access."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = variables

    def __getitem__(self, name: str) -> Any:
        return values.decode(self._variables[name])

    def __iter__(self) -> Any:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


def admit(world: World, request: Request, any_slot: int) -> Admission | Rejection:
    """Return what a start is known by, or why it cannot be known."""
    command = request.command
    assert isinstance(command, StartInstance), "only starts are admitted"
    definition = world.latest.get(command.process)
    unique = request.unique
    graph = definition.graph if definition is not None else None
    has_rules = graph is not None and (graph.business_key or graph.natural_key)
    if command.business_key is None and request.idempotency_key is None and not has_rules:
        return Admission(command, any_slot, (), b"", None, None)
    if definition is not None and definition.graph.business_key is not None:
        command = _with_business_key(definition.graph.business_key, command)
        unique = unique or command.business_key is not None
    for what, key in (
        ("business key", command.business_key),
        ("idempotency key", request.idempotency_key),
    ):
        refused = check_key(what, key)
        if refused is not None:
            return refused
    dedupe: list[DedupeKey] = []
    if unique and command.business_key is not None:
        dedupe.append((f"{BUSINESS_KEY}{command.process}", command.business_key))
    if request.idempotency_key is not None:
        dedupe.append((request.scope or f"start:{command.process}", request.idempotency_key))
    natural, near = _natural_key(definition, command)
    slot = slot_of_text(*dedupe[0]) if dedupe else any_slot
    print_of = (request.fingerprint or _fingerprint(command)) if dedupe else b""
    return Admission(command, slot, tuple(dedupe), print_of, natural, near)


def check_key(what: str, key: str | None) -> Rejection | None:
    """Refuse a key that some store could not hold, the same for every store."""
    if key is None:
        return None
    if not key or len(key) > KEY_LENGTH_MAX or "\x00" in key or _has_surrogate(key):
        return Rejection(
            why.INVALID_VALUE,
            f"expected a {what} of 1 to {KEY_LENGTH_MAX} characters without NUL or surrogates, "
            f"got {len(key)} characters beginning `{key[:40]!r}`",
        )
    return None


def _has_surrogate(text: str) -> bool:
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _with_business_key(source: Formula, command: StartInstance) -> StartInstance:
    """Return a start with the business key that its process declares."""
    if command.business_key is not None or source.expression is None:
        return command
    found = source.expression.evaluate(_Decoded(command.variables)).value
    if found is None:
        return command
    return msgspec.structs.replace(command, business_key=str(found))


def _natural_key(
    definition: ProcessDefinition | None, command: StartInstance
) -> tuple[tuple[str, bytes] | None, str | None]:
    rule = definition.graph.natural_key if definition is not None else None
    if rule is None:
        return None, None
    variables = _Decoded(command.variables)
    digest = natural_digest(rule, variables)
    if digest is None:
        return None, None
    return (command.process, digest), near_text(rule, variables)


# What a start had when the first fingerprints were kept: fields that came later count when given.
_FIRST_FIELDS = 11
_SECOND_FIELDS = 14


def _fingerprint(command: StartInstance) -> bytes:
    plain = msgspec.structs.replace(command, lookalikes=())
    fields = msgspec.structs.astuple(plain)
    later = list(fields[_SECOND_FIELDS:])
    while later and not later[-1]:
        later.pop()
    second = list(fields[_FIRST_FIELDS:_SECOND_FIELDS])
    kept = [START_TAG, *fields[:_FIRST_FIELDS], *(second if any(second) or later else ()), *later]
    return hashlib.sha256(msgspec.msgpack.encode(kept)).digest()


def _request_key(request: Request) -> DedupeKey:
    assert request.idempotency_key is not None, "only a request with a key is looked up"
    return (request.scope or REQUEST, request.idempotency_key)


def _request_fingerprint(request: Request) -> bytes:
    if request.fingerprint is not None:
        return request.fingerprint
    receiver = request.receiver.to_bytes(8, "big", signed=True)
    return hashlib.sha256(receiver + encode_command(request.command)).digest()


class Known:
    """The used keys that matter to a row of batches: read once, then kept current as they go.

    It knows nothing of a batch that failed: begin anew after one. `ahead` is how many of the items
    that come next were looked at already.
    """

    def __init__(self, store: Store, world: World) -> None:
        """Begin with nothing read, under one world."""
        self.world = world
        self.ahead = 0
        self._store = store
        self._admitted: dict[int, tuple[Request, Admission | Rejection]] = {}
        self._unread: list[Admission] = []
        self._expected: dict[DedupeKey, None] = {}
        self._dedupe: dict[DedupeKey, DedupeRow | None] = {}
        self._natural: dict[tuple[str, bytes], list[NaturalKeyRow]] = {}

    def admit(self, request: Request, any_slot: int) -> Admission | Rejection:
        """Return what a start is known by; the answer is kept with its request."""
        entry = self._admitted.get(id(request))
        if entry is not None:
            return entry[1]
        found = admit(self.world, request, any_slot)
        self._admitted[id(request)] = (request, found)
        if isinstance(found, Admission) and (found.dedupe or found.natural):
            self._unread.append(found)
        return found

    def expect(self, request: Request) -> None:
        """Read the idempotency key of a request that is no start with all the others."""
        key = _request_key(request)
        if check_key("idempotency key", key[1]) is None and key not in self._dedupe:
            self._expected[key] = None

    def answered(self, request: Request) -> Answer | Rejection | None:
        """Return the answer of an equal earlier request, why this one is refused, or nothing if
        it is new.
        """
        key = _request_key(request)
        refused = check_key("idempotency key", key[1])
        if refused is not None:
            return refused
        if key not in self._dedupe:
            self._expected[key] = None
            self.read()
        row = self._dedupe[key]
        if row is None:
            return None
        if row.fingerprint != _request_fingerprint(request):
            return Rejection(
                why.KEY_REUSED,
                f"expected idempotency key `{key[1]}` to come with the same payload as before, "
                "but it differs",
            )
        return Answer(request.receiver, {**_facts.decode(row.answer), "repeated": True})

    def keep(self, request: Request, answer: Answer, at: int, rows: RowChanges) -> None:
        """Keep what a request with an idempotency key was answered."""
        key = _request_key(request)
        facts = msgspec.msgpack.encode(answer.facts)
        row = DedupeRow(*key, _request_fingerprint(request), facts, None, at)
        self._dedupe[key] = row
        rows.change("dedupe", key, row)

    def read(self) -> None:
        """Read the rows of the keys that the items of a batch bring, all at once."""
        if not self._unread and not self._expected:
            return
        keys: list[DedupeKey] = list(self._expected)
        self._expected.clear()
        naturals: list[tuple[str, bytes]] = []
        for admission in self._unread:
            keys.extend(admission.dedupe)
            if admission.natural is not None:
                naturals.append(admission.natural)
        self._unread.clear()
        if keys:
            self._dedupe.update(dict.fromkeys(keys))
            for row in self._store.load_dedupe(keys):
                self._dedupe[(row.scope, row.key)] = row
        if naturals:
            for natural in naturals:
                self._natural.setdefault(natural, [])
            for found in self._store.load_natural_keys(list(dict.fromkeys(naturals))):
                self._natural[(found.process, found.digest)].append(found)

    def repeat(self, admission: Admission) -> int | Rejection | None:
        """Return the instance of an equal earlier start, why this one is refused, or nothing if
        it is new.
        """
        for scope, key in admission.dedupe:
            row = self._dedupe.get((scope, key))
            if row is None:
                continue
            if not scope.startswith(BUSINESS_KEY):
                if row.fingerprint == admission.fingerprint:
                    return row.instance
                if (
                    scope == WORKFLOW_ID
                    and row.fingerprint[:WHOLE] == admission.fingerprint[:WHOLE]
                ):
                    if len(admission.fingerprint) == WHOLE:
                        return row.instance
                    return Rejection(
                        why.DUPLICATE_BUSINESS_KEY,
                        f"expected id `{key}` to be new, but instance {row.instance} has it",
                    )
                return Rejection(
                    why.KEY_REUSED,
                    f"expected idempotency key `{key}` to come with the same payload as before, "
                    f"but it differs; instance {row.instance} has it",
                )
            if not self._has_equal_start(admission):
                return Rejection(
                    why.DUPLICATE_BUSINESS_KEY,
                    f"expected business key `{key}` to be new, but instance {row.instance} has it",
                )
        return None

    def _has_equal_start(self, admission: Admission) -> bool:
        """Tell whether the idempotency key says that this is the same start again."""
        for scope, key in admission.dedupe:
            row = self._dedupe.get((scope, key))
            if not scope.startswith(BUSINESS_KEY) and row is not None:
                return row.fingerprint == admission.fingerprint
        return False

    def lookalikes(self, admission: Admission) -> tuple[Lookalike, ...]:
        """Return the earlier instances with an equal natural key, oldest first."""
        if admission.natural is None:
            return ()
        found = self._natural.get(admission.natural, [])
        ordered = sorted(found, key=lambda row: row.instance)
        return tuple(Lookalike(row.business_key or str(row.instance), row.near) for row in ordered)

    def accept(self, admission: Admission, instance: int, at: int, rows: RowChanges) -> None:
        """Keep the keys of a start that was accepted."""
        for scope, key in admission.dedupe:
            row = DedupeRow(scope, key, admission.fingerprint, b"", instance, at)
            self._dedupe[(scope, key)] = row
            rows.change("dedupe", (scope, key), row)
        if admission.natural is not None:
            process, digest = admission.natural
            business_key = admission.command.business_key
            natural = NaturalKeyRow(process, digest, instance, business_key, admission.near)
            self._natural.setdefault(admission.natural, []).append(natural)
            rows.change("natural_key", (process, digest, instance), natural)
