"""Hostile and broken XML: what strangers may send to a reader of models."""

import pytest

from tenuto import bpmn
from tenuto.bpmn import xml
from tenuto.errors import ModelError

OPEN = b'<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">'
CLOSE = b"</definitions>"


def refusal(source):
    """Return how reading these bytes is refused."""
    with pytest.raises(ModelError) as caught:
        bpmn.read(source, name="m.bpmn")
    return caught.value


@pytest.mark.parametrize(
    "prolog",
    [
        b"<!DOCTYPE definitions>",
        b'<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        b"<!-- hidden --><?pi?>\n<!DOCTYPE a>",
    ],
)
def test_doctype_is_refused(prolog):
    """A DOCTYPE is refused wherever it stands before the root."""
    assert refusal(prolog + OPEN + CLOSE).code == "xml-doctype"


def test_doctype_is_refused_in_any_encoding():
    """Neither UTF-16 nor a second byte order mark hides a DOCTYPE."""
    text = '\ufeff<?xml version="1.0" encoding="UTF-16"?>\n<!DOCTYPE a>' + OPEN.decode()

    assert refusal(text.encode("utf-16")).code == "xml-doctype"


def test_doctype_is_named_with_its_line():
    """The refusal of a DOCTYPE says on which line it is."""
    assert refusal(b'<?xml version="1.0"?>\n\n<!DOCTYPE a>' + OPEN + CLOSE).line == 3


def test_entity_bomb_is_refused_before_it_grows():
    """A billion laughs are refused at their declaration."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE a [<!ENTITY l0 "ha">{laughs}]>'.encode()

    assert refusal(bomb + OPEN + b"&l9;" + CLOSE).code == "xml-doctype"


def test_undeclared_entity_is_refused():
    """An entity that nobody declared makes the file malformed."""
    assert refusal(OPEN + b"&secret;" + CLOSE).code == "xml-malformed"


def test_depth_is_bounded():
    """More elements inside each other than the bound are refused."""
    depth = xml.DEPTH_MAX + 10

    assert refusal(OPEN + b"<a>" * depth + b"</a>" * depth + CLOSE).code == "xml-too-deep"


def test_elements_are_bounded():
    """More elements than the bound are refused."""
    assert refusal(OPEN + b"<a/>" * xml.ELEMENTS_MAX + CLOSE).code == "xml-too-many-elements"


def test_attributes_are_bounded():
    """An element with more attributes than the bound is refused, in time linear in their number."""
    attributes = b" ".join(b'a%d=""' % number for number in range(200_000))

    assert refusal(OPEN + b"<a " + attributes + b"/>" + CLOSE).code == "xml-too-many-attributes"


def test_attribute_length_is_bounded():
    """An attribute longer than the bound is refused."""
    long = b"x" * (xml.ATTRIBUTE_LENGTH_MAX + 1)

    assert refusal(OPEN + b'<a b="' + long + b'"/>' + CLOSE).code == "xml-attribute-too-long"


def test_size_is_bounded():
    """A file with an attribute of 50 MB is refused before a parser sees it."""
    huge = OPEN + b'<a b="' + b"x" * 50_000_000 + b'"/>' + CLOSE

    assert refusal(huge).code == "xml-too-large"


@pytest.mark.parametrize(
    "source", [b"", b"\0\0", b"no xml", OPEN, OPEN + b"<a></b>" + CLOSE, b"\xef\xbb\xbf"]
)
def test_malformed_xml_is_refused(source):
    """What is not well-formed is refused as such."""
    assert refusal(source).code == "xml-malformed"


def test_malformed_xml_is_named_with_its_line():
    """The refusal of malformed XML names source and line."""
    error = refusal(OPEN + b"\n<a>\n<b></a>" + CLOSE)

    assert (error.source, error.line) == ("m.bpmn", 3)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (b'<?xml version="1.0" encoding="UTF-7"?>' + OPEN + CLOSE, "xml-encoding"),
        (b'<?xml version="1.0" encoding="IBM037"?>' + OPEN + CLOSE, "xml-encoding"),
        (OPEN + b"\xff" + CLOSE, "xml-encoding"),
        (b"<html/>", "xml-not-bpmn"),
        (b"<definitions/>", "xml-not-bpmn"),
    ],
)
def test_what_is_no_bpmn_text_is_refused(source, code):
    """Exotic encodings, broken bytes and other XML are refused, each with its code."""
    assert refusal(source).code == code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_usual_encodings_are_read(encoding):
    """Names with accents arrive in every encoding that tools write."""
    declared = encoding.removesuffix("-sig")
    text = (
        f'<?xml version="1.0" encoding="{declared}"?>{OPEN.decode()}'
        '<process id="p" name="Prüfung" isExecutable="true"><task id="t"/></process></definitions>'
    )

    graph = bpmn.read(text.encode(encoding), name="m.bpmn").graphs[0]

    assert graph.name == "Prüfung"
