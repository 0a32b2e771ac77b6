"""What JSON cannot say of a value: which of its texts are dates, times, durations or ranges.

Each is told by a JSON Pointer (RFC 6901) beside the data, so that a value comes back as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tenuto import feel, values
from tenuto.errors import FeelSyntaxError, InputError


def pointers_of(value: Any) -> list[str]:
    """Return where in a value JSON writes a temporal or a range as text.

    >>> pointers_of({"stay": {"from/to": [values.parse_date("2026-01-31"), 2]}})
    ['/stay/from~1to/0']
    """
    return list(_pointers(value, ""))


def restored(data: Any, pointers: Iterable[str]) -> Any:
    """Return the value of JSON data; the texts at `pointers` are read.

    Raises `InputError` for a pointer that leads to no such text.

    >>> str(restored({"day": "2026-01-31"}, ["/day"])["day"].year)
    '2026'
    """
    value = [values.from_json(data)]
    for pointer in pointers:
        holder: Any = value
        place: Any = 0
        try:
            for part in pointer.split("/")[1:]:
                holder = holder[place]
                name = part.replace("~1", "/").replace("~0", "~")
                place = int(name) if isinstance(holder, list) else name
            text = holder[place]
        except (LookupError, TypeError, ValueError):
            text = None
        if not isinstance(text, str):
            raise InputError(f"expected a JSON pointer of a text in the data, got `{pointer[:60]}`")
        holder[place] = _read(text)
    return value[0]


def _pointers(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            part = name.replace("~", "~0").replace("/", "~1")
            yield from _pointers(member, f"{place}/{part}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _pointers(item, f"{place}/{index}")
    elif isinstance(value, (values.Range, *values.TEMPORAL_TYPES)):
        yield place


def _read(text: str) -> Any:
    try:
        is_range = text.startswith(("[", "(", "]"))
        found = feel.compile(text).evaluate({}).value if is_range else values.parse_temporal(text)
    except FeelSyntaxError:
        found = None
    if not isinstance(found, (values.Range, *values.TEMPORAL_TYPES)):
        raise InputError(f"expected a date, time, duration or range, got `{text[:60]}`")
    return found
