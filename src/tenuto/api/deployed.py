"""What was deployed, read from the registry: deployments and the sources of processes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tenuto.api.problems import Problem
from tenuto.client.recorded import source_of
from tenuto.deploy import BPMN, compile_sources
from tenuto.engine import rejections as why
from tenuto.engine.registry import REGISTRY, RegistryState, decode_state
from tenuto.engine.rows import AggregateRow
from tenuto.engine.world import ProcessDefinition, World, deployment_of
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
    number = deployment_of(definition.number)
    for deployment in registry_state(read).deployments:
        if deployment.number != number:
            continue
        for name, kind, stored in deployment.resources:
            if kind != BPMN:
                continue
            source = source_of(read, stored)
            if definition.graph.id in _process_ids(name, source):
                return source
    raise Problem(
        why.NOT_FOUND,
        f"expected the source of `{definition.graph.id}` version {definition.version}, but "
        f"deployment {number} has none",
    )


@lru_cache(64)
def _process_ids(name: str, source: bytes) -> frozenset[str]:
    """Return which processes a BPMN file has; the same bytes have the same."""
    return frozenset(graph.id for graph in compile_sources([(name, BPMN, source)]).graphs)
