"""Texts of a model become formulas: FEEL, JUEL translated to FEEL, or constants.

Which one a text is depends on where it stands. A leading `=` means FEEL everywhere but in
`camunda:` attributes; `${` and `#{` mean JUEL everywhere but in `zeebe:` ones; expressions of the
standard (`conditionExpression`, `completionCondition`, `loopCardinality`) are FEEL by default.
A text that does not compile is refused, and stands in as a constant until the reading ends.
"""

from __future__ import annotations

from tenuto import feel
from tenuto.bpmn.juel import NotTranslatable, Translation, is_juel, translate
from tenuto.bpmn.model import Model
from tenuto.bpmn.report import Place
from tenuto.bpmn.xml import Markup
from tenuto.errors import FeelSyntaxError
from tenuto.graph.data import Formula, constant

BROKEN = Formula(source="", constant=None)


def feel_formula(model: Model, text: str, place: Place) -> Formula:
    """Return the formula of a FEEL text, with or without its leading `=`."""
    source = text.strip().removeprefix("=").strip()
    return _compiled(model, source, (), place) or BROKEN


def juel_formula(model: Model, text: str, place: Place) -> Formula:
    """Return the formula of a text with JUEL in it."""
    try:
        translation = translate(text.strip())
    except NotTranslatable as error:
        model.findings.refuse("juel", f"expected JUEL that reads variables: {error}", place)
        return BROKEN
    return translated_formula(model, translation, place)


def translated_formula(model: Model, translation: Translation, place: Place) -> Formula:
    """Return the formula of a translation; its names are known, even if they hide functions."""
    return _compiled(model, translation.feel, translation.names, place) or BROKEN


def zeebe_text(model: Model, text: str, place: Place) -> Formula:
    """Return FEEL for a text that starts with `=`, otherwise the text (`zeebe:`, `tenuto:`)."""
    stripped = text.strip()
    if stripped.startswith("="):
        return feel_formula(model, stripped, place)
    return constant(stripped)


def camunda_text(model: Model, text: str, place: Place) -> Formula:
    """Return FEEL for a text with JUEL in it, otherwise the text (`camunda:`)."""
    return juel_formula(model, text, place) if is_juel(text) else constant(text.strip())


def standard_text(model: Model, text: str, place: Place) -> Formula:
    """Return FEEL for a text that starts with `=` or has JUEL in it, otherwise the text."""
    if text.strip().startswith("="):
        return feel_formula(model, text, place)
    return camunda_text(model, text, place)


def expression(model: Model, markup: Markup | None, place: Place) -> Formula | None:
    """Return the formula of an expression of the standard; nothing when it is empty or absent.

    BPMN 2.0.2 §8.4.6: `language` overrides the file's language; ours is FEEL in both places.
    """
    if markup is None:
        return None
    inside = place.within(markup)
    if markup.get("camunda:resource"):
        model.findings.refuse("script-resource", "expected the expression in the model", inside)
        return BROKEN
    text = markup.text.strip()
    if not text:
        return None
    language = (markup.get("language") or "").lower()
    if text.startswith(("${", "#{")):
        return juel_formula(model, text, inside)
    if language and "feel" not in language and "juel" not in language:
        model.findings.refuse(
            "expression-language", f"expected FEEL, but the language is {language}", inside
        )
        return BROKEN
    return feel_formula(model, text, inside)


def name_reference(model: Model, name: str, place: Place) -> Formula:
    """Return the formula that reads the variable of that very name."""
    return _compiled(model, name.strip(), (name.strip(),), place) or BROKEN


def _compiled(model: Model, text: str, names: tuple[str, ...], place: Place) -> Formula | None:
    try:
        return Formula(source=text, expression=feel.compile(text, names=names, camunda=True))
    except FeelSyntaxError as error:
        model.findings.refuse("feel-syntax", str(error), place)
        return None
