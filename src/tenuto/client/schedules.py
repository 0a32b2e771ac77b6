"""Schedules as callers ask for them and see them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from tenuto.client.reading import Reading
from tenuto.client.requests import check_text, encode_variables
from tenuto.client.views import moment
from tenuto.engine import schedule_commands as sc
from tenuto.engine.rows import AggregateRow
from tenuto.engine.schedule_state import ScheduleState, decode_state
from tenuto.keys import Kind, kind_of, named_key
from tenuto.schedules import (
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
    """A past range, as ISO 8601 instants; `count` ticks start every `every` milliseconds."""

    start: str
    end: str
    which: str = "all"
    reverse: bool = False
    count: int = 0
    every: int = 0


class RunView(Struct, frozen=True):
    """A run that goes on: its tick and its instance."""

    tick: str | None
    instance: str


class ScheduleView(Struct, frozen=True):
    """A schedule. `next_at` is when it has something to do next; `reason` why it is paused."""

    name: str
    process: str
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


def put_command(name: str, request: PlanRequest) -> sc.PutSchedule:
    """Return what creates or changes a schedule. Raises `InputError`."""
    form = json.dumps(write_schedule(read_schedule(request.schedule)))
    caught = json.dumps(write_catch_up(read_catch_up(request.catch_up)))
    given = encode_variables(request.variables)
    plan = sc.Plan(form, request.process, given, request.overlap, caught, request.pause_after)
    return sc.PutSchedule(name, plan)


def backfill_command(request: BackfillRequest, *, dry_run: bool) -> sc.BackfillSchedule:
    """Return what starts the ticks of a past range. Raises `InputError`."""
    return sc.BackfillSchedule(
        parse_instant(request.start),
        parse_instant(request.end),
        request.which,
        request.reverse,
        request.count,
        request.every,
        dry_run,
    )


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


def schedule_view(state: ScheduleState, plan: sc.Plan) -> ScheduleView:
    """Return a schedule as callers see it."""
    counts = state.counts
    return ScheduleView(
        state.name,
        plan.process,
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
