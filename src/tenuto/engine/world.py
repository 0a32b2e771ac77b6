"""The registry as a turn sees it: immutable, at one version.

Graphs, decisions and who starts by what.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from tenuto.engine.settings import Token, Webhook
from tenuto.graph.events import EventMapping
from tenuto.graph.nodes import StartEvent
from tenuto.graph.process import ProcessGraph
from tenuto.graph.triggers import MessageTrigger, SignalTrigger, TimerTrigger

if TYPE_CHECKING:
    from tenuto.dmn import Model

DEFINITIONS_PER_DEPLOYMENT = 1024


class ProcessDefinition(Struct, frozen=True):
    """One version of one process. `number` names it in records."""

    number: int
    version: int
    graph: ProcessGraph


class DecisionDefinition(Struct, frozen=True):
    """One version of one decision of a model."""

    number: int
    version: int
    id: str
    model: Model


class StartSubscription(Struct, frozen=True):
    """A start event that a message or signal of some name triggers."""

    process: str
    definition: int
    node: str
    has_key: bool = False


class World(Struct, frozen=True):
    """What `advance` may know beside state and command."""

    version: int = 0
    definitions: Mapping[int, ProcessDefinition] = {}
    latest: Mapping[str, ProcessDefinition] = {}
    decisions: Mapping[str, DecisionDefinition] = {}
    decisions_by_number: Mapping[int, DecisionDefinition] = {}
    message_starts: Mapping[str, tuple[StartSubscription, ...]] = {}
    signal_starts: Mapping[str, tuple[StartSubscription, ...]] = {}
    tokens: Mapping[str, Token] = {}
    webhooks: Mapping[str, Webhook] = {}
    mappings: tuple[EventMapping, ...] = ()


def deployment_of(definition: int) -> int:
    """Return the number of the deployment that a definition came with."""
    return definition // DEFINITIONS_PER_DEPLOYMENT


def with_deployment(
    world: World,
    number: int,
    graphs: Iterable[ProcessGraph],
    models: Iterable[Model],
    mappings: Iterable[EventMapping] = (),
) -> World:
    """Return the world after deployment `number`: newer versions become the latest, and a file of
    event mappings takes the place of the one with its name.
    """
    definitions = dict(world.definitions)
    latest = dict(world.latest)
    decisions = dict(world.decisions)
    by_number = dict(world.decisions_by_number)
    base = number * DEFINITIONS_PER_DEPLOYMENT
    for index, graph in enumerate(graphs):
        before = latest.get(graph.id)
        definition = ProcessDefinition(
            number=base + index, version=before.version + 1 if before else 1, graph=graph
        )
        definitions[definition.number] = latest[graph.id] = definition
    for model in models:
        for id in dict.fromkeys(decision.id for decision in model.decisions.values()):
            known = decisions.get(id)
            entry = DecisionDefinition(
                number=base + len(by_number) % DEFINITIONS_PER_DEPLOYMENT,
                version=known.version + 1 if known else 1,
                id=id,
                model=model,
            )
            decisions[id] = entry
            by_number[entry.number] = entry
    return msgspec.structs.replace(
        world,
        version=number,
        definitions=definitions,
        latest=latest,
        decisions=decisions,
        decisions_by_number=by_number,
        message_starts=_starts(latest, MessageTrigger),
        signal_starts=_starts(latest, SignalTrigger),
        mappings=_with_mappings(world.mappings, tuple(mappings)),
    )


def _with_mappings(
    known: tuple[EventMapping, ...], newer: tuple[EventMapping, ...]
) -> tuple[EventMapping, ...]:
    files = {one.file for one in newer}
    return (*(one for one in known if one.file not in files), *newer)


def _starts(
    latest: Mapping[str, ProcessDefinition], kind: type[MessageTrigger] | type[SignalTrigger]
) -> dict[str, tuple[StartSubscription, ...]]:
    found: dict[str, tuple[StartSubscription, ...]] = {}
    for definition in latest.values():
        for id in definition.graph.starts:
            node = definition.graph.nodes[id]
            if isinstance(node, StartEvent) and isinstance(node.trigger, kind):
                name = str(node.trigger.name.constant)
                has_key = (
                    isinstance(node.trigger, MessageTrigger)
                    and node.trigger.correlation_key is not None
                )
                start = StartSubscription(definition.graph.id, definition.number, id, has_key)
                found[name] = (*found.get(name, ()), start)
    return found


def timer_starts(graph: ProcessGraph) -> list[StartEvent]:
    """Return the timer start events of a process, in model order."""
    nodes = (graph.nodes[id] for id in graph.starts)
    return [
        node
        for node in nodes
        if isinstance(node, StartEvent) and isinstance(node.trigger, TimerTrigger)
    ]
