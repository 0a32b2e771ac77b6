"""Schedules as callers ask for them and see them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from tenuto import values
from tenuto.client.reading import Reading
from tenuto.client.requests import check_text, encode_variables
from tenuto.client.views import moment
from tenuto.engine import rejections as why
from tenuto.engine import schedule_commands as sc
from tenuto.engine.rows import AggregateRow
from tenuto.engine.schedule_state import ScheduleState, decode_state
from tenuto.errors import InputError, Rejected
from tenuto.keys import Kind, kind_of, named_key
from tenuto.schedules import (
    add,
    parse_duration,
    parse_instant,
    read_catch_up,
    read_schedule,
    write_catch_up,
    write_schedule,
)
from tenuto.store.codec import unpack_blob

PAGE = 100


class PlanRequest(Struct, frozen=True):
    """What a schedule shall start and when: plain data, as `tenuto.schedules` reads it."""

    process: str
    schedule: Mapping[str, Any]
    variables: Mapping[str, Any] | None = None
    overlap: str = "skip"
    catch_up: object = "last"
    pause_after: int = 0


class BackfillRequest(Struct, frozen=True):
    """A past range, as ISO 8601 instants: all of its ticks, the missing or the failed ones.

    With a `count`, so many start every `every`, an ISO 8601 duration; else all as fast as may be.
    """

    start: str
    end: str
    which: str = "all"
    reverse: bool = False
    count: int = 0
    every: str = "PT0S"


class RunView(Struct, frozen=True):
    """A run that goes on: its tick and its instance."""

    tick: str | None
    instance: str


class Triggered(Struct, frozen=True):
    """What a tick by hand came to: started, buffered, dropped or refused; its instance if it
    started.
    """

    status: str
    tick: str | None
    instance: str | None = None


class Backfilled(Struct, frozen=True):
    """How many ticks a backfill starts; a dry one tells them, any other has a number."""

    count: int
    ticks: list[str | None] | None = None
    backfill: int | None = None


class ScheduleView(Struct, frozen=True):
    """A schedule. `next_at` is when it has something to do next; `reason` why it is paused.

    `tag` changes when what it starts, or when, is changed.
    """

    name: str
    tag: str
    process: str
    variables: dict[str, Any]
    schedule: dict[str, Any]
    overlap: str
    catch_up: Any
    pause_after: int
    is_paused: bool
    reason: str
    next_at: str | None
    running: list[RunView]
    waiting: list[str | None]
    counts: dict[str, int]


def key_of(name: str) -> int:
    """Return the key of a schedule. Raises `InputError` for what is no name."""
    check_text("schedule name", name)
    return named_key(Kind.SCHEDULE, name)


def put_command(name: str, request: PlanRequest, expected: sc.Plan | None = None) -> sc.PutSchedule:
    """Return what creates a schedule or changes it; with `expected` only if it still has that plan.

    Raises `InputError`.
    """
    form = json.dumps(write_schedule(read_schedule(request.schedule)))
    caught = json.dumps(write_catch_up(read_catch_up(request.catch_up)))
    given = encode_variables(request.variables)
    plan = sc.Plan(form, request.process, given, request.overlap, caught, request.pause_after)
    return sc.PutSchedule(name, plan, expected)


def expected_plan(read: Reading, name: str, tag: str) -> sc.Plan:
    """Return the plan that a tag names. Raises `Rejected` when the schedule has another one now."""
    state = _state(read, name)
    if state is None or state.plan is None or tag_of(state.plan) != tag:
        raise Rejected(
            why.VERSION_MISMATCH,
            f"expected schedule {name} as it was read, but it was changed: read it again",
        )
    return state.plan


def tag_of(plan: sc.Plan) -> str:
    """Return what changes with a plan."""
    return hashlib.sha256(msgspec.msgpack.encode(plan, order="sorted")).hexdigest()[:16]


def backfill_command(request: BackfillRequest, *, dry_run: bool) -> sc.BackfillSchedule:
    """Return what starts the ticks of a past range. Raises `InputError`."""
    return sc.BackfillSchedule(
        parse_instant(request.start),
        parse_instant(request.end),
        request.which,
        request.reverse,
        request.count,
        _milliseconds(request.every),
        dry_run,
    )


def _milliseconds(text: str) -> int:
    try:
        lasts = add(0, parse_duration(text))
    except (OverflowError, ValueError, InputError):
        lasts = -1
    if lasts < 0:
        raise InputError(f"expected `every` to be a duration such as PT10M, got `{text[:40]}`")
    return lasts


def triggered(facts: Mapping[str, Any]) -> Triggered:
    """Return what a schedule answered to a trigger."""
    return Triggered(facts["status"], moment(facts["tick"]), facts.get("instance"))


def backfilled(facts: Mapping[str, Any]) -> Backfilled:
    """Return what a schedule answered to a backfill."""
    ticks = facts.get("ticks")
    told = None if ticks is None else [moment(tick) for tick in ticks]
    return Backfilled(facts["count"], told, facts.get("backfill"))


def read_schedules(read: Reading) -> list[ScheduleView]:
    """Return all schedules in order of their names. Their keys are the lowest of all."""
    found: list[ScheduleView] = []
    after: tuple[object, ...] | None = None
    while rows := read.reader.rows("aggregate", after=after, limit=PAGE):
        for row in rows:
            assert isinstance(row, AggregateRow), "the aggregate table holds aggregates"
            if kind_of(row.key) is not Kind.SCHEDULE:
                return sorted(found, key=lambda one: one.name)
            state = decode_state(unpack_blob(row.snapshot or b""))
            if state.plan is not None:
                found.append(schedule_view(state, state.plan))
            after = (row.key,)
    return sorted(found, key=lambda one: one.name)


def read_one(read: Reading, name: str) -> ScheduleView:
    """Return one schedule. Raises `Rejected` (not-found)."""
    state = _state(read, name)
    if state is None or state.plan is None:
        raise Rejected(
            why.NOT_FOUND,
            f"expected the name of a schedule, got `{name}`; see `tenuto schedule list`",
        )
    return schedule_view(state, state.plan)


def failed_ticks(read: Reading, name: str) -> list[int]:
    """Return the ticks whose last run failed, in Unix milliseconds; none without a schedule."""
    state = _state(read, name)
    return [] if state is None else list(state.failed)


def _state(read: Reading, name: str) -> ScheduleState | None:
    rows = read.reader.rows("aggregate", instance=key_of(name))
    if not rows:
        return None
    assert isinstance(rows[0], AggregateRow), "the aggregate table holds aggregates"
    state = decode_state(unpack_blob(rows[0].snapshot or b""))
    return state if state.name == name else None


def plain_variables(one: ScheduleView) -> ScheduleView:
    """Return a schedule that came as JSON with its variables as plain data."""
    plain = {name: values.to_python(value) for name, value in one.variables.items()}
    return msgspec.structs.replace(one, variables=plain)


def schedule_view(state: ScheduleState, plan: sc.Plan) -> ScheduleView:
    """Return a schedule as callers see it."""
    counts = state.counts
    return ScheduleView(
        state.name,
        tag_of(plan),
        plan.process,
        {name: values.to_python(values.decode(data)) for name, data in plan.variables.items()},
        json.loads(plan.form),
        plan.overlap,
        json.loads(plan.catch_up),
        plan.pause_after,
        state.is_paused,
        state.reason,
        moment(state.due_at),
        [RunView(moment(run.tick), str(key)) for key, run in state.runs.items()],
        [moment(tick) for tick in state.buffered],
        {name: getattr(counts, name) for name in counts.__struct_fields__},
    )
