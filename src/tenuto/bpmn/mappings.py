"""Input and output mappings: `zeebe:ioMapping`, `camunda:inputOutput`, fields, and calls' in and
out.

A list, map or script of the camunda dialect becomes one FEEL text, so that it is evaluated as one.
"""

from __future__ import annotations

from tenuto.bpmn.formulas import (
    BROKEN,
    camunda_text,
    name_reference,
    translated_formula,
    zeebe_text,
)
from tenuto.bpmn.jobs import camunda_fields, is_evaluated
from tenuto.bpmn.juel import NotTranslatable, Translation, is_juel, quote, translate
from tenuto.bpmn.model import Model
from tenuto.bpmn.report import Place
from tenuto.bpmn.xml import Markup
from tenuto.graph.data import Formula, Mapping, constant

Mappings = tuple[Mapping, ...]

FEEL_FORMATS = frozenset(["feel", "application/feel", "text/feel", "feel-scala"])


def mappings(model: Model, node: Markup, holder: Markup, place: Place) -> tuple[Mappings, Mappings]:
    """Return the input and output mappings of an element, in the order of the file."""
    inputs: list[Mapping] = []
    outputs: list[Mapping] = []
    for extension in node.extensions:
        if extension.name == "zeebe:ioMapping":
            inputs += _zeebe_mappings(model, extension.all("zeebe:input"), place)
            outputs += _zeebe_mappings(model, extension.all("zeebe:output"), place)
        elif extension.name == "camunda:inputOutput":
            inputs += _parameters(model, extension.all("camunda:inputParameter"), place)
            outputs += _parameters(model, extension.all("camunda:outputParameter"), place)
    for name, text, field in camunda_fields(holder):
        if is_evaluated(text):
            inputs.append(Mapping(camunda_text(model, text, place.within(field)), (name,)))
        elif is_juel(text):
            message = f"the handler gets the text of {name}: it calls a Java bean"
            model.findings.warn("field-not-evaluated", message, place.within(field))
    return tuple(inputs), tuple(outputs)


def _zeebe_mappings(model: Model, sides: tuple[Markup, ...], place: Place) -> list[Mapping]:
    found = []
    for side in sides:
        inside = place.within(side)
        target = side.get("target")
        path = tuple((target or "").split("."))
        if not all(path):
            model.findings.refuse(
                "mapping-target", f"expected a variable as target, but it is {target!r}", inside
            )
            continue
        source = side.get("source")
        value = constant(None) if source is None else zeebe_text(model, source, inside)
        found.append(Mapping(value, path))
    return found


def _parameters(model: Model, parameters: tuple[Markup, ...], place: Place) -> list[Mapping]:
    found = []
    for parameter in parameters:
        inside = place.within(parameter)
        name = parameter.get("name")
        if name is None:
            model.findings.refuse("mapping-target", "expected the name of a parameter", inside)
            continue
        found.append(Mapping(_parameter_value(model, parameter, inside), (name,)))
    return found


def _parameter_value(model: Model, parameter: Markup, place: Place) -> Formula:
    if not parameter.children:
        text = parameter.text.strip()
        return camunda_text(model, text, place) if text else constant(None)
    written = _written(model, parameter.children[0], place)
    return BROKEN if written is None else translated_formula(model, written, place)


def _written(model: Model, markup: Markup, place: Place) -> Translation | None:
    """Return the FEEL of a value, a list, a map or a script; nothing when it was refused."""
    inside = place.within(markup)
    if markup.name == "camunda:list":
        items = [_written(model, child, place) for child in markup.children]
        return _joined("[", items, "]")
    if markup.name == "camunda:map":
        entries = [_entry(model, entry, place) for entry in markup.all("camunda:entry")]
        return _joined("context([", entries, "])")
    if markup.name == "camunda:script":
        return script_text(model, markup, markup.get("scriptFormat"), inside)
    if markup.name == "camunda:value" or not markup.children:
        return _text_of(model, markup.text.strip(), inside)
    return _written(model, markup.children[0], place)


def _entry(model: Model, entry: Markup, place: Place) -> Translation | None:
    key = _text_of(model, entry.get("key") or "", place.within(entry))
    value = _written(model, entry, place)
    if key is None or value is None:
        return None
    return Translation(f"{{key: {key.feel}, value: {value.feel}}}", key.names + value.names)


def _joined(opening: str, parts: list[Translation | None], closing: str) -> Translation | None:
    whole = [part for part in parts if part is not None]
    if len(whole) < len(parts):
        return None
    names = tuple(name for part in whole for name in part.names)
    return Translation(opening + ", ".join(part.feel for part in whole) + closing, names)


def _text_of(model: Model, text: str, place: Place) -> Translation | None:
    if not is_juel(text):
        return Translation(quote(text), ())
    try:
        return translate(text)
    except NotTranslatable as error:
        model.findings.refuse("juel", f"expected JUEL that reads variables: {error}", place)
        return None


def script_text(
    model: Model, markup: Markup, format_: str | None, place: Place
) -> Translation | None:
    """Return the FEEL of a script in FEEL or JUEL; any other language is refused.

    Models carry no general-purpose language: what needs one is a job of a registered handler.
    """
    text = markup.text.strip()
    language = (format_ or "").lower()
    if markup.get("camunda:resource") or markup.get("resource"):
        model.findings.refuse("script-resource", "expected the script in the model itself", place)
        return None
    if language and language not in FEEL_FORMATS and language != "juel":
        model.findings.refuse(
            "script-language",
            f"expected a FEEL script, but the language is {format_}; use a job for other code",
            place,
        )
        return None
    if not text:
        model.findings.refuse("script-missing", "expected a script, but there is none", place)
        return None
    if language == "juel" or (is_juel(text) and not language):
        return _text_of(model, text, place)
    return Translation(text.removeprefix("=").strip(), ())


def call_mappings(model: Model, node: Markup, side: str, place: Place) -> tuple[Mappings, bool]:
    """Return what `camunda:in` or `camunda:out` pass, and whether they pass all variables."""
    found = []
    all_variables = False
    for extension in node.extensions:
        if extension.name != f"camunda:{side}" or "businessKey" in extension.attributes:
            continue
        inside = place.within(extension)
        if extension.flag("local", default=False):
            model.findings.refuse(
                "call-local", "expected variables of the process, but local is true", inside
            )
        if extension.get("variables") == "all":
            all_variables = True
            continue
        target = extension.get("target")
        source, text = extension.get("source"), extension.get("sourceExpression")
        if target is None or (source is None and text is None):
            model.findings.refuse("mapping-target", "expected source and target", inside)
        elif source is not None:
            found.append(Mapping(name_reference(model, source, inside), (target,)))
        else:
            found.append(Mapping(camunda_text(model, text or "", inside), (target,)))
    return tuple(found), all_variables
