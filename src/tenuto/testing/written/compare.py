"""Expected and found values: when they agree, and how they are shown."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from tenuto import values
from tenuto.feel import Meter, Site
from tenuto.feel.compare import equal
from tenuto.values import TEMPORAL_TYPES, Date, DateAndTime

_SITE = Site("", 0)
SHOWN_MAX = 400


class Whole(NamedTuple):
    """A value that FEEL gave: it is compared whole, member by member."""

    value: Any


def agrees(expected: Any, found: Any) -> bool:
    """Tell whether a value is as expected.

    A context names the members to look at; lists agree item by item; numbers by value; null agrees
    with what is not there.
    """
    if isinstance(expected, Whole):
        return equal(expected.value, found, Meter(), _SITE) is True
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            agrees(member, found.get(name)) for name, member in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(expected) == len(found)
            and all(map(agrees, expected, found))
        )
    if expected is None or found is None:
        return expected is found
    return equal(expected, found, Meter(), _SITE) is True


def show(value: Any) -> str:
    """Return a value as a scenario would write it, cut where it is long.

    >>> show({"sla": "P3D", "paid": Decimal("1.50"), "lossDate": Date(2026, 3, 2)})
    '{sla: "P3D", paid: 1.5, lossDate: 2026-03-02}'
    """
    text = _show(value)
    return text if len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 3]}..."


def _show(value: Any) -> str:
    if isinstance(value, Whole):
        return _show(value.value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_show(member)}' for name, member in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_show, value))}]"
    if value is None or isinstance(value, str | bool | int | Decimal):
        return values.dumps(value)
    if isinstance(value, Date | DateAndTime):
        return str(value)
    if isinstance(value, TEMPORAL_TYPES):
        return f'=@"{value}"'
    return str(values.to_json(value))
