"""User tasks: the work of people.

Whoever may assign tasks gives them to anybody. A person claims what it is a candidate of, and
completes and releases what it has.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, Struct

from tenuto.api.http import IDEMPOTENCY_KEY, Request, Response, empty_response, json_response
from tenuto.api.keys import element_key
from tenuto.api.pages import SCAN_MAX, Items, Paged, page, place_of
from tenuto.api.preconditions import IF_MATCH, etag, expected_tag
from tenuto.api.problems import Problem
from tenuto.api.rendering import moment, stored_json
from tenuto.api.repeats import once
from tenuto.api.routing import Route
from tenuto.api.search import kept_state
from tenuto.client.requests import encode_variables
from tenuto.engine import commands as c
from tenuto.engine import rejections as why
from tenuto.engine.rows import UserTaskRow
from tenuto.engine.state import ROOT
from tenuto.governance.permits import Permission, Principal
from tenuto.runtime import requests as runtime

if TYPE_CHECKING:
    from tenuto.api.service import Service
    from tenuto.client.reading import Reading
    from tenuto.engine.state import InstanceState

CURSOR: Final = "tasks"
ROWS_AT_ONCE: Final = 500
Key = Annotated[str, Meta(min_length=1, max_length=255)]


class FindTasks(Paged, kw_only=True):
    """Which tasks: those that a person has, those that a group may do, those of a process."""

    assignee: Key | None = None
    group: Key | None = None
    process: Key | None = None


class ListedTask(Struct):
    """An open user task. `form` is the key of its form, as the model names it."""

    task: str
    instance: str
    process: str
    element: str
    name: str
    assignee: str | None
    candidate_groups: list[str]
    candidate_users: list[str]
    due_at: str | None
    priority: int
    created_at: str | None
    form: str | None


class ShownTask(ListedTask):
    """An open user task with the variables that it sees and its instance's business key."""

    business_key: str | None
    variables: dict[str, Any]


class Claim(Struct, forbid_unknown_fields=True):
    """Who gets the task; the caller, unless another is named."""

    assignee: Key | None = None


class Nothing(Struct, forbid_unknown_fields=True):
    """No member is known."""


class CompleteTask(Struct, forbid_unknown_fields=True):
    """What the person decided."""

    variables: dict[str, Any] = {}


async def list_tasks(service: Service, request: Request) -> Response:
    """List open user tasks, the earliest due first."""
    given = request.query(FindTasks)
    place = place_of(service.cursors, CURSOR, given, list)
    after = None if place is None else _row_at(place)
    rows, last = await service.reading(lambda read: _found(read, given, after))
    following = None if last is None else [last.due_at, last.instance, last.element]
    items = [listed_task(row) for row in rows]
    return json_response(page(service.cursors, CURSOR, items, following))


async def show_task(service: Service, request: Request) -> Response:
    """Show a task with the variables that it sees."""
    key = element_key("task", request.params["task"])

    def look(read: Reading) -> tuple[UserTaskRow, ShownTask]:
        row = _found_task(read, key)
        state = kept_state(read, key[0])
        assert state is not None, "an instance with an open task is not pruned"
        return row, _shown(read, row, state)

    row, task = await service.reading(look)
    return json_response(task, 200, (etag(_tag(row)),))


async def claim(service: Service, request: Request) -> Response:
    """Give a task to the caller, or to whom it names."""
    given = await request.json(Claim)
    row, caller = await _own_row(service, request), request.caller
    assignee = given.assignee or caller.name
    may_assign = caller.may(Permission.TASKS_ASSIGN)
    if assignee != caller.name and not may_assign:
        raise _forbidden(f"expected `{caller.name}` to claim a task for itself, not another")
    if not may_assign and not _is_candidate(row, caller):
        raise _forbidden(f"expected `{caller.name}` to be a candidate of the task")
    expected = row.assignee if may_assign and given.assignee is not None else None
    command = c.AssignUserTask(row.element, assignee, expected)
    await service.ask(once(runtime.Request(row.instance, command), request, given), request.caller)
    return empty_response()


async def release(service: Service, request: Request) -> Response:
    """Take a task back from the person who has it."""
    given = await request.json(Nothing)
    row, caller = await _own_row(service, request), request.caller
    if row.assignee not in (None, caller.name) and not caller.may(Permission.TASKS_ASSIGN):
        raise _forbidden(f"expected `{caller.name}` to have the task, but `{row.assignee}` does")
    command = c.AssignUserTask(row.element, None, expected=row.assignee)
    await service.ask(once(runtime.Request(row.instance, command), request, given), request.caller)
    return empty_response()


async def complete(service: Service, request: Request) -> Response:
    """Complete a task with what the person decided."""
    given = await request.json(CompleteTask)
    variables = encode_variables(given.variables)
    instance, element = element_key("task", request.params["task"])
    row = await service.reading(lambda read: _task(read, (instance, element)))
    expected: str | None = None
    if row is not None:
        _check_tag(request, row)
        expected = _expected(row, request)
    elif request.idempotency_key is None:
        raise _gone((instance, element))
    command = c.CompleteUserTask(element, variables, expected)
    await service.ask(once(runtime.Request(instance, command), request, given), request.caller)
    return empty_response()


# --- who may


def _expected(row: UserTaskRow, request: Request) -> str | None:
    """Return who must have the task when it is completed; nothing lets whoever has it."""
    caller = request.caller
    if caller.may(Permission.TASKS_ASSIGN):
        return (row.assignee or "") if IF_MATCH in request.headers else None
    if row.assignee not in (None, caller.name):
        raise _forbidden(f"expected `{caller.name}` to have the task, but `{row.assignee}` does")
    if row.assignee is None and not _is_candidate(row, caller):
        raise _forbidden(f"expected `{caller.name}` to be a candidate of the task")
    return row.assignee or ""


def _is_candidate(row: UserTaskRow, caller: Principal) -> bool:
    """Tell whether a person may claim a task; one without candidates is for everybody."""
    groups, users = json.loads(row.candidate_groups), json.loads(row.candidate_users)
    if not groups and not users:
        return True
    return caller.name in users or any(group in groups for group in caller.groups)


def _forbidden(detail: str) -> Problem:
    more = f"; whoever has the permission `{Permission.TASKS_ASSIGN}` may"
    return Problem("forbidden", detail + more)


# --- rows


def _found(
    read: Reading, given: FindTasks, after: UserTaskRow | None
) -> tuple[list[UserTaskRow], UserTaskRow | None]:
    """Return a page and the row after which the next one begins; what a process leaves out is
    read, up to a bound.
    """
    found: list[UserTaskRow] = []
    for _ in range(SCAN_MAX // ROWS_AT_ONCE):
        rows = read.reader.user_tasks(
            assignee=given.assignee, group=given.group, after=after, limit=ROWS_AT_ONCE
        )
        for row in rows:
            if given.process in (None, row.process):
                if len(found) == given.limit:
                    return found, found[-1]
                found.append(row)
        if len(rows) < ROWS_AT_ONCE:
            return found, None
        after = rows[-1]
    return found, after


def _row_at(place: list[Any]) -> UserTaskRow:
    """Return a row that stands where a page ended; only its order matters."""
    due_at, instance, element = place
    return UserTaskRow(
        instance, element, "", "", "", None, "[]", "[]", due_at, None, 0, None, created_at=0
    )


def _task(read: Reading, key: tuple[int, int]) -> UserTaskRow | None:
    """Return an open task, or nothing."""
    after = (key[0], key[1] - 1)
    for row in read.reader.rows("user_task", instance=key[0], after=after, limit=1):
        assert isinstance(row, UserTaskRow), "the user task table holds user tasks"
        if row.element == key[1]:
            return row
    return None


def _found_task(read: Reading, key: tuple[int, int]) -> UserTaskRow:
    row = _task(read, key)
    if row is None:
        raise _gone(key)
    return row


def _gone(key: tuple[int, int]) -> Problem:
    return Problem(
        why.NOT_FOUND,
        f"expected an open user task, but {key[0]}-{key[1]} is none: it was completed or "
        "withdrawn, or never was",
    )


async def _own_row(service: Service, request: Request) -> UserTaskRow:
    """Return the row of the task in the path, if it is still as the caller read it."""
    key = element_key("task", request.params["task"])
    row = await service.reading(lambda read: _found_task(read, key))
    _check_tag(request, row)
    return row


def _tag(row: UserTaskRow) -> str:
    """Return what changes with a task: who has it."""
    return hashlib.sha256((row.assignee or "").encode()).hexdigest()[:16]


def _check_tag(request: Request, row: UserTaskRow) -> None:
    tag = expected_tag(request)
    if tag is not None and tag != _tag(row):
        raise Problem(
            why.VERSION_MISMATCH,
            f"expected the task as it was read, but {row.assignee or 'nobody'} has it now: read "
            "it again",
        )


def listed_task(row: UserTaskRow) -> ListedTask:
    """Return a task as a list shows it."""
    return ListedTask(
        f"{row.instance}-{row.element}",
        str(row.instance),
        row.process,
        row.element_id,
        row.name,
        row.assignee,
        json.loads(row.candidate_groups),
        json.loads(row.candidate_users),
        moment(row.due_at),
        row.priority,
        moment(row.created_at),
        row.form,
    )


def _shown(read: Reading, row: UserTaskRow, state: InstanceState) -> ShownTask:
    one = listed_task(row)
    fields = {name: getattr(one, name) for name in one.__struct_fields__}
    return ShownTask(
        **fields, business_key=state.business_key, variables=_visible(read, row, state)
    )


def _visible(read: Reading, row: UserTaskRow, state: InstanceState) -> dict[str, Any]:
    """Return the variables that an element sees: those of its scopes, the nearest first."""
    found: dict[str, Any] = {}
    number = row.element
    while number in state.elements:
        element = state.elements[number]
        for name, stored in element.variables.items():
            if name not in found:
                found[name] = stored_json(read, state.key, stored)
        if number == ROOT:
            break
        number = element.scope
    return found


def _act(verb: str, endpoint: Any, summary: str, body: Any) -> Route:
    return Route(
        method="POST",
        path=f"/api/v1/tasks/{{task}}/{verb}",
        endpoint=endpoint,
        name=f"{verb}Task",
        summary=summary,
        tag="tasks",
        permission=Permission.TASKS_WORK,
        body=body,
        status=204,
        headers=(IDEMPOTENCY_KEY, IF_MATCH),
        problems=(
            why.NOT_FOUND,
            why.NOT_ACTIVE,
            why.ALREADY_CLAIMED,
            why.VERSION_MISMATCH,
            why.KEY_REUSED,
            why.INVALID_VALUE,
            "too-busy",
        ),
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/tasks",
        endpoint=list_tasks,
        name="listTasks",
        summary="List open user tasks, the earliest due first",
        tag="tasks",
        permission=Permission.TASKS_READ,
        query=FindTasks,
        answer=Items[ListedTask],
        problems=("invalid-cursor",),
    ),
    Route(
        method="GET",
        path="/api/v1/tasks/{task}",
        endpoint=show_task,
        name="getTask",
        summary="Show a task with the variables that it sees",
        tag="tasks",
        permission=Permission.TASKS_READ,
        answer=ShownTask,
        problems=(why.NOT_FOUND,),
    ),
    _act("claim", claim, "Give a task to the caller, or to whom it names", Claim),
    _act("release", release, "Take a task back from the person who has it", Nothing),
    _act("complete", complete, "Complete a task", CompleteTask),
)
