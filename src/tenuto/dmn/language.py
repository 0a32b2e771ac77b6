"""Texts of a model and the languages that they are in: FEEL alone, or they are refused.

DMN 1.5 §7.3.1 lets each text name its language, and a file one for all of its texts. Models drawn
for Camunda name JUEL even where a text is but the name of a variable; that much reads the same.
"""

from __future__ import annotations

import re

from tenuto.dmn.xml import Element, attribute, child, line_of, local_name, text_in
from tenuto.errors import ModelError

_JUEL_NAME = re.compile(r"(?:\$\{\s*)?([A-Za-z_]\w*)(\s*\})?")
_TESTS = frozenset(("inputEntry", "inputValues", "outputValues", "allowedValues", "typeConstraint"))


def feel_text(element: Element | None, owner: str) -> str:
    """Return the FEEL text of an element; raise `ModelError` when it is in another language."""
    if element is None:
        return ""
    text = text_in(element)
    language = attribute(element, "expressionLanguage")
    if language is None or "feel" in language.lower():
        return text
    if language.lower() == "juel" and local_name(element) not in _TESTS:
        match = _JUEL_NAME.fullmatch(text.strip())
        if match is not None and ("$" in text) is (match[2] is not None):
            return str(match[1])
    raise _refusal(element, owner, language)


def feel_text_in(element: Element | None, name: str, owner: str) -> str:
    """Return the FEEL text of a child; nothing when there is none."""
    return "" if element is None else feel_text(child(element, name), owner)


def check_default(definitions: Element) -> None:
    """Raise `ModelError` when a file names another language for its texts."""
    language = attribute(definitions, "expressionLanguage")
    if language is not None and "feel" not in language.lower():
        raise _refusal(definitions, "definitions", language)


def _refusal(element: Element, owner: str, language: str) -> ModelError:
    return ModelError(
        f"expected FEEL, but the expression language of {local_name(element)} is {language}",
        code="expression-language",
        element=attribute(element, "id") or owner,
        line=line_of(element),
    )
