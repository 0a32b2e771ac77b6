"""Forks: an instance that begins with what another one had seen before a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tenuto.client.history import cut_before, last_start, read_history
from tenuto.client.requests import encode_variables
from tenuto.engine import commands as c
from tenuto.runtime.requests import NEW_INSTANCE, Request

if TYPE_CHECKING:
    from tenuto.client.reading import Reading


def fork_request(
    read: Reading,
    instance: str,
    *,
    from_step: str | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Request:
    """Ask for a fork of a workflow; it begins with the outcomes before `from_step`.

    `from_step` is a key (`charge#3`) or a name (its last call); without it the last step that
    failed. `variables` replace arguments. Raises `InputError` for what is no workflow or step.
    """
    row = read.find(instance)
    start = last_start(read, row.key)
    history = read_history(read, row.key, start.element, start.version)
    copied = tuple(
        c.StepEnded(one.key, one.at, one.value, one.error)
        for one in history.outcomes[: cut_before(history, from_step)]
    )
    given = {**history.variables, **encode_variables(variables)}
    command = c.StartInstance(row.process, given, copied=copied, marks=tuple(history.marks))
    return Request(NEW_INSTANCE, command)
