"""When something is due: timers of a process, and schedules that start again and again.

All of it is pure: `now` is always an argument, and instants are Unix milliseconds in UTC.
"""

from tenuto.schedules.backfills import BACKFILL_MAX, Backfill, Chunk, Rate, Which, backfill
from tenuto.schedules.catch_up import (
    LAST,
    MISSED_MAX,
    NOTHING,
    CatchUp,
    Everything,
    Latest,
    Younger,
    missed,
    read_catch_up,
    write_catch_up,
)
from tenuto.schedules.forms import read_schedule, write_schedule
from tenuto.schedules.nominal import due_at, each_tick, next_tick, tick_key, ticks
from tenuto.schedules.overlaps import BUFFER_MAX, Act, Decision, Overlap, overlap, run_ended
from tenuto.schedules.recurrence import Business, Interval, Roll, Rule, Schedule
from tenuto.schedules.timers import (
    MS_MAX,
    NANOS_PER_MS,
    Due,
    Span,
    add,
    first_due,
    next_due,
    parse_duration,
    parse_fixed,
    parse_instant,
    write_duration,
)

__all__ = [
    "BACKFILL_MAX",
    "BUFFER_MAX",
    "LAST",
    "MISSED_MAX",
    "MS_MAX",
    "NANOS_PER_MS",
    "NOTHING",
    "Act",
    "Backfill",
    "Business",
    "CatchUp",
    "Chunk",
    "Decision",
    "Due",
    "Everything",
    "Interval",
    "Latest",
    "Overlap",
    "Rate",
    "Roll",
    "Rule",
    "Schedule",
    "Span",
    "Which",
    "Younger",
    "add",
    "backfill",
    "due_at",
    "each_tick",
    "first_due",
    "missed",
    "next_due",
    "next_tick",
    "overlap",
    "parse_duration",
    "parse_fixed",
    "parse_instant",
    "read_catch_up",
    "read_schedule",
    "run_ended",
    "tick_key",
    "ticks",
    "write_catch_up",
    "write_duration",
    "write_schedule",
]
