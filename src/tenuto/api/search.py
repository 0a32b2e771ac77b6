"""Finding instances: by key, by business key, by time, and by what their variables are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from tenuto import values
from tenuto.api.keys import instance_number
from tenuto.api.pages import SCAN_MAX
from tenuto.api.problems import Problem
from tenuto.api.rendering import encoded_json, stored_json
from tenuto.engine import rejections as why
from tenuto.engine.state import ROOT
from tenuto.errors import ValueRefused
from tenuto.runtime.warm import fold
from tenuto.store.port import InstanceQuery

if TYPE_CHECKING:
    from tenuto.client.reading import Reading
    from tenuto.engine.rows import InstanceRow
    from tenuto.engine.state import InstanceState

ROWS_AT_ONCE: Final = 200
_sorted = msgspec.json.Encoder(order="sorted").encode


def found_instance(read: Reading, text: str) -> InstanceRow:
    """Return an instance by its key, or the newest with a business key.

    Raises `Problem` (not-found).
    """
    number = instance_number(text)
    stored = None if number is None else read.reader.instance(number)
    if stored is not None:
        return stored.row
    found = read.instances(InstanceQuery(business_key=text, limit=1))
    if not found:
        raise Problem(
            why.NOT_FOUND,
            f"expected an instance key or business key, but `{text[:100]}` is neither",
        )
    return found[0]


def kept_state(read: Reading, key: int) -> InstanceState | None:
    """Return the state of an instance; nothing when its turns were pruned."""
    stored = read.reader.instance(key)
    if stored is None or any(blob is None for _, blob in stored.tail):
        return None
    return fold(stored).state


def wanted_variables(pairs: list[str]) -> dict[str, bytes]:
    """Return what `name:json` pairs ask for, in a form that is the same for equal values.

    Raises `Problem` (invalid-query).
    """
    wanted = {}
    for pair in pairs:
        name, colon, text = pair.partition(":")
        try:
            value = values.loads(text)
            values.check_value(value, where=f"variable `{name}`")
        except ValueRefused as error:
            raise Problem(
                "invalid-query", f"expected variable=name:json, got `{pair[:60]}`: {error}"
            ) from None
        if not name or not colon:
            raise Problem("invalid-query", f"expected variable=name:json, got `{pair[:60]}`")
        wanted[name] = _sorted(encoded_json(values.encode(value)))
    return wanted


def found_page(
    read: Reading, query: InstanceQuery, wanted: Mapping[str, bytes]
) -> tuple[list[InstanceRow], int | None]:
    """Return a page of instances and the key after which the next one begins, if there may be one.

    Variables are in no index: for them at most 2,000 instances are read, so that a page may hold
    few.
    """
    if not wanted:
        rows = read.instances(query._replace(limit=query.limit + 1))
        more = len(rows) > query.limit
        return rows[: query.limit], rows[query.limit - 1].key if more else None
    found: list[InstanceRow] = []
    after = query.after
    for _ in range(SCAN_MAX // ROWS_AT_ONCE):
        rows = read.instances(query._replace(after=after, limit=ROWS_AT_ONCE))
        for row in rows:
            after = row.key
            if _has(read, row.key, wanted):
                found.append(row)
            if len(found) == query.limit:
                return found, after
        if len(rows) < ROWS_AT_ONCE:
            return found, None
    return found, after


def _has(read: Reading, key: int, wanted: Mapping[str, bytes]) -> bool:
    """Tell whether every wanted variable of an instance is there and equal."""
    state = kept_state(read, key)
    if state is None:
        return False
    variables = state.elements[ROOT].variables
    return all(
        name in variables and _sorted(stored_json(read, key, variables[name])) == text
        for name, text in wanted.items()
    )
