"""What the tests of the BPMN room share: short ways to write a model and to look at its reading."""

import pytest

from tenuto import bpmn

NAMESPACES = {
    "": "http://www.omg.org/spec/BPMN/20100524/MODEL",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "tenuto": "https://tenuto.dev/schema/1.0",
}
VENDORS = {
    "zeebe": "http://camunda.org/schema/zeebe/1.0",
    "camunda": "http://camunda.org/schema/1.0/bpmn",
}


def definitions(content, *vendors):
    """Return the bytes of a file with this content; `vendors` declares their namespaces."""
    names = NAMESPACES | {vendor: VENDORS[vendor] for vendor in vendors}
    declared = " ".join(f'xmlns{":" if p else ""}{p}="{uri}"' for p, uri in names.items())
    return f"<definitions {declared}>\n{content}\n</definitions>".encode()


def process(content, *vendors, roots=""):
    """Return the bytes of a file with one executable process `p`."""
    return definitions(f'{roots}<process id="p" isExecutable="true">{content}</process>', *vendors)


def between(node, extension="", *, name="serviceTask", attributes="", inner=""):
    """Return start, one node `n`, and end, joined by flows."""
    extensions = f"<extensionElements>{extension}</extensionElements>" if extension else ""
    return (
        '<startEvent id="s"/><sequenceFlow id="f1" sourceRef="s" targetRef="n"/>'
        f'<{name} id="n" {node} {attributes}>{extensions}{inner}</{name}>'
        '<sequenceFlow id="f2" sourceRef="n" targetRef="e"/><endEvent id="e"/>'
    )


class Models:
    """Reads models that a test writes."""

    definitions = staticmethod(definitions)
    process = staticmethod(process)
    between = staticmethod(between)

    def reading(self, source, **options):
        """Return the reading of a file."""
        return bpmn.read(source, name="model.bpmn", **options)

    def graph(self, content, *vendors, roots=""):
        """Return the graph of an accepted process."""
        reading = self.reading(process(content, *vendors, roots=roots))
        assert reading.report.refusals == ()
        return reading.graphs[0]

    def node(self, name, *vendors, attributes="", extension="", inner="", roots=""):
        """Return the compiled node `n` of an accepted process that holds little else."""
        content = between("", extension, name=name, attributes=attributes, inner=inner)
        return self.graph(content, *vendors, roots=roots).nodes["n"]

    def refusals(self, content, *vendors, roots=""):
        """Return (code, element) of everything that stands in the way of a process."""
        report = self.reading(process(content, *vendors, roots=roots)).report
        return [(finding.code, finding.element) for finding in report.refusals]

    def node_refusals(self, name, *vendors, attributes="", extension="", inner="", roots=""):
        """Return the codes of what is refused about the node `n`."""
        content = between("", extension, name=name, attributes=attributes, inner=inner)
        found = self.refusals(content, *vendors, roots=roots)
        assert all(element == "n" for _, element in found)
        return [code for code, _ in found]

    def ignored(self, content, *vendors, roots=""):
        """Return the codes of what is ignored in an accepted process."""
        report = self.reading(process(content, *vendors, roots=roots)).report
        assert report.refusals == ()
        return [finding.code for finding in report.ignored]


@pytest.fixture
def models():
    """Give short ways to write and read models."""
    return Models()
