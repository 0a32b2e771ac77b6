"""Warm aggregates: state that stays in memory between turns, and how it is loaded when it is not
there.

Warm state may be ahead of the database only between a turn and the commit of its batch; a batch
that fails evicts every aggregate that it touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import msgspec

from tenuto import values
from tenuto.engine.aggregates import AGGREGATES
from tenuto.engine.appliers import apply, close_turn
from tenuto.engine.mailbox import MailboxState, Message, Subscription
from tenuto.engine.queue_rows import fill_queue
from tenuto.engine.queue_state import QueueState
from tenuto.engine.records import decode_records
from tenuto.engine.rows import ON_OFFER, MessageRow, SubscriptionRow
from tenuto.engine.state import ROOT, InstanceState, decode_state
from tenuto.engine.stored import Encoded, PayloadRef, Variables
from tenuto.engine.turn import visible_variables
from tenuto.keys import kind_of
from tenuto.runtime.limits import BATCH_TURNS_MAX, WARM_AGGREGATES_MAX, WARM_RESTING_MAX
from tenuto.runtime.requests import Ended
from tenuto.store.codec import unpack_blob
from tenuto.store.headers import decode_header
from tenuto.store.port import Store, StoredInstance

NULL = values.encode(None)
PAYLOADS_KEPT = 32

# So many are looked at after a batch: more than it can have brought.
TRIMMED_AT_ONCE = 4 * BATCH_TURNS_MAX
_variables = msgspec.msgpack.Decoder(dict[str, bytes])
_taken = msgspec.msgpack.Decoder(tuple[dict[str, tuple[int, int]], list[tuple[int, int]]])


class WarmInstance:
    """An instance in memory, with the bytes of its payloads and the version of its stored
    snapshot.
    """

    __slots__ = ("payloads", "snapshot_version", "state")

    def __init__(self, state: InstanceState, snapshot_version: int) -> None:
        """Hold a state; its payloads are loaded by `Warm`."""
        self.state = state
        self.snapshot_version = snapshot_version
        self.payloads: dict[bytes, bytes] = {}

    @property
    def is_resting(self) -> bool:
        """Tell whether nothing is done for the instance: it waits for something outside."""
        return not self.state.jobs and not self.state.agenda

    def forget_payloads(self) -> None:
        """Forget what the state no longer refers to, such as outcomes that a workflow has seen."""
        if len(self.payloads) > PAYLOADS_KEPT:
            kept = set(references(self.state))
            self.payloads = {
                digest: data for digest, data in self.payloads.items() if digest in kept
            }

    def encoded(self, variables: Variables) -> Encoded:
        """Return the encoded bytes of stored values; of an erased one, null."""
        if not self.payloads:
            return variables  # type: ignore[return-value]  # no payloads, hence no references
        return {
            name: self.payloads.get(stored.digest, NULL)
            if isinstance(stored, PayloadRef)
            else stored
            for name, stored in variables.items()
        }

    def ended(self) -> Ended:
        """Return how the instance ended, with the variables of its process."""
        variables = self.encoded(visible_variables(self.state, ROOT))
        return Ended(self.state.key, self.state.status.value, variables)


def fold(stored: StoredInstance) -> WarmInstance:
    """Return the state of an instance: its snapshot and the turns after it."""
    row = stored.row
    if row.snapshot is None:
        state = InstanceState(row.key)
    else:
        state = decode_state(unpack_blob(row.snapshot))
    for header, blob in stored.tail:
        at = decode_header(header).now
        for record in decode_records(unpack_blob(blob)):
            apply(state, record, at)
        close_turn(state, at)
    assert state.version == row.version, f"instance {row.key}: {state.version} != {row.version}"
    return WarmInstance(state, row.snapshot_version)


def _is_pruned(stored: StoredInstance) -> bool:
    """Tell whether an instance has ended and its turns are gone: no command can move it."""
    return stored.row.ended_at is not None and any(blob is None for _, blob in stored.tail)


def references(state: InstanceState) -> list[bytes]:
    """Return the digests of payloads that a state refers to."""
    found = []
    for element in state.elements.values():
        values = [*element.variables.values()]
        if element.routine is not None:
            for update in element.routine.updates.values():
                values += [one for one in (update.value, update.error) if one is not None]
        if element.loop is not None:
            values += [*element.loop.outputs.values()]
            if element.loop.items is not None:
                values.append(element.loop.items)
        found += [value.digest for value in values if isinstance(value, PayloadRef)]
    return found


class Warm:
    """The aggregates in memory, least recently used first."""

    def __init__(
        self,
        store: Store,
        limit: int = WARM_AGGREGATES_MAX,
        resting: int = WARM_RESTING_MAX,
    ) -> None:
        """Begin cold; of at most `limit` instances `resting` may be such that only wait."""
        self._store = store
        self.limit = limit
        self.resting = resting
        self._instances: dict[int, WarmInstance] = {}
        self._named: dict[int, Any] = {}

    def instance(self, key: int) -> WarmInstance | None:
        """Return an instance, loading it if need be; nothing if there is none, or if it has ended
        and was pruned.
        """
        warm = self._instances.pop(key, None)
        if warm is None:
            self.prefetch((key,))
            warm = self._instances.pop(key, None)
            if warm is None:
                return None
        self._instances[key] = warm
        return warm

    def peek(self, key: int) -> WarmInstance | None:
        """Return an instance that is warm already."""
        return self._instances.get(key)

    def prefetch(self, keys: Iterable[int]) -> None:
        """Load those instances that are not warm, in one read."""
        cold = [key for key in keys if key not in self._instances]
        if not cold:
            return
        for stored in self._store.load_instances(cold):
            if _is_pruned(stored):
                continue
            warm = fold(stored)
            digests = references(warm.state)
            if digests:
                loaded = self._store.load_payloads(stored.row.key, digests)
                warm.payloads = {
                    digest: unpack_blob(data) for digest, data in loaded.items() if data is not None
                }
            self._instances[stored.row.key] = warm

    def begin(self, key: int) -> WarmInstance:
        """Return an instance that does not exist yet."""
        warm = WarmInstance(InstanceState(key), 0)
        self._instances[key] = warm
        return warm

    def named(self, key: int) -> Any:
        """Return the state of a named aggregate; one that nobody has used yet is new."""
        state = self._named.pop(key, None)
        if state is None:
            state = self._load_named(key)
        self._named[key] = state
        return state

    def _load_named(self, key: int) -> Any:
        aggregate = AGGREGATES[kind_of(key)]
        found = self._store.load_aggregates((key,))
        if not found:
            return aggregate.new(key)
        state = aggregate.decode(key, unpack_blob(found[0].snapshot or b""))
        state.version = found[0].version
        if isinstance(state, MailboxState):
            fill_mailbox(state, *self._store.load_mailbox(key))
        elif isinstance(state, QueueState):
            fill_queue(state, self._store.load_queue(key))
        return state

    def evict(self, keys: Iterable[int]) -> None:
        """Forget aggregates: their batch failed, or they ended."""
        for key in keys:
            self._instances.pop(key, None)
            self._named.pop(key, None)

    def trim(self) -> None:
        """Forget the least recently used aggregates above the limit, and sooner those that rest.

        An instance that is worked for goes behind those that were used last.
        """
        instances, named = self._instances, self._named
        surplus = len(instances) - self.resting
        if surplus > 0:
            for key in list(islice(instances, min(surplus, TRIMMED_AT_ONCE))):
                warm = instances.pop(key)
                if not warm.is_resting and len(instances) < self.limit:
                    instances[key] = warm
        if len(named) > self.limit:
            for key in list(islice(named, len(named) - self.limit)):
                del named[key]

    @property
    def count(self) -> int:
        """Return how many aggregates are in memory."""
        return len(self._instances) + len(self._named)


def fill_mailbox(
    state: MailboxState,
    subscriptions: Sequence[SubscriptionRow],
    messages: Sequence[MessageRow],
) -> None:
    """Put the rows of a mailbox into its state."""
    for one in subscriptions:
        state.subscriptions[(one.instance, one.subscription)] = Subscription(
            one.name, one.correlation_key, one.process, one.element_id, one.position, one.offered
        )
    for row in messages:
        taken, offers = _taken.decode(row.taken)
        state.messages[row.message] = Message(
            row.name,
            row.correlation_key,
            row.message_id,
            row.published_at,
            row.expires_at % ON_OFFER,
            _variables.decode(row.variables),
            taken,
            offers,
        )
