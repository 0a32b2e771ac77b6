"""Languages of texts: FEEL is read, all others are refused before anything is evaluated."""

from __future__ import annotations

import pytest

from tenuto import dmn
from tenuto.errors import ModelError

from .models import decision, definitions, inputs, literal, reads, table

FEEL = "https://www.omg.org/spec/DMN/20230324/FEEL/"


def model_with(tag, language, text=None):
    """A table whose first element of this tag names a language."""
    source = table("x", "o [1] = 1", ["1 => 1"])
    source = source.replace("<inputExpression>", "<inputExpression >")
    start = source.index(f"<{tag}") + len(tag) + 1
    source = f'{source[:start]} id="here" expressionLanguage="{language}"{source[start:]}'
    if text is not None:
        end = source.index("<text>", start)
        source = f"{source[:end]}<text>{text}{source[source.index('</text>', end) :]}"
    return definitions(inputs("x"), decision("d", reads("x"), source))


TAGS = ["inputExpression", "inputEntry", "outputEntry", "outputValues", "defaultOutputEntry"]


@pytest.mark.parametrize("tag", TAGS)
def test_another_language_is_refused_wherever_it_is_named(tag):
    """The error names element, line and language."""
    with pytest.raises(ModelError) as caught:
        dmn.load(model_with(tag, "groovy"))

    error = caught.value
    assert (error.code, error.element) == ("expression-language", "here")
    assert error.line is not None
    assert str(error).endswith(f"expected FEEL, but the expression language of {tag} is groovy")


@pytest.mark.parametrize(
    "language", [FEEL, "feel", "FEEL", "http://www.omg.org/spec/FEEL/20140401"]
)
@pytest.mark.parametrize("tag", TAGS)
def test_feel_may_be_named_everywhere(tag, language):
    """Short and long names of FEEL change nothing."""
    assert dmn.load(model_with(tag, language)).evaluate("d", {"x": 1}).value == 1


@pytest.mark.parametrize("text", ["x", "${x}", " ${ x } "])
def test_a_variable_alone_is_the_same_in_juel(text):
    """Tables drawn for Camunda name JUEL where they read one variable."""
    assert dmn.load(model_with("inputExpression", "juel", text)).evaluate("d", {"x": 1}).value == 1


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("inputExpression", "x.y"),
        ("inputExpression", "${x"),
        ("inputExpression", "x}"),
        ("inputExpression", "${x + 1}"),
        ("outputEntry", "${bean.call()}"),
        ("inputEntry", "x"),
    ],
)
def test_more_of_juel_is_refused(tag, text):
    """Members, operators and tests have another meaning there."""
    with pytest.raises(ModelError, match=f"language of {tag} is juel"):
        dmn.load(model_with(tag, "juel", text))


def test_the_language_of_a_whole_file_is_held_too():
    """A default of another language would change every text that names none."""
    source = definitions(decision("d", literal("1")))
    head = b'<definitions expressionLanguage="%s"'

    assert dmn.load(source.replace(b"<definitions", head % FEEL.encode())).decisions
    with pytest.raises(ModelError, match="language of definitions is http://java"):
        dmn.load(source.replace(b"<definitions", head % b"http://java"))


def test_the_language_of_allowed_values_is_held():
    """Item definitions carry texts as well."""
    values = '<allowedValues expressionLanguage="js"><text>1</text></allowedValues>'
    item = f'<itemDefinition name="t"><typeRef>number</typeRef>{values}</itemDefinition>'

    with pytest.raises(ModelError) as caught:
        dmn.load(definitions(item))

    assert (caught.value.code, caught.value.element) == ("expression-language", "t")
