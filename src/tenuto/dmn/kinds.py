"""Item definitions: FEEL types with constraints, and how a value is admitted.

DMN 1.5 §7.3.3. A value is converted as FEEL converts it, then held against the allowed values of
its definition and of each component; `typeConstraint` is for the value as a whole, `allowedValues`
for each item of a collection. What is not admitted becomes null with a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from tenuto import feel
from tenuto.dmn import notation
from tenuto.errors import FeelSyntaxError, ModelError
from tenuto.feel.types import NAMED
from tenuto.values import Date

DEPTH_MAX = 32
# Names of other engines and of XML Schema that models of the field use.
_ALIASES = {
    **dict.fromkeys(("integer", "long", "double", "int", "decimal", "float", "short"), feel.NUMBER),
    "any": feel.ANY,
    "dateAndTime": feel.DATE_AND_TIME,
    "datetime": feel.DATE_AND_TIME,
    "days and time duration": feel.DAYS_TIME_DURATION,
    "daysAndTimeDuration": feel.DAYS_TIME_DURATION,
    "yearsAndMonthsDuration": feel.YEARS_MONTHS_DURATION,
    "undefined": feel.ANY,
}


_Classes = tuple[type, ...]
_CLASSES: dict[feel.Simple, _Classes] = {
    feel.NUMBER: (int, Decimal),
    feel.STRING: (str,),
    feel.BOOLEAN: (bool,),
    feel.DATE: (Date,),
}


class Kind(Struct, frozen=True):
    """A type and what is further asked of its values.

    `constraints` are for the value, `item` for the items of a list, `members` for context entries.
    """

    type: feel.Type
    constraints: tuple[feel.Expression, ...] = ()
    item: Kind | None = None
    members: tuple[tuple[str, Kind], ...] = ()
    name: str = ""
    # Classes of which every value is admitted as it is: the quick way for simple types.
    classes: _Classes = ()

    @property
    def is_free(self) -> bool:
        """Whether every value of the type is admitted."""
        return not self.constraints and self.item is None and not self.members


ANY = Kind(feel.ANY)


def admit(value: Any, kind: Kind, meter: feel.Meter, site: feel.Site) -> Any:
    """Return the value converted to the kind, or null with a warning."""
    if value is None or kind is ANY or (kind.classes and type(value) in kind.classes):
        return value
    converted = feel.coerce(value, kind.type, meter, site)
    if converted is None or kind.is_free:
        return converted
    for refused, constraint in _refusals(converted, kind, meter):
        meter.warn(
            "not-allowed",
            f"expected {kind.name or kind.type}: {constraint.text}, but it is {_show(refused)}",
            site,
        )
        return None
    return converted


def _refusals(value: Any, kind: Kind, meter: feel.Meter) -> Iterator[tuple[Any, feel.Expression]]:
    if value is None:
        return
    for constraint in kind.constraints:
        if constraint.test(value, {}, meter=meter) is not True:
            yield value, constraint
    if kind.item is not None:
        for item in value if isinstance(value, list) else [value]:
            yield from _refusals(item, kind.item, meter)
    for name, member in kind.members:
        yield from _refusals(value.get(name), member, meter)


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


class Kinds:
    """The item definitions of one file, resolved by name; imported ones as `import.name`."""

    def __init__(self, definitions: notation.Definitions, imported: Mapping[str, Kinds]) -> None:
        """Resolve everything, so that an unknown type is found at once."""
        self._source = definitions.source
        self._items = {" ".join(item.name.split()): item for item in definitions.items}
        self._imported = imported
        self._found: dict[str, Kind] = {}
        self._open: list[str] = []
        if len(self._items) < len(definitions.items):
            self._refuse_duplicates(definitions)
        for name in self._items:
            self.find(name, None)

    @property
    def types(self) -> dict[str, feel.Type]:
        """The FEEL types by name, for `instance of` and parameters."""
        types = {name: kind.type for name, kind in self._found.items() if name in self._items}
        for prefix, kinds in self._imported.items():
            for name, kind in kinds.types.items():
                types.setdefault(f"{prefix}.{name}" if prefix else name, kind)
        return types

    @property
    def member_names(self) -> set[str]:
        """The names of all components."""
        names: set[str] = set()
        pending = list(self._items.values())
        while pending:
            item = pending.pop()
            for part in item.components:
                names.add(" ".join(part.name.split()))
                pending.append(part)
        for kinds in self._imported.values():
            names |= kinds.member_names
        return names

    def find(self, reference: str | None, line: int | None) -> Kind:
        """Return the kind that a typeRef names; raise `ModelError` when there is none."""
        if reference is None:
            return ANY
        name = " ".join(reference.split())
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = self._resolve(name, line)
        return found

    def _resolve(self, name: str, line: int | None) -> Kind:
        item = self._items.get(name)
        if item is not None:
            return self._define(name, item)
        simple = NAMED.get(name) or _ALIASES.get(name)
        if simple is not None:
            return ANY if simple == feel.ANY else Kind(simple, name=name, classes=_classes(simple))
        for mark in (":", "."):
            prefix, found, rest = name.partition(mark)
            if found:
                imported = self._imported.get(prefix)
                if imported is not None:
                    return imported.find(rest, line)
        if ":" in name:
            # DMN 1.1 writes a QName; the prefix of FEEL or of the file itself says nothing more.
            return self.find(name.partition(":")[2], line)
        unnamed = self._imported.get("")
        if unnamed is not None:
            return unnamed.find(name, line)
        try:
            return Kind(feel.parse_type(name, self.types), name=name)
        except FeelSyntaxError:
            raise ModelError(
                f"expected a known type, but {name!r} is neither one of FEEL nor defined here",
                code="unknown-type",
                line=line,
                source=self._source,
            ) from None

    def _define(self, name: str, item: notation.Item) -> Kind:
        if name in self._open or len(self._open) > DEPTH_MAX:
            # A definition inside itself describes trees of any depth; FEEL types have no names.
            return ANY
        self._open.append(name)
        try:
            return self._build(item)
        finally:
            self._open.pop()

    def _build(self, item: notation.Item) -> Kind:
        if item.components:
            members = [(" ".join(part.name.split()), self._build(part)) for part in item.components]
            kind = Kind(
                feel.ContextType({name: member.type for name, member in members}),
                members=tuple(pair for pair in members if not pair[1].is_free),
            )
        elif item.parameters is not None:
            parameters = tuple(self.find(part.type_ref, item.line).type for part in item.parameters)
            kind = Kind(feel.FunctionType(parameters, self.find(item.result_ref, item.line).type))
        else:
            kind = self.find(item.type_ref, item.line)
        return self._constrain(item, kind)

    def _constrain(self, item: notation.Item, kind: Kind) -> Kind:
        allowed = self._compile(item.allowed, item)
        if allowed is not None:
            kind = _restrict(kind, allowed)
        if item.is_collection:
            kind = Kind(feel.ListType(kind.type), item=None if kind.is_free else kind)
        constraint = self._compile(item.constraint, item)
        if constraint is not None:
            kind = _restrict(kind, constraint)
        if kind is ANY:
            return kind
        classes = _classes(kind.type) if kind.is_free else ()
        name = item.name or kind.name
        return Kind(kind.type, kind.constraints, kind.item, kind.members, name, classes)

    def _compile(self, text: str, item: notation.Item) -> feel.Expression | None:
        if not text:
            return None
        try:
            return feel.compile(text, unary=True, names=self._member_names_of(item))
        except FeelSyntaxError as error:
            raise ModelError(
                f"expected the allowed values of {item.name!r} to be FEEL: {error}",
                code="invalid-feel",
                element=item.name,
                line=item.line,
                source=self._source,
            ) from error

    def _member_names_of(self, item: notation.Item) -> list[str]:
        return [" ".join(part.name.split()) for part in item.components]

    def _refuse_duplicates(self, definitions: notation.Definitions) -> None:
        names = [" ".join(item.name.split()) for item in definitions.items]
        at = next(at for at, name in enumerate(names) if name in names[:at])
        item = definitions.items[at]
        raise ModelError(
            f"expected each item definition once, but {item.name!r} comes twice",
            code="duplicate-name",
            element=item.name,
            line=item.line,
            source=self._source,
        )


def _classes(kind: feel.Type) -> tuple[type, ...]:
    return _CLASSES.get(kind, ()) if isinstance(kind, feel.Simple) else ()


def _restrict(kind: Kind, constraint: feel.Expression) -> Kind:
    """Return the kind with one more constraint, the narrowest last."""
    constraints = (*kind.constraints, constraint)
    return Kind(kind.type, constraints, kind.item, kind.members, kind.name)
