"""Requests as callers mean them, turned into commands: values encoded and checked at this door."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tenuto import values
from tenuto.deploy import Prepared
from tenuto.engine import commands as c
from tenuto.engine.registry import REGISTRY
from tenuto.errors import InputError, ValueRefused
from tenuto.keys import Kind, named_key
from tenuto.runtime.admission import WORKFLOW_ID
from tenuto.runtime.clock import SystemClock
from tenuto.runtime.requests import NEW_INSTANCE, Request
from tenuto.schedules import add, parse_duration
from tenuto.workflows.chance import any_uuid

if TYPE_CHECKING:
    from tenuto.workflows.define import Workflow

REJECT: Final = "reject"
KEY_MAX: Final = 2**63 - 1
NUMBER_MAX: Final = 2**31


class TokenRequest(NamedTuple):
    """A token as it is issued: `digest` is SHA-256 of its secret; `expires_at` Unix
    milliseconds.
    """

    id: str
    name: str
    kind: str
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    job_types: tuple[str, ...]
    digest: bytes
    expires_at: int | None = None


def encode_variables(variables: Mapping[str, Any] | None) -> dict[str, bytes]:
    """Return plain Python data as encoded values.

    Raises `ValueRefused` with the variable's name.
    """
    encoded = {}
    for name, plain in (variables or {}).items():
        if not isinstance(name, str) or not name:
            raise ValueRefused(f"expected a variable name to be a text, got {name!r}")
        value = values.from_python(plain)
        encoded[name] = values.encode_checked(value, where=f"variable `{name}`")
    return encoded


def start_request(  # noqa: PLR0913  (one parameter for each thing that a start may say)
    process: str,
    variables: Mapping[str, Any] | None = None,
    *,
    business_key: str | None = None,
    idempotency_key: str | None = None,
    unique: bool = False,
    id: str | None = None,
    actor: str = "",
) -> Request:
    """Ask for a new instance of a process, or for that of an `id`. Raises `InputError` for an id
    beside another business key.
    """
    if id is not None:
        if business_key not in {None, id}:
            raise InputError(
                "expected an id or a business key, got both: the id is the business key"
            )
        command = c.StartInstance(process, encode_variables(variables), id)
        return with_id(Request(NEW_INSTANCE, command, actor, idempotency_key), id, unique=unique)
    command = c.StartInstance(process, encode_variables(variables), business_key)
    return Request(NEW_INSTANCE, command, actor, idempotency_key, unique=unique)


def with_id(request: Request, id: str, *, unique: bool) -> Request:
    """Return a start that gives the instance of an id if there is one, or with `unique` is refused
    then; unless it comes again under its own idempotency key.
    """
    assert isinstance(request.command, c.StartInstance), "what is started has an id"
    same = hashlib.sha256(request.command.process.encode()).digest()
    if unique:
        own = request.idempotency_key
        same += any_uuid().bytes if own is None else hashlib.sha256(own.encode()).digest()
    return request._replace(idempotency_key=id, scope=WORKFLOW_ID, fingerprint=same)


def begin_request(
    workflow: Workflow[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], actor: str
) -> Request:
    """Ask for an instance of a workflow with these arguments."""
    id = workflow.id_of(*args, **kwargs)
    place = workflow.ask_place(args, kwargs)
    variables = workflow.encode_arguments(*args, **kwargs)
    command = c.StartInstance(workflow.name, variables, id, place=place)
    request = Request(NEW_INSTANCE, command, actor)
    if id is None:
        return request
    return with_id(request, id, unique=workflow.settings.existing == REJECT)


def deploy_request(prepared: Prepared, *, actor: str = "") -> Request:
    """Ask to deploy what was prepared."""
    resources = tuple((name, kind, source) for name, kind, source in prepared.sources)
    return Request(REGISTRY, c.Deploy(resources), actor, compiled=prepared.compiled)


def publish_request(  # noqa: PLR0913  (one parameter for each part of a message)
    name: str,
    correlation_key: str = "",
    variables: Mapping[str, Any] | None = None,
    *,
    message_id: str | None = None,
    time_to_live: str = "PT0S",
    actor: str = "",
    at: int | None = None,
) -> Request:
    """Ask to publish a message; it is kept for the ISO 8601 duration `time_to_live`, whose months
    begin `at` (Unix milliseconds) or now.
    """
    check_text("message name", name)
    if correlation_key:
        check_text("correlation key", correlation_key)
    begins = SystemClock().now() if at is None else at
    lives = add(begins, parse_duration(time_to_live)) - begins
    command = c.PublishMessage(
        name, correlation_key, encode_variables(variables), message_id, lives
    )
    return Request(named_key(Kind.MAILBOX, name, correlation_key), command, actor)


def broadcast_request(
    name: str, variables: Mapping[str, Any] | None = None, *, actor: str = ""
) -> Request:
    """Ask to broadcast a signal."""
    check_text("signal name", name)
    command = c.BroadcastSignal(name, encode_variables(variables))
    return Request(named_key(Kind.BROADCAST, name), command, actor)


def check_text(what: str, text: str) -> None:
    """Refuse a name that some store could not hold."""
    surrogate = any("\ud800" <= character <= "\udfff" for character in text)
    if not text or len(text) > 255 or "\x00" in text or surrogate:
        raise InputError(f"expected a {what} of 1 to 255 characters, got {text[:40]!r}")


def task_key(text: str) -> tuple[int, int]:
    """Return instance and element number of a task, job or incident key such as
    `381399806771515392-7`. Raises `InputError` for what is none.
    """
    instance, _, number = text.partition("-")
    if not _is_key(instance) or not _is_number(number) or int(number) > NUMBER_MAX:
        raise InputError(f"expected a key such as 381399806771515392-7, got `{text[:60]}`")
    return int(instance), int(number)


def instance_key(text: str) -> int:
    """Return an instance key from its text. Raises `InputError` for what is none."""
    if not _is_key(text):
        raise InputError(f"expected an instance key of digits, got `{text[:60]}`")
    return int(text)


def _is_key(text: str) -> bool:
    return _is_number(text) and 0 < int(text) <= KEY_MAX


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 19
