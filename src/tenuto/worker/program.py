"""What a user's module brings: handlers, steps and workflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenuto.errors import InputError
from tenuto.worker.handlers import Handler, describe, handlers_of
from tenuto.workflows.define import Step, Workflow, workflows_of
from tenuto.workflows.queues import Queue, check_whole


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
        self.queues: dict[str, Queue] = {}
        for workflow in self.workflows.values():
            if workflow.settings.place is not None:
                self.add_queue(workflow.settings.place.queue)

    def add_queue(self, queue: Queue) -> None:
        """Take in a queue that the code declares. Raises `InputError` for another of its name."""
        if not queue.is_declared:
            return
        known = self.queues.setdefault(queue.name, queue)
        if known is not queue and known.options != queue.options:
            raise InputError(f"expected one queue named `{queue.name}`, got two that differ")
        for workflow in self.workflows.values():
            place = workflow.settings.place
            if place is not None and place.queue.name == queue.name:
                check_whole(workflow.name, queue)


def program_of(module: object) -> Program:
    """Return what a module or namespace declares. A step is a handler of the job type of its name.

    Raises `InputError` when two functions declare the same type or name.
    """
    handlers = handlers_of(module)
    members = list(vars(module).values()) if hasattr(module, "__dict__") else []
    for member in members:
        if isinstance(member, Step):
            handlers.setdefault(member.name, describe(member.name, member.function))
    program = Program(handlers, workflows_of(module))
    for member in members:
        if isinstance(member, Queue):
            program.add_queue(member)
        elif isinstance(member, Step) and member.settings.place is not None:
            program.add_queue(member.settings.place.queue)
    return program
