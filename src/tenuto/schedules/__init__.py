"""When something is due: timers of a process, and schedules that start again and again.

All of it is pure: `now` is always an argument, and instants are Unix milliseconds in UTC.
"""

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
    "Due",
    "Span",
    "add",
    "first_due",
    "next_due",
    "parse_duration",
    "parse_instant",
]
