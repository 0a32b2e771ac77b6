"""The work of people: find a task, take it, do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from tenuto import values
from tenuto.api.http import Request, Response
from tenuto.api.problems import Problem
from tenuto.console.answers import questions
from tenuto.console.asking import ask, form
from tenuto.console.rendering import render
from tenuto.console.sessions import local_path, see
from tenuto.errors import ValueRefused
from tenuto.governance.tokens import mint_token

if TYPE_CHECKING:
    from tenuto.api.service import Service

PAGE: Final = 100
ANSWER: Final = "answer."
MORE: Final = 3


class Find(Struct):
    """Whose tasks: mine, those of a group, or all."""

    whose: str = "all"
    group: str = ""
    process: str = ""
    cursor: str = ""


async def list_tasks(service: Service, request: Request) -> Response:
    """Show what people have to do, the earliest due first."""
    given = request.query(Find)
    query = {"process": given.process, "cursor": given.cursor, "limit": PAGE}
    if given.whose == "mine":
        query["assignee"] = request.caller.name
    elif given.whose == "group":
        query["group"] = given.group
    found = await ask(service, request, "listTasks", query=query)
    return render(
        "tasks.html",
        service,
        request,
        given=given,
        tasks=found["items"],
        next=found["next"],
        groups=request.caller.groups,
    )


async def show_task(service: Service, request: Request) -> Response:
    """Show a task, what is known, and what the process asks."""
    task = await ask(service, request, "getTask", task=request.params["task"])
    number = await service.reading(lambda read: read.find(task["instance"]).definition)
    definition = service.node.world.definitions.get(number)
    graph = None if definition is None else definition.graph
    asked = questions(graph, task["element"], task["variables"])
    decisions = await ask(service, request, "getDecisions", key=task["instance"])
    return render(
        "task.html",
        service,
        request,
        task=task,
        questions=asked,
        decisions=decisions,
        more=range(MORE),
        once=mint_token().id,
    )


async def claim(service: Service, request: Request) -> Response:
    """Take a task."""
    await form(service, request)
    task = request.params["task"]
    await ask(service, request, "claimTask", task=task, body={})
    return see(f"/tasks/{task}")


async def release(service: Service, request: Request) -> Response:
    """Give a task back."""
    await form(service, request)
    task = request.params["task"]
    await ask(service, request, "releaseTask", task=task, body={})
    return see(f"/tasks/{task}")


async def complete(service: Service, request: Request) -> Response:
    """Complete a task with the answers of its form."""
    fields = await form(service, request)
    task = request.params["task"]
    variables = answers(fields)
    once = f"page:{task}:{fields.get('once', '')}"
    body = {"variables": variables}
    await ask(service, request, "completeTask", task=task, body=body, once=once)
    return see(local_path(fields.get("back", "/tasks")))


def answers(fields: dict[str, str]) -> dict[str, Any]:
    """Return the variables of a form: `answer.NAME`, and pairs `name.N` and `value.N`.

    What reads as JSON is JSON, everything else is text; an empty field is no answer. Raises
    `Problem` for a value without a name.
    """
    found: dict[str, Any] = {}
    for field, text in fields.items():
        if field.startswith(ANSWER) and text:
            found[field.removeprefix(ANSWER)] = value_of(text)
    for number in range(MORE):
        name, text = fields.get(f"name.{number}", "").strip(), fields.get(f"value.{number}", "")
        if text and not name:
            raise Problem("invalid-body", f"expected a name for the value `{text[:60]}`")
        if name:
            found[name] = value_of(text)
    return found


def value_of(text: str) -> Any:
    """Return the value of a field.

    >>> value_of("12.50"), value_of("true"), value_of("Anna"), value_of('"12"')
    (msgspec.Raw(b'12.50'), msgspec.Raw(b'true'), 'Anna', msgspec.Raw(b'"12"'))
    """
    try:
        values.loads(text)
    except ValueRefused:
        return text
    return msgspec.Raw(text.encode())
