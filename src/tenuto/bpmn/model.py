"""A model file as the readers share it: root elements by id, the dialect, and the findings so far.

BPMN 2.0.2 §8.4: messages, errors, signals, resources and event definitions live at the root and are
referred to by id, in files of other tools also by a qualified name.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from tenuto.bpmn.report import Findings
from tenuto.bpmn.xml import Document, Markup


class Dialect(Enum):
    """Whose attributes a file uses where the standard leaves a question open."""

    PLAIN = "plain"
    ZEEBE = "zeebe"
    CAMUNDA = "camunda"


class Model(Struct, frozen=True):
    """One file while it is read.

    `roots` holds the root elements by id; with `lenient` what only observes (listeners) is ignored
    instead of refused.
    """

    findings: Findings
    dialect: Dialect
    roots: dict[str, Markup]
    lenient: bool = False

    def resolve(self, reference: str | None, *names: str) -> Markup | None:
        """Return the root element of one of these names that a reference means."""
        if reference is None:
            return None
        for key in (reference, reference.rpartition(":")[2]):
            found = self.roots.get(key)
            if found is not None and found.name in names:
                return found
        return None


def open_model(document: Document, *, lenient: bool) -> Model:
    """Return the model of a document, with nothing found yet."""
    roots: dict[str, Markup] = {}
    for child in document.root.children:
        if child.id is not None:
            roots.setdefault(child.id, child)
    return Model(findings=Findings(), dialect=_dialect(document), roots=roots, lenient=lenient)


def _dialect(document: Document) -> Dialect:
    """The modeler's word decides, then the namespace that the root declares."""
    platform = document.root.get("modeler:executionPlatform") or ""
    if platform == "Camunda Cloud":
        return Dialect.ZEEBE
    if platform == "Camunda Platform":
        return Dialect.CAMUNDA
    if "zeebe" in document.namespaces:
        return Dialect.ZEEBE
    return Dialect.CAMUNDA if "camunda" in document.namespaces else Dialect.PLAIN
