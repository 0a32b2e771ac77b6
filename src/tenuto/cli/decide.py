"""`tenuto decide`: evaluate a decision, without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tenuto.cli.output import JSON, TABLE, as_text, emit_json, emit_lines, output_option
from tenuto.cli.variables import read_variables, variable_options
from tenuto.errors import InputError

if TYPE_CHECKING:
    from tenuto.dmn import Model


@click.command()
@click.argument("model", metavar="MODEL")
@click.option("--decision", metavar="ID", help="The decision, where the model has several.")
@click.option("--explain", is_flag=True, help="Show inputs and the rules that matched.")
@variable_options
@output_option
def decide(
    model: str,
    decision: str | None,
    document: str | None,
    pairs: tuple[str, ...],
    output: str,
    *,
    explain: bool,
) -> None:
    """Evaluate a decision of the DMN file MODEL and print its value.

    Nothing is deployed and nothing is kept. `today()` and `now()` are those of this machine.
    """
    from tenuto import dmn, values
    from tenuto.cli.explained import decision_data
    from tenuto.cli.show import print_decision
    from tenuto.client.reading import Decision
    from tenuto.engine.rejections import NOT_FOUND
    from tenuto.errors import Rejected

    loaded = dmn.load(read_model(model))
    id = decision or only_decision(loaded, model)
    if id not in known(loaded):
        raise Rejected(NOT_FOUND, f"expected one of {', '.join(known(loaded))}, got `{id}`")
    variables = values.from_python(read_variables(document, pairs))
    result = loaded.evaluate(id, variables, now=present_time())
    plain = values.to_python(result.to_value())
    data = decision_data(Decision(0, id, 0, plain), {}) | {"error": result.error}
    if output == JSON:
        emit_json(data)
    elif output == TABLE and not explain:
        click.echo(as_text(data["value"]))
        for warning in data["warnings"]:
            click.echo(f"warning: {warning['message']}", err=True)
    elif output == TABLE:
        print_decision(data)
    else:
        emit_lines([data])
    if result.error:
        raise Rejected("decision-failed", result.error)


def present_time() -> datetime:
    """Return the time of this machine, in UTC."""
    return datetime.now(tz=UTC)


def read_model(name: str) -> bytes:
    """Return the bytes of a model file."""
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise InputError(f"expected a DMN file at `{name}`: {error.strerror}") from error


def known(model: Model) -> list[str]:
    """Return the ids of a model's decisions."""
    return list(dict.fromkeys(decision.id for decision in model.decisions.values()))


def only_decision(model: Model, name: str) -> str:
    """Return the model's decision, or ask which."""
    ids = known(model)
    if len(ids) != 1:
        said: Any = ", ".join(ids) or "none"
        raise InputError(f"expected one decision in `{name}`, got {said}; name it with --decision")
    return ids[0]
