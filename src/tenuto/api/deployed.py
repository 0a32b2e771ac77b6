"""What was deployed, read from the registry: deployments and the sources of processes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from tenuto import dmn
from tenuto.api.problems import Problem
from tenuto.client.recorded import source_of
from tenuto.deploy import BPMN, DMN, compile_sources
from tenuto.engine import rejections as why
from tenuto.engine.registry import REGISTRY, RegistryState, decode_state
from tenuto.engine.rows import AggregateRow
from tenuto.engine.world import DecisionDefinition, ProcessDefinition, World, deployment_of
from tenuto.store.codec import unpack_blob

if TYPE_CHECKING:
    from tenuto.client.reading import Reading


def registry_state(read: Reading) -> RegistryState:
    """Return the registry as it is committed; an empty one before the first deployment."""
    for row in read.reader.rows("aggregate", after=(REGISTRY - 1,), limit=1):
        assert isinstance(row, AggregateRow), "the aggregate table holds aggregates"
        if row.key == REGISTRY:
            return decode_state(unpack_blob(row.snapshot or b""))
    return RegistryState(REGISTRY)


def versions_of(world: World, process: str) -> list[ProcessDefinition]:
    """Return the versions of a process, oldest first. Raises `Problem` (unknown-process)."""
    found = [one for one in world.definitions.values() if one.graph.id == process]
    if not found:
        known = ", ".join(sorted(world.latest)[:20]) or "none"
        raise Problem(
            why.UNKNOWN_PROCESS,
            f"expected a deployed process, got `{process[:100]}`; deployed are {known}",
        )
    return sorted(found, key=lambda one: one.version)


def source_of_definition(read: Reading, definition: ProcessDefinition) -> bytes:
    """Return the BPMN file that a version of a process was deployed with.

    A deployment keeps files, not processes, so each of its files is read until one has it.
    """
    for name, source in _sources(read, definition.number, BPMN):
        if definition.graph.id in _process_ids(name, source):
            return source
    raise _without_source(definition.graph.id, definition.version, definition.number)


def source_of_decision(read: Reading, definition: DecisionDefinition) -> bytes:
    """Return the DMN file that a version of a decision was deployed with."""
    for _, source in _sources(read, definition.number, DMN):
        if definition.id in _decision_ids(source):
            return source
    raise _without_source(definition.id, definition.version, definition.number)


def _sources(read: Reading, number: int, wanted: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files of a kind that a definition was deployed with."""
    for deployment in registry_state(read).deployments:
        if deployment.number == deployment_of(number):
            for name, kind, stored in deployment.resources:
                if kind == wanted:
                    yield name, source_of(read, stored)


def _without_source(id: str, version: int, number: int) -> Problem:
    return Problem(
        why.NOT_FOUND,
        f"expected the source of `{id}` version {version}, but deployment "
        f"{deployment_of(number)} has none",
    )


@lru_cache(64)
def _process_ids(name: str, source: bytes) -> frozenset[str]:
    """Return which processes a BPMN file has; the same bytes have the same."""
    return frozenset(graph.id for graph in compile_sources([(name, BPMN, source)]).graphs)


@lru_cache(64)
def _decision_ids(source: bytes) -> frozenset[str]:
    """Return which decisions a DMN file has; the same bytes have the same."""
    return frozenset(one.id for one in dmn.load(source).decisions.values())
