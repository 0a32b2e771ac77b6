"""When something is due: timers of a process, and schedules that start again and again.

All of it is pure: `now` is always an argument, and instants are Unix milliseconds in UTC.
"""

from tenuto.schedules.forms import read_schedule, write_schedule
from tenuto.schedules.recurrence import Business, Interval, Roll, Rule, Schedule
from tenuto.schedules.ticks import due_at, each_tick, next_tick, tick_key, ticks
from tenuto.schedules.timers import (
    MS_MAX,
    NANOS_PER_MS,
    Due,
    Span,
    add,
    first_due,
    next_due,
    parse_duration,
    parse_instant,
)

__all__ = [
    "MS_MAX",
    "NANOS_PER_MS",
    "Business",
    "Due",
    "Interval",
    "Roll",
    "Rule",
    "Schedule",
    "Span",
    "add",
    "due_at",
    "each_tick",
    "first_due",
    "next_due",
    "next_tick",
    "parse_duration",
    "parse_instant",
    "read_schedule",
    "tick_key",
    "ticks",
    "write_schedule",
]
