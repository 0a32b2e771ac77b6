"""Completeness of the engine: no command without processor, no record without applier.

The checks look for tables named `...PROCESSORS` and `...APPLIERS` in the modules of
`tenuto.engine`, so that a family of commands may keep its own table.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable


def engine_is_whole() -> bool:
    """Return whether `engine.processors` exists: until then the engine is being built."""
    return _exists("tenuto.engine") and _exists("tenuto.engine.processors")


def table_keys(suffix: str) -> set[object]:
    """Return the keys of all tables of the engine whose name ends so."""
    engine = importlib.import_module("tenuto.engine")
    found: set[object] = set()
    for info in pkgutil.walk_packages(engine.__path__, "tenuto.engine."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if name.endswith(suffix) and isinstance(value, Mapping):
                found |= set(value)
    return found


def unserved(kinds: Iterable[Any], served: set[object], lack: str) -> list[str]:
    """Complain about kinds that no table serves."""
    missing = (kind for kind in kinds if kind not in served)
    return sorted(f"{kind.__name__} has no {lack}" for kind in missing)


def members(module: str, union: str) -> tuple[Any, ...]:
    """Return the structs of a union such as `AnyCommand`."""
    return get_args(getattr(importlib.import_module(module), union))


def undocumented(names: Iterable[str], page: str) -> list[str]:
    """Complain about names that a reference page does not show as code."""
    return sorted(f"{name} is not documented" for name in names if f"`{name}`" not in page)


def _exists(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
