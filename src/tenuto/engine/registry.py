"""The registry: deployments, in order; who is let in; who is told what happens.

The graphs are rebuilt from the sources, never trusted from disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct, field

from tenuto.engine import access, webhooks
from tenuto.engine import commands as c
from tenuto.engine import records as r
from tenuto.engine.named_turn import NamedTurn
from tenuto.engine.rejections import Rejection
from tenuto.engine.settings import Token, Webhook
from tenuto.engine.stored import PayloadRef, Stored, digest_of
from tenuto.engine.world import DEFINITIONS_PER_DEPLOYMENT, World, deployment_of, timer_starts
from tenuto.keys import Kind, named_key

REGISTRY = named_key(Kind.REGISTRY, "registry")


class Deployment(Struct, array_like=True):
    """Resources that were deployed together: (name, kind, stored source)."""

    number: int
    at: int
    resources: tuple[tuple[str, str, Stored], ...]


class RegistryState(Struct, array_like=True):
    """All deployments, oldest first; tokens and webhooks by id."""

    key: int
    version: int = 0
    deployments: list[Deployment] = field(default_factory=list)
    tokens: dict[str, Token] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)


encode_state = msgspec.msgpack.Encoder().encode
decode_state = msgspec.msgpack.Decoder(RegistryState).decode

Registry = NamedTurn[RegistryState]


def _deployed(state: RegistryState, record: r.Deployed, at: int) -> None:
    state.deployments.append(Deployment(record.number, at, record.resources))


APPLIERS: dict[type[r.Record], Callable[[RegistryState, Any, int], None]] = {
    r.Deployed: _deployed,
    **access.APPLIERS,
    **webhooks.APPLIERS,
}


def with_settings(world: World, state: RegistryState) -> World:
    """Return the world with the tokens and webhooks of the registry."""
    return msgspec.structs.replace(world, tokens=dict(state.tokens), webhooks=dict(state.webhooks))


def find_same(state: RegistryState, resources: tuple[tuple[str, str, Stored], ...]) -> int | None:
    """Return the newest deployment if it has exactly these resources."""
    if not state.deployments:
        return None
    newest = state.deployments[-1]
    same = fingerprint(newest.resources) == fingerprint(resources)
    return newest.number if same else None


def fingerprint(resources: tuple[tuple[str, str, Stored], ...]) -> list[tuple[str, str, bytes]]:
    """Return names, kinds and digests, sorted by name."""
    return sorted(
        (name, kind, stored.digest if isinstance(stored, PayloadRef) else digest_of(stored))
        for name, kind, stored in resources
    )


def deploy(turn: Registry, command: c.Deploy) -> Rejection | None:
    """Record a deployment and arm its start timers. `turn.world` is the world with it.

    Deploying what is newest already changes nothing and answers with its number.
    """
    known = find_same(turn.state, command.resources)
    if known is not None:
        turn.answer = {"deployment": known, "changed": False}
        return None
    number = next_deployment(turn.state)
    assert turn.world.version == number, f"expected the world {number}, got {turn.world.version}"
    turn.emit(r.Deployed(number, command.resources))
    _arm(turn, number)
    turn.answer = {"deployment": number, "changed": True}
    return None


def next_deployment(state: RegistryState) -> int:
    """Return the number that the next deployment gets."""
    return state.deployments[-1].number + 1 if state.deployments else 1


def _arm(turn: Registry, number: int) -> None:
    """Arm the timer start events of new versions; disarm those that the versions before had."""
    world: World = turn.world
    for definition in world.definitions.values():
        if deployment_of(definition.number) != number:
            continue
        process = definition.graph.id
        armed = [start.id for start in timer_starts(definition.graph)]
        before = _version_before(world, process, number)
        for start in () if before is None else timer_starts(before):
            if start.id not in armed:
                turn.send(_recurrence(process, start.id), c.ClearRecurrence())
        for id in armed:
            turn.send(_recurrence(process, id), c.SetRecurrence(process, id, definition.number))


def _recurrence(process: str, node: str) -> int:
    return named_key(Kind.RECURRENCE, process, node)


def _version_before(world: World, process: str, number: int) -> Any:
    older = [
        definition
        for definition in world.definitions.values()
        if definition.graph.id == process
        and definition.number < number * DEFINITIONS_PER_DEPLOYMENT
    ]
    return older[-1].graph if older else None


PROCESSORS: dict[type[c.Command], Callable[[Registry, Any], Rejection | None]] = {
    c.Deploy: deploy,
    **access.PROCESSORS,
    **webhooks.PROCESSORS,
}
