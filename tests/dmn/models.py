"""DMN texts for tests, without the noise of XML."""

from __future__ import annotations

from xml.sax.saxutils import escape

NAMESPACE = "https://www.omg.org/spec/DMN/20230324/MODEL/"


def definitions(*parts: str, namespace: str = "urn:test", version: str = NAMESPACE) -> bytes:
    """A file of these elements."""
    body = "\n".join(parts)
    head = f'<definitions xmlns="{version}" name="test" namespace="{namespace}">'
    return f"{head}\n{body}\n</definitions>".encode()


def inputs(*names: str, **typed: str) -> str:
    """Input data without and with a type."""
    kinds = {**dict.fromkeys(names, "Any"), **typed}
    return "\n".join(
        f'<inputData id="in-{name}" name="{name}"><variable name="{name}" typeRef="{kind}"/>'
        "</inputData>"
        for name, kind in kinds.items()
    )


def needs(*references: str, kind: str = "requiredDecision") -> str:
    """Requirements of one kind by id."""
    tag = "knowledgeRequirement" if kind == "requiredKnowledge" else "informationRequirement"
    return "".join(
        f'<{tag}><{kind} href="{"" if "#" in reference else "#"}{reference}"/></{tag}>'
        for reference in references
    )


def reads(*names: str) -> str:
    """Requirements of input data."""
    return needs(*(f"in-{name}" for name in names), kind="requiredInput")


def decision(name: str, *parts: str, type_ref: str = "Any") -> str:
    """A decision whose id is its name."""
    return (
        f'<decision id="{name}" name="{name}"><variable name="{name}" typeRef="{type_ref}"/>'
        f"{''.join(parts)}</decision>"
    )


def literal(text: str) -> str:
    """A FEEL text."""
    return f"<literalExpression><text>{escape(text)}</text></literalExpression>"


def table(
    columns: str, results: str, rules: list[str], *, policy: str = "UNIQUE", more: str = ""
) -> str:
    """A table from short texts.

    Columns are `a; b`, results `name [values] = default; ...`, rules `test | test => out | out`.
    """
    lines = [f'<decisionTable id="table" hitPolicy="{policy}" {more}>']
    lines += [
        f"<input><inputExpression><text>{escape(column)}</text></inputExpression></input>"
        for column in filter(None, map(str.strip, columns.split(";")))
    ]
    lines += [_output(result.strip()) for result in results.split(";")]
    lines += [_rule(rule, index) for index, rule in enumerate(rules)]
    return "\n".join([*lines, "</decisionTable>"])


def _rule(text: str, index: int) -> str:
    tests, _, outputs = text.partition("=>")
    cells = [f"<inputEntry>{_text(test)}</inputEntry>" for test in filter(None, tests.split("|"))]
    cells += [f"<outputEntry>{_text(output)}</outputEntry>" for output in outputs.split("|")]
    return f'<rule id="r{index + 1}">{"".join(cells)}</rule>'


def _text(text: str) -> str:
    return f"<text>{escape(text.strip())}</text>"


def _output(text: str) -> str:
    text, _, default = text.partition("=")
    name, _, values = text.partition("[")
    named = f'name="{name.strip()}"' if name.strip() else ""
    inner = ""
    if values:
        inner += f"<outputValues><text>{escape(values.strip().rstrip(']'))}</text></outputValues>"
    if default:
        inner += f"<defaultOutputEntry><text>{escape(default.strip())}</text></defaultOutputEntry>"
    return f"<output {named}>{inner}</output>"
