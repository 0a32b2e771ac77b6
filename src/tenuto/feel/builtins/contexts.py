"""Context functions. DMN 1.5 §10.3.4.8, table 82."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenuto.feel.meter import Fault, Meter

_Context = dict[str, Any]


def get_value(meter: Meter, context: _Context, key: str) -> Any:
    """Return the value of an entry, null when there is none."""
    return context.get(key)


def get_value_at(meter: Meter, context: _Context, keys: list[Any]) -> Any:
    """Return the value at a path of keys, null when there is none."""
    found: Any = context
    for key in keys:
        if not isinstance(found, dict):
            return None
        found = found.get(key) if isinstance(key, str) else None
    return found if keys else None


def get_entries(meter: Meter, context: _Context) -> list[Any]:
    """Return the entries as contexts of key and value."""
    return [{"key": key, "value": value} for key, value in context.items()]


def context_of(meter: Meter, entries: list[Any]) -> _Context:
    """Return the context of entries of key and value."""
    result: _Context = {}
    for entry in entries:
        if not isinstance(entry, dict) or "value" not in entry:
            raise Fault("invalid-argument", "expected entries with a key and a value")
        key = entry.get("key")
        if not isinstance(key, str) or key in result:
            raise Fault("invalid-argument", "expected a different string as each key")
        result[key] = entry["value"]
    return result


def context_put(meter: Meter, context: _Context, key: str, value: Any) -> _Context:
    """Return a context with one more or one changed entry."""
    return {**context, key: value}


def context_put_at(meter: Meter, context: _Context, keys: list[Any], value: Any) -> _Context:
    """Return a context with a changed entry at a path of keys."""
    if not keys or not all(isinstance(key, str) for key in keys):
        raise Fault("invalid-argument", "expected at least one key, each a string")
    meter.charge(len(keys))
    result = dict(context)
    inner = result
    for key in keys[:-1]:
        child = inner.get(key)
        if not isinstance(child, dict):
            raise Fault("invalid-argument", f"expected a context at {key!r}")
        inner[key] = dict(child)
        inner = inner[key]
    inner[keys[-1]] = value
    return result


def context_merge(meter: Meter, contexts: list[Any]) -> _Context:
    """Return the entries of all contexts; later ones win."""
    result: _Context = {}
    for context in contexts:
        if not isinstance(context, dict):
            raise Fault("type-mismatch", "expected a list of contexts")
        result.update(context)
        meter.check_size(len(result))
    return result


ROWS: list[tuple[str, Callable[..., Any]]] = [
    ("get value(m: context, key: string)", get_value),
    ("get value(m: context, key: list)", get_value_at),
    ("get entries(m: context)", get_entries),
    ("context(entries: list)", context_of),
    ("context put(context: context, key: string, value: any~)", context_put),
    ("context put(context: context, keys: list, value: any~)", context_put_at),
    ("context merge(contexts: list)", context_merge),
]
CAMUNDA_ROWS: list[tuple[str, Callable[..., Any]]] = [
    ("put(context: context, key: string, value: any~)", context_put),
    ("put(context: context, keys: list, value: any~)", context_put_at),
    ("put all(contexts: list)", context_merge),
    ("put all(contexts: any...)", context_merge),
]
