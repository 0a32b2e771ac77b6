"""Logs of workflows: a line of a body is written once, however often the body is replayed.

    log = wf.logger()
    log.info("charged", amount=7)   # says instance and workflow, and in a step its attempt

A line is written when the body comes to it for the first time, at once. Only a process that is
ended between a line and the commit that follows it writes the line again.
"""

from __future__ import annotations

import logging
from typing import Any

import structlog

from tenuto.workflows.context import StepContext, current_step
from tenuto.workflows.routine import Routine, current


class WorkflowLogger:
    """A logger for bodies and steps of workflows; outside of them an ordinary one."""

    def __init__(self, name: str = "tenuto.workflow", **bound: Any) -> None:
        """Write under a name, with `bound` in each line."""
        self.name = name
        self._bound = bound
        self._log = structlog.get_logger(name).bind(**bound) if bound else None

    def bind(self, **more: Any) -> WorkflowLogger:
        """Return a logger that says more in each line."""
        return WorkflowLogger(self.name, **{**self._bound, **more})

    def debug(self, event: str, **fields: Any) -> None:
        """Write a line for developers."""
        self._write("debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Write a line."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Write a line that somebody should see."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Write a line about a failure."""
        self._write("error", event, fields)

    def critical(self, event: str, **fields: Any) -> None:
        """Write a line that somebody must see."""
        self._write("critical", event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """Write a line about the error at hand, with its trace."""
        self._write("error", event, {"exc_info": True, **fields})

    def _write(self, level: str, event: str, fields: dict[str, Any]) -> None:
        routine = current()
        if routine is not None and not routine.may_say(f"{self.name} {level} {event} {fields!r}"):
            return
        log = structlog.get_logger(self.name) if self._log is None else self._log
        getattr(log, level)(event, **{**_where(routine), **fields})


def logger(name: str = "tenuto.workflow", **bound: Any) -> WorkflowLogger:
    """Return a logger whose lines are written once; `bound` is said in each of them."""
    return WorkflowLogger(name, **bound)


class OnceFilter(logging.Filter):
    """Lets lines of the standard library's logging through once, in spite of replays.

    Add it to a handler: `handler.addFilter(wf.OnceFilter())`. It also sets `instance` and
    `workflow` on the records, and in steps `step` and `attempt`; all are empty elsewhere.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether to write a record: what a replay says again is not written."""
        decided: bool | None = getattr(record, "_tenuto_once", None)
        if decided is None:
            decided = self._decide(record)
            record._tenuto_once = decided
        return decided

    def _decide(self, record: logging.LogRecord) -> bool:
        routine = current()
        where = _where(routine)
        for name in ("instance", "workflow", "step", "attempt"):
            if not hasattr(record, name):
                setattr(record, name, where.get(name, ""))
        if routine is None:
            return True
        return routine.may_say(f"{record.name} {record.levelname} {record.getMessage()}")


def _where(routine: Routine | None) -> dict[str, Any]:
    """Return what tells where a line was written."""
    if routine is not None:
        return {"instance": routine.instance, "workflow": routine.workflow.name}
    step: StepContext | None = current_step()
    if step is None:
        return {}
    return {
        "instance": step.instance,
        "workflow": step.workflow,
        "step": step.step,
        "attempt": step.attempt,
    }


log = logger()
