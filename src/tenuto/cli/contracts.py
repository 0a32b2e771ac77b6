"""Handlers held against the processes whose jobs they perform, before any job is performed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from tenuto.cli.output import warn
from tenuto.errors import InputError
from tenuto.graph.findings import Finding, Severity

if TYPE_CHECKING:
    from tenuto.graph.process import ProcessGraph
    from tenuto.worker.handlers import Handler


def hold_handlers(
    graphs: Iterable[ProcessGraph], handlers: Mapping[str, Handler], own: Collection[str]
) -> None:
    """Warn of handlers that may not fit the processes, and refuse those that cannot fit.

    `own` are the ids of the processes that were deployed just now; a handler that does not fit an
    older one is only warned of, because the way to mend that is a deployment. Raises `InputError`.
    """
    from tenuto.deploy import check_handlers
    from tenuto.worker.declared import declaration

    declared = [declaration(handler) for handler in handlers.values()]
    errors: list[Finding] = []
    for graph in graphs:
        for finding in check_handlers([graph], declared):
            if finding.severity is Severity.ERROR and graph.id in own:
                errors.append(finding)
            else:
                warn(f"{finding.element}: {finding.message}")
    if errors:
        more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
        raise InputError("; ".join(finding.message for finding in errors[:3]) + more)
