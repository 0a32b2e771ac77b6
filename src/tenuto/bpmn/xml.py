"""Secure XML reading: bytes from anyone become a tree of plain structs, or a `ModelError`.

Models are data from strangers. A DOCTYPE is refused where it begins, so no entity is ever declared,
and every size has a bound. Namespaces become the short prefixes of this package, so
that the rest of the room reads `zeebe:taskDefinition` whatever prefix the modeler chose.
"""

from __future__ import annotations

import re
from xml.parsers import expat

from lxml import etree
from msgspec import Struct

from tenuto.errors import ModelError

BYTES_MAX = 16 * 1024 * 1024
DEPTH_MAX = 256
ELEMENTS_MAX = 200_000
ATTRIBUTES_MAX = 256
ATTRIBUTE_LENGTH_MAX = 1024 * 1024

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"

# The forks of one engine keep its attributes under names of their own; they mean the same.
PREFIXES = {
    BPMN: "bpmn",
    "http://www.w3.org/2001/XMLSchema-instance": "xsi",
    "http://camunda.org/schema/zeebe/1.0": "zeebe",
    "http://camunda.org/schema/1.0/bpmn": "camunda",
    "http://activiti.org/bpmn": "camunda",
    "http://flowable.org/bpmn": "camunda",
    "http://operaton.org/schema/1.0/bpmn": "camunda",
    "http://www.camunda.com/fox": "camunda",
    "http://camunda.org/schema/modeler/1.0": "modeler",
    "https://tenuto.dev/schema/1.0": "tenuto",
}

_ENCODINGS = frozenset(
    ["utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "utf-16"]
)
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_DECLARED_ENCODING = re.compile(rb"<\?xml[^>]*?\bencoding\s*=\s*[\"']([A-Za-z0-9._\-]+)[\"']")
_DECLARATION = re.compile(r"<\?xml\b[^>]*\?>")


class Markup(Struct, frozen=True):
    """One XML element, read completely.

    Names and attribute keys carry the prefix of `PREFIXES` (`bpmn:task`, `camunda:class`), nothing
    for attributes without namespace, and the namespace in braces for everybody else's.
    """

    name: str
    attributes: dict[str, str]
    children: tuple[Markup, ...]
    text: str
    line: int | None

    @property
    def id(self) -> str | None:
        """The model id, if it has one."""
        return self.attributes.get("id") or None

    def get(self, key: str) -> str | None:
        """Return the attribute's text without surrounding blanks; nothing when absent or blank."""
        value = self.attributes.get(key)
        return (value.strip() or None) if value is not None else None

    def flag(self, key: str, *, default: bool) -> bool:
        """Return an attribute of type xsd:boolean."""
        value = self.get(key)
        return default if value is None else value in {"true", "1"}

    def all(self, *names: str) -> tuple[Markup, ...]:
        """Return the children of these names, in document order."""
        return tuple(child for child in self.children if child.name in names)

    def first(self, *names: str) -> Markup | None:
        """Return the first child of these names."""
        return next((child for child in self.children if child.name in names), None)

    @property
    def extensions(self) -> tuple[Markup, ...]:
        """What lies in the element's `extensionElements`."""
        return tuple(
            child for holder in self.all("bpmn:extensionElements") for child in holder.children
        )

    def extension(self, name: str) -> Markup | None:
        """Return the first extension element of this name."""
        return next((child for child in self.extensions if child.name == name), None)


class Document(Struct, frozen=True):
    """A file that was read: its root, and the namespaces that its root declares."""

    root: Markup
    namespaces: frozenset[str]


def parse(source: bytes, *, name: str) -> Document:
    """Return the document of a BPMN file.

    Raises `ModelError` with one of the codes `xml-too-large`, `xml-encoding`, `xml-doctype`,
    `xml-malformed`, `xml-too-deep`, `xml-too-many-elements`, `xml-too-many-attributes`,
    `xml-attribute-too-long`, `xml-not-bpmn`.
    """
    text = _decoded(source, name)
    plain = _without_declaration(text)
    _check_bounds(plain, name)
    root = _tree(plain, name)
    if etree.QName(root).namespace != BPMN or etree.QName(root).localname != "definitions":
        raise ModelError(
            f"expected the root element bpmn:definitions, but it is {etree.QName(root).text}",
            code="xml-not-bpmn",
            line=root.sourceline,
            source=name,
        )
    namespaces = frozenset(PREFIXES.get(uri, uri) for uri in root.nsmap.values())
    return Document(root=_markup(root), namespaces=namespaces)


def _decoded(source: bytes, name: str) -> str:
    if len(source) > BYTES_MAX:
        raise ModelError(
            f"expected at most {BYTES_MAX:,} bytes, but the file has {len(source):,}",
            code="xml-too-large",
            source=name,
        )
    encoding = next((e for mark, e in _BYTE_ORDER_MARKS if source.startswith(mark)), None)
    if encoding is None:
        declared = _DECLARED_ENCODING.match(source)
        encoding = declared.group(1).decode("ascii").lower() if declared else "utf-8"
        # Only encodings in which `<` is written plainly: an exotic one could hide a DOCTYPE.
        if encoding not in _ENCODINGS:
            raise ModelError(
                f"expected UTF-8, UTF-16 or Latin-1, but the file declares {encoding}; convert it",
                code="xml-encoding",
                line=1,
                source=name,
            )
    try:
        return source.decode(encoding)
    except UnicodeDecodeError as error:
        raise ModelError(
            f"expected {encoding} text, but byte {error.start} is not: {error.reason}",
            code="xml-encoding",
            line=source[: error.start].count(b"\n") + 1,
            source=name,
        ) from error


def _without_declaration(text: str) -> bytes:
    """Return the text as UTF-8; its declaration, which may name another encoding, is blanked."""
    text = text.lstrip("\ufeff")
    declaration = _DECLARATION.match(text)
    if declaration:
        text = "\n" * declaration.group().count("\n") + text[declaration.end() :]
    return text.encode()


def _check_bounds(source: bytes, name: str) -> None:
    """Raise when the text declares a DOCTYPE, is not well formed, or has too much of anything.

    A tree is built only from what passed here: libxml2 needs minutes for one element with 200,000
    attributes, because it walks their list for each; expat does not and stops where we say.
    """
    parser = expat.ParserCreate("utf-8")
    bounds = _Bounds(parser, name)
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


class _Bounds:
    """Counts while expat reads, and stops it at the first thing too many."""

    def __init__(self, parser: expat.XMLParserType, name: str) -> None:
        self._parser = parser
        self._name = name
        self._depth = 0
        self._elements = 0

    def on_doctype(self, *_: object) -> None:
        self._refuse("xml-doctype", "no DOCTYPE: models declare no entities; remove it")

    def on_start(self, _: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > DEPTH_MAX:
            self._refuse("xml-too-deep", f"at most {DEPTH_MAX} elements inside each other")
        if self._elements > ELEMENTS_MAX:
            self._refuse("xml-too-many-elements", f"at most {ELEMENTS_MAX:,} elements")
        if len(attributes) > ATTRIBUTES_MAX:
            self._refuse("xml-too-many-attributes", f"at most {ATTRIBUTES_MAX} attributes")
        for key, value in attributes.items():
            if len(value) > ATTRIBUTE_LENGTH_MAX:
                expectation = f"at most {ATTRIBUTE_LENGTH_MAX:,} characters in {key!r}"
                fact = f"but there are {len(value):,}"
                self._refuse("xml-attribute-too-long", f"{expectation}, {fact}")

    def on_end(self, _: str) -> None:
        self._depth -= 1

    def _refuse(self, code: str, expectation: str) -> None:
        raise ModelError(
            f"expected {expectation}",
            code=code,
            line=self._parser.CurrentLineNumber,
            source=self._name,
        )


def _tree(source: bytes, name: str) -> etree._Element:
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,  # its limits are lower than ours, and ours were checked
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(source, parser)
    except etree.XMLSyntaxError as error:
        raise ModelError(
            f"expected well-formed XML: {error.msg}",
            code="xml-malformed",
            line=error.lineno,
            source=name,
        ) from error
    assert root.getroottree().docinfo.internalDTD is None, "no DOCTYPE passes the bounds"
    return root


def _markup(element: etree._Element) -> Markup:
    """Return the plain struct of an element; diagrams stay in the file, nothing executes them."""
    children = tuple(
        _markup(child) for child in element if etree.QName(child).namespace != _DIAGRAM
    )
    return Markup(
        name=_prefixed(etree.QName(element)),
        attributes={
            _prefixed(etree.QName(str(key))): str(value) for key, value in element.attrib.items()
        },
        children=children,
        text=element.text or "",
        line=element.sourceline,
    )


_DIAGRAM = "http://www.omg.org/spec/BPMN/20100524/DI"


def _prefixed(name: etree.QName) -> str:
    if name.namespace is None:
        return name.localname
    prefix = PREFIXES.get(name.namespace)
    return f"{prefix}:{name.localname}" if prefix else name.text
