"""Secure XML reading: bytes from anyone become a tree, or a `ModelError`.

A DOCTYPE is refused where it begins, so no entity is ever declared; nothing is fetched; and every
size has a bound. The room above reads elements by their local names, whatever version of the
standard the file was written for.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

from lxml import etree

from tenuto.errors import ModelError

BYTES_MAX = 256 * 1024 * 1024
DEPTH_MAX = 256
ELEMENTS_MAX = 8_000_000
ATTRIBUTES_MAX = 256

# DMN 1.1, 1.2, 1.3, 1.4, 1.5 and 1.6.
NAMESPACES = frozenset(
    [
        "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
        "http://www.omg.org/spec/DMN/20180521/MODEL/",
        "https://www.omg.org/spec/DMN/20191111/MODEL/",
        "https://www.omg.org/spec/DMN/20211108/MODEL/",
        "https://www.omg.org/spec/DMN/20230324/MODEL/",
        "https://www.omg.org/spec/DMN/20240513/MODEL/",
    ]
)

Element = etree._Element


def parse(source: bytes, *, name: str | None = None) -> Element:
    """Return the root of a document.

    Raises `ModelError` with one of the codes `xml-too-large`, `xml-doctype`, `xml-malformed`,
    `xml-too-deep`, `xml-too-many-elements`, `xml-too-many-attributes`.
    """
    if len(source) > BYTES_MAX:
        raise ModelError(
            f"expected at most {BYTES_MAX:,} bytes, but the file has {len(source):,}",
            code="xml-too-large",
            source=name,
        )
    _check_bounds(source, name)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,  # its limits are lower than ours, and ours were checked
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(source, parser)
    except etree.XMLSyntaxError as error:
        raise ModelError(
            f"expected well-formed XML: {error.msg}",
            code="xml-malformed",
            line=error.lineno,
            source=name,
        ) from error


def local_name(element: Element) -> str:
    """Return the name of an element without its namespace."""
    tag = element.tag
    assert isinstance(tag, str), "comments and instructions were removed"
    return tag[tag.rfind("}") + 1 :]


def is_standard(element: Element) -> bool:
    """Tell whether an element is one of the standard's own."""
    tag = element.tag
    return isinstance(tag, str) and tag[1 : tag.rfind("}")] in NAMESPACES


def children(element: Element, *names: str) -> Iterator[Element]:
    """Yield the children of these names, in document order."""
    for child in element:
        if is_standard(child) and local_name(child) in names:
            yield child


def child(element: Element, *names: str) -> Element | None:
    """Return the first child of these names."""
    return next(children(element, *names), None)


def text_in(element: Element | None, name: str = "text") -> str:
    """Return the text of a child; nothing when there is none."""
    found = None if element is None else child(element, name)
    return "" if found is None else (found.text or "")


def attribute(element: Element, name: str) -> str | None:
    """Return an attribute without surrounding blanks; nothing when absent or blank."""
    value = element.get(name)
    return (str(value).strip() or None) if value is not None else None


def line_of(element: Element) -> int | None:
    """Return the line where an element begins."""
    return element.sourceline


def _check_bounds(source: bytes, name: str | None) -> None:
    """Raise for a DOCTYPE, for malformed text and for too much of anything.

    expat reads first, because libxml2 needs minutes for one element with 200,000 attributes.
    """
    parser = expat.ParserCreate()
    bounds = _Bounds(parser, name)
    parser.ordered_attributes = True
    parser.StartDoctypeDeclHandler = bounds.on_doctype
    parser.StartElementHandler = bounds.on_start
    parser.EndElementHandler = bounds.on_end
    try:
        parser.Parse(source, True)
    except expat.ExpatError as error:
        raise ModelError(
            f"expected well-formed XML: {expat.ErrorString(error.code)}",
            code="xml-malformed",
            line=error.lineno,
            source=name,
        ) from error
    except (LookupError, ValueError) as error:
        raise ModelError(
            f"expected UTF-8 or UTF-16, but the encoding is not known: {error}",
            code="xml-malformed",
            line=1,
            source=name,
        ) from error


class _Bounds:
    """Counts while expat reads, and stops it at the first thing too many."""

    __slots__ = ("_depth", "_elements", "_name", "_parser")

    def __init__(self, parser: expat.XMLParserType, name: str | None) -> None:
        self._parser = parser
        self._name = name
        self._depth = 0
        self._elements = 0

    def on_doctype(self, *_: object) -> None:
        self._refuse("xml-doctype", "no DOCTYPE: models declare no entities; remove it")

    def on_start(self, _: str, attributes: list[str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > DEPTH_MAX:
            self._refuse("xml-too-deep", f"at most {DEPTH_MAX} elements inside each other")
        if self._elements > ELEMENTS_MAX:
            self._refuse("xml-too-many-elements", f"at most {ELEMENTS_MAX:,} elements")
        if len(attributes) > 2 * ATTRIBUTES_MAX:
            self._refuse("xml-too-many-attributes", f"at most {ATTRIBUTES_MAX} attributes")

    def on_end(self, _: str) -> None:
        self._depth -= 1

    def _refuse(self, code: str, expectation: str) -> None:
        raise ModelError(
            f"expected {expectation}",
            code=code,
            line=self._parser.CurrentLineNumber,
            source=self._name,
        )
