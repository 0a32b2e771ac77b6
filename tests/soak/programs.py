"""Programs of the soak, drawn from a seed, and what each of them comes to without faults."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

CANCELED_OF = 12
DEPTH_MAX = 3
LEAVES = (
    "number",
    "plain",
    "write",
    "write",
    "narrow",
    "keyed",
    "sleep",
    "told",
    "publish",
    "saga",
)
BRANCHES = ("in order", "at once", "race", "child", "cancel", "late")
MANY = ("in order", "at once")


class Made(NamedTuple):
    """A program under its name; one of None waits until it is canceled."""

    place: str
    program: list[Any] | None


def program_at(seed: int, count: int) -> Made:
    """Return program number `count` of a seed."""
    chance = random.Random(f"{seed}/{count}")
    place = f"p{count}"
    if chance.randrange(CANCELED_OF) == 0:
        return Made(place, None)
    return Made(place, _part(chance, 0))


def _part(chance: random.Random, depth: int) -> list[Any]:
    if depth < DEPTH_MAX and chance.random() < 0.55 - 0.12 * depth:
        kind = chance.choice(BRANCHES)
        many = chance.randint(1, 3) if kind in MANY else 1
        return [kind, *(_part(chance, depth + 1) for _ in range(many))]
    kind = chance.choice(LEAVES)
    if kind == "write":
        return [kind]
    if kind == "saga":
        return [kind, chance.randint(0, 3)]
    return [kind, chance.randint(0, 400 if kind == "sleep" else 9)]


class Outcome(NamedTuple):
    """What a program leaves: its result, rows in the user's database, and messages it needs."""

    result: Any
    effects: list[str]
    messages: dict[str, int]


def outcome_of(made: Made) -> Outcome:
    """Return what a program comes to."""
    effects: list[str] = []
    messages: dict[str, int] = {}
    if made.program is None:
        return Outcome(None, [f"{made.place}.began", f"{made.place}.ended"], messages)
    return Outcome(_result(made.program, made.place, effects, messages), effects, messages)


def _result(program: list[Any], place: str, effects: list[str], messages: dict[str, int]) -> Any:
    kind, *rest = program
    parts = [
        _result(part, f"{place}.{index}", effects, messages)
        for index, part in enumerate(rest)
        if isinstance(part, list)
    ]
    if kind == "write":
        effects.append(place)
    elif kind == "told":
        messages[place] = rest[0]
    elif kind == "saga":
        done = [f"{place}.{index}" for index in range(rest[0])]
        effects += done + [f"{one}.undo" for one in done]
    return RESULTS[kind](rest, parts, place)


RESULTS = {
    "number": lambda rest, parts, place: rest[0] * 2,
    "plain": lambda rest, parts, place: rest[0] + 1,
    "write": lambda rest, parts, place: place,
    "narrow": lambda rest, parts, place: rest[0],
    "keyed": lambda rest, parts, place: rest[0],
    "in order": lambda rest, parts, place: parts,
    "at once": lambda rest, parts, place: parts,
    "race": lambda rest, parts, place: ["part", parts[0]],
    "sleep": lambda rest, parts, place: "slept",
    "child": lambda rest, parts, place: parts[0],
    "told": lambda rest, parts, place: rest[0],
    "publish": lambda rest, parts, place: rest[0],
    "saga": lambda rest, parts, place: ["undone", place],
    "cancel": lambda rest, parts, place: [True, parts],
    "late": lambda rest, parts, place: [parts[0], "late"],
}
