"""Variables: mappings in, mappings out, and where a result goes.

Without output mappings every variable of a result goes to the innermost enclosing scope that has
it, else to the process. With output mappings only their targets change (BPMN 2.0.2 §10.4.2; zeebe
dialect).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenuto.engine.records import VariablesSet
from tenuto.engine.state import ROOT
from tenuto.engine.stored import Stored, Variables
from tenuto.engine.turn import Stuck, Turn

if TYPE_CHECKING:
    from tenuto.graph.data import Mapping as DataMapping
    from tenuto.values import Value


def map_values(
    turn: Turn, mappings: tuple[DataMapping, ...], scope: int, local: dict[str, Value]
) -> dict[str, Value]:
    """Return the targets of mappings, evaluated in order; a later one sees what earlier ones made.

    A path `a.b` changes one key of a context and keeps the others.
    """
    made: dict[str, Value] = {}
    for mapping in mappings:
        value = turn.evaluate(mapping.source, scope, {**local, **made})
        name, *path = mapping.target
        if path:
            made[name] = _with_path(_current(turn, scope, made, name), path, value)
        else:
            made[name] = value
    return made


def _current(turn: Turn, scope: int, made: dict[str, Value], name: str) -> Value:
    if name in made:
        return made[name]
    return turn.view(scope).get(name)


def _with_path(current: Value, path: list[str], value: Value) -> Value:
    changed = dict(current) if isinstance(current, dict) else {}
    head, *rest = path
    changed[head] = _with_path(changed.get(head), rest, value) if rest else value
    return changed


def keep_all(turn: Turn, values: dict[str, Value]) -> Variables:
    """Return the stored form of several values."""
    return {name: turn.keep(value) for name, value in values.items()}


def set_local(turn: Turn, element: int, variables: Variables) -> None:
    """Set variables of an element's own scope."""
    if variables:
        turn.emit(VariablesSet(element, variables))


def propagate(turn: Turn, scope: int, variables: Variables) -> None:
    """Set each variable in the innermost scope, from `scope` outwards, that has it; else in the
    process.
    """
    elements = turn.state.elements
    if scope == ROOT:
        turn.emit(VariablesSet(ROOT, variables))
        return
    targets: dict[int, dict[str, Stored]] = {}
    for name, stored in variables.items():
        number = scope
        while number != ROOT and name not in elements[number].variables:
            number = elements[number].scope
        targets.setdefault(number, {})[name] = stored
    for number, changed in targets.items():
        turn.emit(VariablesSet(number, changed))


def decode_all(turn: Turn, variables: Variables) -> dict[str, Value]:
    """Return the values of stored variables."""
    return {name: turn.decode(stored) for name, stored in variables.items()}


def text_of(value: Value, *, what: str, why: str = "") -> str:
    """Return a value that must be a text or a number as text.

    Raises `Stuck` with the code `bad-value`.
    """
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | list | dict):
        shown = "null" if value is None else repr(value)[:80]
        raise Stuck("bad-value", f"expected {what} to be a text, but it is {shown}. {why}".strip())
    return str(value)


def texts_of(value: Value, *, what: str) -> tuple[str, ...]:
    """Return a value that must be a text, a comma-separated text or a list of texts as texts."""
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, list):
        return tuple(text_of(item, what=f"an item of {what}") for item in value)
    raise Stuck("bad-value", f"expected {what} to be a text or a list of texts, got {value!r}")
