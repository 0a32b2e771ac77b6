"""The result of tests as JUnit XML, which CI systems read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring


class Tested(NamedTuple):
    """One test: its file, its name, what failed (empty when it passed), seconds if measured."""

    file: str
    name: str
    failure: str
    seconds: float | None = None


def junit(results: Iterable[Tested]) -> bytes:
    """Return the XML document, a suite for each file in the order they come.

    Characters that XML 1.0 cannot hold become U+FFFD.
    """
    by_file: dict[str, list[Tested]] = {}
    for result in results:
        by_file.setdefault(result.file, []).append(result)
    root = Element("testsuites")
    for file, tests in by_file.items():
        failed = sum(bool(test.failure) for test in tests)
        suite = SubElement(root, "testsuite", name=_text(file), tests=str(len(tests)))
        suite.set("failures", str(failed))
        for test in tests:
            case = SubElement(suite, "testcase", classname=_text(file), name=_text(test.name))
            if test.seconds is not None:
                case.set("time", f"{test.seconds:.3f}")
            if test.failure:
                first = test.failure.splitlines()[0]
                SubElement(case, "failure", message=_text(first)).text = _text(test.failure)
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _text(text: str) -> str:
    return "".join(one if _is_allowed(ord(one)) else "\ufffd" for one in text)


def _is_allowed(point: int) -> bool:
    """Tell whether XML 1.0 §2.2 allows a character."""
    return point in (0x9, 0xA, 0xD) or (0x20 <= point <= 0xD7FF) or point >= 0xE000
