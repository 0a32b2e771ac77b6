"""FEEL texts of one file to expressions, with errors that say where in the model they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenuto import feel
from tenuto.dmn.external import External
from tenuto.dmn.kinds import Kind, Kinds, admit
from tenuto.dmn.running import Logic, Run
from tenuto.errors import FeelSyntaxError, ModelError
from tenuto.feel.builtins import STANDARD

Names = frozenset[str]


class Compiler:
    """What all texts of one file share: its types, member names and registered functions."""

    def __init__(
        self, source: str | None, kinds: Kinds, members: set[str], external: External
    ) -> None:
        """`members` are names of context entries, which need to be known to be read."""
        self.kinds = kinds
        self.external = external
        # The tables compiled so far, which lie above this module.
        self.tables: list[Any] = []
        # Every text once: its expression, the names known to it, its element and line.
        self.texts: list[tuple[feel.Expression, Names, str, int | None]] = []
        self._source = source
        self._types = kinds.types
        # A member never hides a function: it is read after a dot alone.
        self._members = frozenset(members | kinds.member_names) - STANDARD.keys()
        self._known: dict[tuple[str, Names, bool], feel.Expression] = {}

    def compile(
        self, text: str, names: Names, element: str, line: int | None, *, what: str = ""
    ) -> feel.Expression:
        """Return the expression of a text, or raise `ModelError`; `what` names a cell."""
        return self._compile(text, names, (element, line, what), unary=False)

    def compile_tests(
        self, text: str, names: Names, element: str, line: int | None, *, what: str = ""
    ) -> feel.Expression:
        """Return the unary tests of a text, or raise `ModelError`."""
        return self._compile(text, names, (element, line, what), unary=True)

    def _compile(
        self, text: str, names: Names, place: tuple[str, int | None, str], *, unary: bool
    ) -> feel.Expression:
        key = (text, names, unary)
        found = self._known.get(key)
        if found is not None:
            return found
        element, line, what = place
        try:
            found = feel.compile(
                text,
                names=names | self._members,
                unary=unary,
                types=self._types,
                external=self.external,
            )
        except FeelSyntaxError as error:
            # The text often begins in the line of its element; its own lines count from there.
            subject = f"{what}: " if what else ""
            raise ModelError(
                f"{subject}expected FEEL: {error}",
                code="invalid-feel",
                element=element,
                line=line,
                source=self._source,
            ) from error
        self._known[key] = found
        self.texts.append((found, names, element, line))
        return found

    def refuse(self, message: str, code: str, element: str, line: int | None) -> ModelError:
        """Return the error for an element of this file."""
        return ModelError(message, code=code, element=element, line=line, source=self._source)


def typed(logic: Logic, kind: Kind, label: str) -> Logic:
    """Return logic whose value is admitted by a kind."""
    if kind.type == feel.ANY and kind.is_free:
        return logic
    site = feel.Site(label, 0)

    def run_typed(scope: Mapping[str, Any], run: Run) -> Any:
        return admit(logic(scope, run), kind, run, site)

    return run_typed


def nothing(label: str, what: str) -> Logic:
    """Return logic for what has none: null, with a warning."""
    site = feel.Site(label, 0)

    def run_nothing(scope: Mapping[str, Any], run: Run) -> None:
        run.warn("no-logic", f"expected {what}, but there is none", site)

    return run_nothing
