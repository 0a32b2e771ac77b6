"""Event mappings: which CloudEvents become messages or starts of processes, and with what.

A mapping names a type, and perhaps a source and a FEEL condition. Its formulas see the attributes
of the event by name (`id`, `source`, `type`, `subject`, `time`, `dataschema`, `datacontenttype`,
extensions) and its payload as `data` (CloudEvents 1.0.2, section 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from tenuto.errors import InputError
from tenuto.graph.data import Formula
from tenuto.notation import Part
from tenuto.schedules import parse_fixed
from tenuto.values import Value

TTL_DEFAULT: Final = "P1D"
MAPPINGS_MAX: Final = 1_000
ATTRIBUTES: Final = (
    "id",
    "source",
    "type",
    "subject",
    "time",
    "dataschema",
    "datacontenttype",
    "data",
)
FIELDS: Final = (
    "id",
    "type",
    "source",
    "when",
    "message",
    "key",
    "ttl",
    "start",
    "business_key",
    "variables",
)


class EventMapping(Struct, frozen=True, kw_only=True):
    """One mapping of a file: exactly one of `message` and `start` is given.

    `type` and `source` are exact, or a prefix that ends in `*`. A message that nobody waits for yet
    is kept for `ttl_ms` milliseconds. Without `variables`, the members of `data` are taken.
    """

    id: str
    file: str
    type: str
    source: str | None = None
    when: Formula | None = None
    message: str | None = None
    key: Formula | None = None
    ttl_ms: int = 0
    start: str | None = None
    business_key: Formula | None = None
    variables: tuple[tuple[str, Formula], ...] | None = None

    def fits(self, type: str, source: str) -> bool:
        """Tell whether an event's type and source are those of the mapping."""
        return _fits(self.type, type) and (self.source is None or _fits(self.source, source))

    def wants(self, event: Mapping[str, Value]) -> bool:
        """Tell whether the condition holds for an event whose type and source fit."""
        return self.when is None or value_of(self.when, event) is True

    def take(self, event: Mapping[str, Value]) -> dict[str, Value]:
        """Return the variables that an event gives."""
        if self.variables is None:
            data = event.get("data")
            return dict(data) if isinstance(data, dict) else {"data": data}
        return {name: value_of(source, event) for name, source in self.variables}


class MappingIndex:
    """The mappings of a world, found by the type of an event."""

    def __init__(self, mappings: Iterable[EventMapping]) -> None:
        """Part exact types from prefixes."""
        self._exact: dict[str, list[EventMapping]] = {}
        self._prefixes: list[EventMapping] = []
        for one in mappings:
            if one.type.endswith("*"):
                self._prefixes.append(one)
            else:
                self._exact.setdefault(one.type, []).append(one)

    def find(self, type: str, source: str, event: Mapping[str, Value]) -> list[EventMapping]:
        """Return every mapping that wants an event, exact types first, in order of the files."""
        exact = self._exact.get(type, ())
        found = [one for one in exact if one.fits(type, source) and one.wants(event)]
        if self._prefixes:
            found += [one for one in self._prefixes if one.fits(type, source) and one.wants(event)]
        return found


def value_of(source: Formula, event: Mapping[str, Value]) -> Value:
    """Return the value of a formula over an event."""
    if source.expression is None:
        return source.constant
    found: Value = source.expression.call(event)
    return found


def read_mappings(root: Part, file: str) -> tuple[EventMapping, ...]:
    """Return the mappings of a file that is open.

    Raises `InputError` with file and line for a field that is missing, unknown or of another kind.
    """
    entries = root.fields("the file", ("events",))
    if "events" not in entries:
        raise root.refuse("`events` with a list of mappings")
    parts = entries["events"].items("`events`")
    if len(parts) > MAPPINGS_MAX:
        raise root.refuse(f"at most {MAPPINGS_MAX:,} mappings", f"{len(parts):,}")
    found: dict[str, EventMapping] = {}
    for part in parts:
        one = _read(part, file)
        if one.id in found:
            raise part.refuse("each id once", f"`{one.id}` again")
        found[one.id] = one
    return tuple(found.values())


def _read(part: Part, file: str) -> EventMapping:
    fields = part.fields("an event mapping", FIELDS)
    for name in ("id", "type"):
        if name not in fields:
            raise part.refuse(f"`{name}` in an event mapping", "none")
    is_message = "message" in fields
    if is_message == ("start" in fields):
        raise part.refuse("either `message` or `start`", "both" if is_message else "neither")
    for name in ("key", "ttl") if not is_message else ("business_key",):
        if name in fields:
            wanted = "a `start`" if is_message else "a `message`"
            raise fields[name].refuse(f"no `{name}` here", f"`{name}`, which belongs to {wanted}")
    return EventMapping(
        id=fields["id"].text("`id`"),
        file=file,
        type=_pattern(fields["type"], "`type`"),
        source=_pattern(fields["source"], "`source`") if "source" in fields else None,
        when=_formula(fields.get("when"), "`when`"),
        message=fields["message"].text("`message`") if is_message else None,
        key=_formula(fields.get("key"), "`key`"),
        ttl_ms=_duration(fields.get("ttl")) if is_message else 0,
        start=None if is_message else fields["start"].text("`start`"),
        business_key=_formula(fields.get("business_key"), "`business_key`"),
        variables=_variables(fields.get("variables")),
    )


def _variables(part: Part | None) -> tuple[tuple[str, Formula], ...] | None:
    if part is None:
        return None
    members = part.members("`variables`")
    return tuple((name, _needed(member, f"`{name}`")) for name, member in members.items())


def _formula(part: Part | None, what: str) -> Formula | None:
    return None if part is None else _needed(part, what)


def _needed(part: Part, what: str) -> Formula:
    expression = part.formula(what, ATTRIBUTES).expression
    return Formula(source=expression.text, expression=expression)


def _pattern(part: Part, what: str) -> str:
    text = part.text(what)
    if "*" in text[:-1]:
        raise part.refuse(f"{what} to be exact or a prefix that ends in `*`")
    return text


def _duration(part: Part | None) -> int:
    text = TTL_DEFAULT if part is None else part.text("`ttl`")
    try:
        return parse_fixed(text)
    except InputError as error:
        assert part is not None, "the default is a duration"
        raise part.refuse(f"`ttl` to be an ISO 8601 duration ({error})") from error


def _fits(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
