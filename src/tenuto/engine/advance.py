"""Advance: the pure core. A world, a state, a command and a time in; records, commands or a
rejection out.

`advance_instance` is the door for instances. Mailboxes, broadcasts, recurrences and the registry
have their own aggregates (`engine.mailbox`, …); `AGGREGATES` is the one dispatch table, by the kind
in the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tenuto.engine import rejections as why
from tenuto.engine.appliers import close_turn
from tenuto.engine.commands import Command, OfferMessage, StartInstance
from tenuto.engine.pausing import advance_paused
from tenuto.engine.play import play
from tenuto.engine.processors import PROCESSORS, offer_message
from tenuto.engine.records import Record
from tenuto.engine.rejections import Rejection
from tenuto.engine.state import InstanceState
from tenuto.engine.turn import Turn, Woken

if TYPE_CHECKING:
    from tenuto.engine.world import ProcessDefinition, World
    from tenuto.keys import KeyMint


class Outcome(NamedTuple):
    """What a turn gives: records already folded into the state, commands to send, new payloads
    to keep.
    """

    records: list[Record]
    commands: list[tuple[int, Command]]
    payloads: dict[bytes, bytes]
    woken: list[Woken]
    updated: list[tuple[int, str]]


def find_definition(world: World, command: StartInstance) -> ProcessDefinition | Rejection:
    """Return the version of the process that a start asks for."""
    found = (
        world.latest.get(command.process)
        if command.definition is None
        else world.definitions.get(command.definition)
    )
    if found is not None:
        return found
    known = ", ".join(sorted(world.latest)) or "none"
    return Rejection(
        why.UNKNOWN_PROCESS,
        f"expected a deployed process, but `{command.process}` is not; deployed: {known}",
    )


def advance_instance(
    world: World,
    state: InstanceState,
    command: Command,
    now: int,
    mint: KeyMint,
    payloads: dict[bytes, bytes],
) -> Outcome | Rejection:
    """Run one command to rest. The state is changed in place; after a rejection it is as it was.

    `payloads` gives the bytes of values kept by reference. `now` never runs backwards within an
    instance.
    """
    definition = None
    if isinstance(command, StartInstance):
        found = find_definition(world, command)
        if isinstance(found, Rejection):
            return found
        definition = found
        if state.version:
            return Rejection(why.ALREADY_EXISTS, f"instance {state.key} exists already")
        graph = definition.graph
    else:
        if not state.version:
            return Rejection(why.NOT_FOUND, f"expected instance {state.key}, but there is none")
        graph = world.definitions[state.definition].graph
    now = max(now, state.last_at)
    turn = Turn(world, state, graph, now, mint)
    turn.payloads = payloads
    if definition is not None:
        turn.definition = definition.number
    if not state.is_live and not isinstance(command, StartInstance):
        if isinstance(command, OfferMessage):
            offer_message(turn, command)
            return _finish(turn, now)
        return Rejection(
            why.NOT_ACTIVE,
            f"expected instance {state.key} to be active, but it is {state.status.value}",
        )
    rejection = _process(turn, command)
    if rejection is not None:
        assert not turn.records, f"{type(command).__name__} changed state and then refused"
        return rejection
    return _finish(turn, now)


def _process(turn: Turn, command: Command) -> Rejection | None:
    """Do what is asked and play to rest; a paused instance does not move."""
    processor = PROCESSORS.get(type(command))
    if processor is None:
        return Rejection(why.NOT_APPLICABLE, f"an instance knows no {type(command).__name__}")
    if turn.state.pause is None:
        rejection = processor(turn, command)
    else:
        rejection = advance_paused(turn, command, processor)
    if rejection is None and turn.state.pause is None:
        play(turn)
    return rejection


def _finish(turn: Turn, now: int) -> Outcome:
    close_turn(turn.state, now)
    return Outcome(turn.records, turn.commands, turn.kept, turn.woken, turn.updated)
