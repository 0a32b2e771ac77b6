"""Natural keys: the same business fact reported twice.

A process may declare what must be equal (`key`) and which number may differ by a relative tolerance
(`near`). The runtime finds earlier instances with an equal key in the slot of that key; the engine
compares the near values and gives the look-alikes to the process, which decides what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from tenuto import values
from tenuto.engine.stored import digest_of

if TYPE_CHECKING:
    from tenuto.engine.commands import Lookalike
    from tenuto.engine.turn import Turn
    from tenuto.graph.data import NaturalKey
    from tenuto.values import Value


def natural_digest(rule: NaturalKey, variables: Mapping[str, Value]) -> bytes | None:
    """Return the digest of what must be equal, or nothing when a part of it is missing."""
    if rule.key.expression is None:
        return None
    value = rule.key.expression.evaluate(variables).value
    if value is None or (isinstance(value, list) and any(part is None for part in value)):
        return None
    return digest_of(values.encode(value))


def near_text(rule: NaturalKey, variables: Mapping[str, Value]) -> str | None:
    """Return the near value of an instance as decimal text."""
    value = variables.get(rule.near) if rule.near else None
    return None if value is None else str(value)


def lookalikes_of(turn: Turn, rule: NaturalKey, found: tuple[Lookalike, ...]) -> dict[str, Value]:
    """Return the result variable: business keys of earlier instances that are near enough,
    oldest first.
    """
    own = near_text(rule, turn.view(0))
    names: list[Value] = [one.business_key for one in found if is_near(rule, own, one.near)]
    return {rule.result: names}


def is_near(rule: NaturalKey, first: str | None, second: str | None) -> bool:
    """Tell whether two near values differ by at most the tolerance, relative to the larger one."""
    if rule.near is None:
        return True
    try:
        one, other = Decimal(first or ""), Decimal(second or "")
    except InvalidOperation:
        return False
    return abs(one - other) <= Decimal(rule.tolerance) * max(abs(one), abs(other))
