"""XML to notation: the definitions of a file, their requirements and item definitions.

DMN 1.5 §6.3 and §7.3. What is not of the standard, and how a diagram is drawn, is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator

from tenuto.dmn import notation
from tenuto.dmn.language import check_default, feel_text_in
from tenuto.dmn.read_boxed import read_child, read_function, read_parameter
from tenuto.dmn.xml import (
    Element,
    attribute,
    child,
    children,
    is_standard,
    line_of,
    local_name,
    parse,
    text_in,
)
from tenuto.errors import ModelError

_REQUIRED = ("requiredDecision", "requiredInput", "requiredKnowledge")
_IMPORT_TYPES = ("DMN", "dmn")


def read(source: bytes, *, name: str | None = None) -> notation.Definitions:
    """Return what a file defines; raise `ModelError` with element and line."""
    root = parse(source, name=name)
    if not is_standard(root) or local_name(root) != "definitions":
        raise ModelError(
            f"expected the root definitions of DMN 1.1 to 1.6, but it is {local_name(root)}",
            code="not-dmn",
            line=line_of(root),
            source=name,
        )
    try:
        return _read_definitions(root, name)
    except ModelError as error:
        error.source = error.source or name
        raise


def _read_definitions(root: Element, source: str | None) -> notation.Definitions:
    check_default(root)
    return notation.Definitions(
        source=source,
        id=attribute(root, "id"),
        name=attribute(root, "name") or "",
        namespace=attribute(root, "namespace") or "",
        imports=tuple(_read_imports(root)),
        items=tuple(_read_item(item) for item in children(root, "itemDefinition")),
        inputs=tuple(_read_input(item) for item in children(root, "inputData")),
        decisions=tuple(_read_decision(item) for item in children(root, "decision")),
        bkms=tuple(_read_bkm(item) for item in children(root, "businessKnowledgeModel")),
        services=tuple(_read_service(item) for item in children(root, "decisionService")),
    )


def _read_imports(root: Element) -> Iterator[notation.Import]:
    for element in children(root, "import"):
        if any(word in (attribute(element, "importType") or "DMN") for word in _IMPORT_TYPES):
            yield notation.Import(
                attribute(element, "name") or "",
                attribute(element, "namespace") or "",
                line_of(element),
            )


def _name_of(element: Element) -> tuple[str, str]:
    """Return the id and the FEEL name of an element."""
    variable = child(element, "variable")
    named = None if variable is None else attribute(variable, "name")
    name = " ".join((named or attribute(element, "name") or "").split())
    id = attribute(element, "id") or name
    if not id:
        raise ModelError(
            f"expected {local_name(element)} to have an id and a name, but it has neither",
            code="no-id",
            line=line_of(element),
        )
    return id, name or id


def type_ref_of(element: Element | None) -> str | None:
    """Return the type that an element names, as attribute or (DMN 1.1) as child."""
    if element is None:
        return None
    return attribute(element, "typeRef") or text_in(element, "typeRef").strip() or None


def _read_input(element: Element) -> notation.InputData:
    id, name = _name_of(element)
    return notation.InputData(
        id=id,
        name=name,
        line=line_of(element),
        type_ref=type_ref_of(child(element, "variable")),
        description=text_in(element, "description").strip(),
    )


def _references(element: Element) -> tuple[str, ...]:
    return tuple(
        _reference(part)
        for requirement in children(element, "informationRequirement", "knowledgeRequirement")
        for part in children(requirement, *_REQUIRED)
    )


def _reference(element: Element) -> str:
    href = attribute(element, "href")
    if href is None:
        raise ModelError(
            f"expected {local_name(element)} to have an href, but it has none",
            code="no-reference",
            line=line_of(element),
        )
    return href


def _read_decision(element: Element) -> notation.Decision:
    id, name = _name_of(element)
    return notation.Decision(
        id=id,
        name=name,
        line=line_of(element),
        type_ref=type_ref_of(child(element, "variable")),
        description=text_in(element, "description").strip(),
        logic=read_child(element, id),
        requires=_references(element),
        question=text_in(element, "question").strip(),
    )


def _read_bkm(element: Element) -> notation.Bkm:
    id, name = _name_of(element)
    logic = child(element, "encapsulatedLogic")
    function = None if logic is None else read_function(logic, id)
    boxed = None if logic is not None else read_child(element, id)
    if isinstance(boxed, notation.Function):
        function = boxed
    return notation.Bkm(
        id=id,
        name=name,
        line=line_of(element),
        type_ref=type_ref_of(child(element, "variable")),
        description=text_in(element, "description").strip(),
        logic=function,
        requires=_references(element),
    )


def _read_service(element: Element) -> notation.Service:
    id, name = _name_of(element)

    def references(kind: str) -> tuple[str, ...]:
        return tuple(_reference(part) for part in children(element, kind))

    return notation.Service(
        id=id,
        name=name,
        line=line_of(element),
        type_ref=type_ref_of(child(element, "variable")),
        description=text_in(element, "description").strip(),
        outputs=references("outputDecision"),
        encapsulated=references("encapsulatedDecision"),
        input_decisions=references("inputDecision"),
        input_data=references("inputData"),
    )


def _read_item(element: Element) -> notation.Item:
    function = child(element, "functionItem")
    name = attribute(element, "name") or ""
    return notation.Item(
        name=name,
        line=line_of(element),
        type_ref=type_ref_of(element),
        is_collection=attribute(element, "isCollection") in ("true", "1"),
        allowed=feel_text_in(element, "allowedValues", name).strip(),
        constraint=feel_text_in(element, "typeConstraint", name).strip(),
        components=tuple(_read_item(part) for part in children(element, "itemComponent")),
        parameters=None
        if function is None
        else tuple(read_parameter(part) for part in children(function, "parameters")),
        result_ref=None if function is None else attribute(function, "outputTypeRef"),
    )
