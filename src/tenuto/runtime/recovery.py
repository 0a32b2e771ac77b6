"""Recovery: from a database, possibly left by a killed process, to a corridor that is ready to run.

Nothing is replayed as a whole: instances load when a command names them. What is read at the start
is the registry (its sources are compiled anew), the outbox, and the jobs whose process died.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tenuto.engine import commands as c
from tenuto.engine.registry import REGISTRY, RegistryState, with_settings
from tenuto.engine.stored import PayloadRef, Stored
from tenuto.engine.world import World, with_deployment
from tenuto.runtime import desk
from tenuto.runtime.batch import Hop, Item
from tenuto.runtime.limits import CRASHES_ALONE_MAX
from tenuto.runtime.loop import Corridor
from tenuto.store.codec import unpack_blob

if TYPE_CHECKING:
    from tenuto.runtime.clock import Clock
    from tenuto.runtime.requests import Compiled
    from tenuto.store.port import Store

Sources = Sequence[tuple[str, str, bytes]]
Compile = Callable[[Sources], "Compiled"]


def recover(store: Store, clock: Clock, compile_sources: Compile, *, node: str) -> Corridor:
    """Open a log on a store and return its corridor.

    `compile_sources` turns (name, kind, source) into graphs and decision models; the runtime knows
    no front end. Raises `StoreBusy` when another process owns the database.
    """
    head = store.open_log(node=node, at=clock.now())
    corridor = Corridor(store, clock, head, World())
    corridor.world = load_world(corridor, compile_sources)
    _reload_outbox(corridor)
    _take_orphans(corridor)
    desk.restore(corridor)
    return corridor


def load_world(corridor: Corridor, compile_sources: Compile) -> World:
    """Return the registry's world: every deployment, compiled from its sources."""
    state = corridor.warm.named(REGISTRY)
    assert isinstance(state, RegistryState), "the registry's key names the registry"
    world = with_settings(World(), state)
    for deployment in state.deployments:
        sources = [
            (name, kind, _source(corridor.store, stored))
            for name, kind, stored in deployment.resources
        ]
        compiled = compile_sources(sources)
        world = with_deployment(
            world, deployment.number, compiled.graphs, compiled.models, compiled.mappings
        )
    return world


def _source(store: Store, stored: Stored) -> bytes:
    if not isinstance(stored, PayloadRef):
        return stored
    data = store.load_payloads(REGISTRY, (stored.digest,)).get(stored.digest)
    assert data is not None, f"the source {stored.digest.hex()} of a deployment is missing"
    return unpack_blob(data)


def _reload_outbox(corridor: Corridor) -> None:
    """Take up the commands that were on their way; they are few, or the last commit was a wide
    one.
    """
    for row in corridor.store.outbox(1 << 31):
        command = c.decode_command(row.command)
        corridor.hops.append(Hop(row.sender, row.receiver, row.number, command, stored=True))
        corridor.next_hop = max(corridor.next_hop, row.number + 1)


def _take_orphans(corridor: Corridor) -> None:
    """Make the jobs of dead processes ready again, under a cap; a proven killer becomes an
    incident.
    """
    orphans = corridor.store.orphaned_jobs(corridor.head.log, 1 << 31)
    newest = max((row.log or 0 for row in orphans), default=0)
    last_life = [row for row in orphans if row.log == newest]
    alone = len(last_life) == 1
    for row in orphans:
        crashes = row.crashes + 1 if alone and row.log == newest else row.crashes
        if crashes >= CRASHES_ALONE_MAX:
            crash = c.CrashJob(row.element, crashes)
            corridor.retry.append(Item(row.instance, crash))
        else:
            corridor.leases.orphan(row._replace(crashes=crashes))
    suspects = [(row.instance, row.element) for row in last_life]
    corridor.leases.suspect([key for key in suspects if key in corridor.leases.orphans])
