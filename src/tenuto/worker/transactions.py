"""Steps that write into the user's database and are done exactly once.

The outcome is kept in a table beside the user's rows, in the same transaction: when it is there,
the step has been done, whatever the process remembers. Nothing of the engine's store is in it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from tenuto.errors import InputError

TABLE: Final = "tenuto_step"
_MARKS: Final = {"qmark": ("?", "?"), "numeric": (":1", ":2")}
_MARKS_FORMAT: Final = ("%s", "%s")


def once(connect: Callable[[], Any], key: str, work: Callable[[Any], bytes]) -> bytes:
    """Do `work` with a connection (DB-API 2.0, PEP 249) in one transaction with its outcome; return
    the outcome, or that of the time when it was done.
    """
    connection = connect()
    try:
        first, second = _marks(connection)
        cursor = connection.cursor()
        _make_table(connection, cursor)
        cursor.execute(f"SELECT outcome FROM {TABLE} WHERE step = {first}", (key,))  # noqa: S608  (a constant)
        found = cursor.fetchone()
        if found is not None:
            connection.rollback()
            return bytes(found[0])
        outcome = work(connection)
        insert = f"INSERT INTO {TABLE} (step, outcome) VALUES ({first}, {second})"  # noqa: S608  (a constant)
        cursor.execute(insert, (key, outcome))
        connection.commit()
        return outcome
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.close()


def _make_table(connection: Any, cursor: Any) -> None:
    module = _module_of(connection)
    kind = "BLOB" if module == "sqlite3" else "BYTEA"
    create = (
        f"CREATE TABLE IF NOT EXISTS {TABLE} "
        f"(step VARCHAR(255) PRIMARY KEY, outcome {kind} NOT NULL)"
    )
    try:
        cursor.execute(create)
    except getattr(sys.modules.get(module), "Error", ()):
        # PostgreSQL refuses one of two that make the table at once; by now it is there.
        connection.rollback()
        cursor.execute(create)
    connection.commit()


def _module_of(connection: Any) -> str:
    """Return the driver's module: a connection may be of a class that somebody derived from it."""
    modules = [kind.__module__.partition(".")[0] for kind in type(connection).__mro__]
    for module in modules:
        if hasattr(sys.modules.get(module), "paramstyle"):
            return module
    return modules[0]


def _marks(connection: Any) -> tuple[str, str]:
    """Return the parameter marks of a driver (PEP 249, `paramstyle`)."""
    module = sys.modules.get(_module_of(connection))
    style = getattr(module, "paramstyle", None)
    if style is None:
        raise InputError(
            f"expected `tx` to give a DB-API connection, got {type(connection).__name__}"
        )
    return _MARKS.get(style, _MARKS_FORMAT)
