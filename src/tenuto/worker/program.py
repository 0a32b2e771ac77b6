"""What a user's module brings: handlers, steps and workflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenuto.worker.handlers import Handler, describe, handlers_of
from tenuto.workflows.define import Step, Workflow, workflows_of


class Program(dict[str, Handler]):
    """Handlers by job type, and beside them the workflows by name."""

    def __init__(
        self,
        handlers: Mapping[str, Handler] | None = None,
        workflows: Mapping[str, Workflow[Any, Any]] | None = None,
    ) -> None:
        """Gather what there is."""
        super().__init__(handlers or {})
        self.workflows: dict[str, Workflow[Any, Any]] = dict(workflows or {})


def program_of(module: object) -> Program:
    """Return what a module or namespace declares. A step is a handler of the job type of its name.

    Raises `InputError` when two functions declare the same type or name.
    """
    handlers = handlers_of(module)
    members = vars(module).values() if hasattr(module, "__dict__") else ()
    for member in members:
        if isinstance(member, Step):
            handlers.setdefault(member.name, describe(member.name, member.function))
    return Program(handlers, workflows_of(module))
