"""Input and output mappings of both dialects."""

import pytest


def zeebe_node(models, mapping):
    """Return a task of a zeebe model with these mappings."""
    extension = f'<zeebe:taskDefinition type="t"/><zeebe:ioMapping>{mapping}</zeebe:ioMapping>'
    return models.node("serviceTask", "zeebe", extension=extension)


def camunda_input(models, content):
    """Return the input mapping of a user task with this parameter content."""
    extension = (
        '<camunda:inputOutput><camunda:inputParameter name="v">'
        f"{content}</camunda:inputParameter></camunda:inputOutput>"
    )
    return models.node("userTask", "camunda", extension=extension).inputs[0]


def value(mapping, **variables):
    """Return what a mapping gives for these variables."""
    source = mapping.source
    return source.constant if source.is_constant else source.expression.call(variables)


def test_zeebe_mappings_keep_order_and_paths(models):
    """Sources are FEEL or text, targets may be paths."""
    node = zeebe_node(
        models,
        '<zeebe:input source="=a + 1" target="x.y"/><zeebe:input source="text" target="z"/>'
        '<zeebe:output source="=x" target="w"/>',
    )

    assert [(value(one, a=1), one.target) for one in node.inputs] == [
        (2, ("x", "y")),
        ("text", ("z",)),
    ]
    assert [one.target for one in node.outputs] == [("w",)]


@pytest.mark.parametrize("target", ["", "a..b", "."])
def test_mapping_without_target_is_refused(models, target):
    """A target is a variable or a path of names."""
    extension = (
        '<zeebe:taskDefinition type="t"/><zeebe:ioMapping>'
        f'<zeebe:input source="=1" target="{target}"/></zeebe:ioMapping>'
    )

    assert models.node_refusals("serviceTask", "zeebe", extension=extension) == ["mapping-target"]


def test_broken_feel_is_refused_with_its_place(models):
    """A FEEL text that does not parse names element, line and column."""
    content = models.between(
        "",
        '<zeebe:taskDefinition type="t"/><zeebe:ioMapping>\n'
        '<zeebe:input source="=a +" target="x"/></zeebe:ioMapping>',
    )

    report = models.reading(models.process(content, "zeebe")).report

    finding = report.refusals[0]
    assert (finding.code, finding.element, finding.line) == ("feel-syntax", "n", 3)
    assert "a +" in finding.message
    assert finding.message.splitlines()[-1].strip() == "^"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text", "text"),
        ("${a}", 1),
        ("#{a + 1}", 2),
        ("is ${a}", "is 1"),
        ("", None),
        (
            "<camunda:list><camunda:value>b</camunda:value>"
            "<camunda:value>${a}</camunda:value></camunda:list>",
            ["b", 1],
        ),
        (
            '<camunda:map><camunda:entry key="k">${a}</camunda:entry>'
            '<camunda:entry key="${name}">c</camunda:entry></camunda:map>',
            {"k": 1, "n": "c"},
        ),
        (
            '<camunda:map><camunda:entry key="k"><camunda:list><camunda:value>x</camunda:value>'
            "</camunda:list></camunda:entry></camunda:map>",
            {"k": ["x"]},
        ),
        ('<camunda:script scriptFormat="feel">a + 5</camunda:script>', 6),
        ("<camunda:list/>", []),
        ("<camunda:list><camunda:value>${count}</camunda:value></camunda:list>", [9]),
        ('<camunda:script scriptFormat="juel">${count}</camunda:script>', 9),
    ],
)
def test_camunda_parameters_are_evaluated(models, content, expected):
    """Text, JUEL, lists, maps and FEEL scripts become one formula."""
    assert value(camunda_input(models, content), a=1, name="n", count=9) == expected


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('<camunda:script scriptFormat="groovy">1</camunda:script>', "script-language"),
        ('<camunda:script scriptFormat="feel" resource="a.feel"/>', "script-resource"),
        ("${bean.call()}", "juel"),
        ("<camunda:list><camunda:value>${bean.call()}</camunda:value></camunda:list>", "juel"),
        ('<camunda:map><camunda:entry key="${bean.k()}">v</camunda:entry></camunda:map>', "juel"),
    ],
)
def test_parameters_that_run_code_are_refused(models, content, code):
    """Scripts in other languages and calls of beans are refused with the element's id."""
    extension = (
        '<camunda:inputOutput><camunda:outputParameter name="v">'
        f"{content}</camunda:outputParameter></camunda:inputOutput>"
    )

    assert models.node_refusals("userTask", "camunda", extension=extension) == [code]


def test_events_have_mappings_too(models):
    """Mappings stand on events as well as on activities."""
    graph = models.graph(
        '<startEvent id="s"/><endEvent id="n"><extensionElements><zeebe:ioMapping>'
        '<zeebe:output source="=1" target="done"/></zeebe:ioMapping></extensionElements></endEvent>'
        '<sequenceFlow id="f" sourceRef="s" targetRef="n"/>',
        "zeebe",
    )

    assert graph.nodes["n"].outputs[0].target == ("done",)


def test_parameter_without_name_is_refused(models):
    """A parameter says which variable it makes."""
    extension = (
        "<camunda:inputOutput><camunda:inputParameter>x</camunda:inputParameter>"
        "</camunda:inputOutput>"
    )

    assert models.node_refusals("userTask", "camunda", extension=extension) == ["mapping-target"]
