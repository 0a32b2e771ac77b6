"""Temporal workflows, over the HTTP API of the Temporal frontend (port 7243 by default).

    there = temporal.namespace("http://temporal:7243", "default")

    @workflow
    async def fulfil(order: str) -> str:
        done = await there.start_and_wait("Ship", [order], queue="shipping")
        return done.value

The workflow's id follows from the step and may be used once, so Temporal itself refuses a second
start (409), and the workflow that is there is waited for: through every run of it, when it
continues as new or is retried.

Arguments go as JSON payloads (`json/plain`), which every SDK reads. The API would also take them as
they are, but then an empty list arrives as nothing.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
import msgspec

from tenuto.elsewhere import errand
from tenuto.elsewhere.calls import Auth, Door, part, stable_id
from tenuto.elsewhere.errand import CANCEL, Ended, Errand, Look, Pace, Started
from tenuto.elsewhere.errors import Away, ElsewhereError, Refused, RunFailed, RunStopped
from tenuto.errors import InputError

ENGINE: Final = "temporal"
TERMINATE: Final = "terminate"
_PLAIN: Final = "application/json+no-payload-shorthand"
_ALREADY_EXISTS: Final = 6
# The gateway reads numbers of enums in a query, not their names.
_CLOSE_EVENT: Final = 2
_EVENT: Final = "EVENT_TYPE_WORKFLOW_EXECUTION_"
_PHASES: Final = {
    "COMPLETED": errand.ENDED,
    "FAILED": errand.FAILED,
    "TIMED_OUT": errand.FAILED,
    "CANCELED": errand.STOPPED,
    "TERMINATED": errand.STOPPED,
}
_CAUSES_MAX: Final = 8


class Namespace:
    """The workflows of one namespace of a Temporal."""

    def __init__(self, door: Door, name: str, ui: str, prefix: str, pace: Pace) -> None:
        """Made by `namespace`."""
        self._door = door
        self._at = f"/api/v1/namespaces/{part(name)}/workflows"
        self._ui = f"{ui}/namespaces/{part(name)}/workflows"
        self._prefix = prefix
        self._errand = Errand(ENGINE, self._begin, self._look, self._end, pace)

    async def start_and_wait(
        self,
        workflow_type: str,
        arguments: Sequence[Any] = (),
        *,
        queue: str,
        options: Mapping[str, Any] | None = None,
        on_cancel: str = CANCEL,
    ) -> Ended:
        """Start a workflow by its type in a workflow here and wait for its end. `value` is its
        result.

        `options` go with the request as they are: `workflowExecutionTimeout`, `memo` and the like.
        `on_cancel` says what becomes of it when the workflow here is canceled: `cancel` asks it to
        end, `terminate` ends it at once, `leave` lets it be. Raises `RunFailed` with the cause,
        `RunStopped` when it is canceled, terminated or deleted there.
        """
        body = {
            **(options or {}),
            "workflowType": {"name": workflow_type},
            "taskQueue": {"name": queue},  # glossary: theirs
            "input": {"payloads": [payload(one) for one in arguments]},
        }
        return await self._errand.run((workflow_type, body), on_cancel, (CANCEL, TERMINATE))

    async def _begin(self, workflow_type: str, body: dict[str, Any]) -> Started:
        """Start a workflow, or find the one that an earlier attempt started."""
        id = stable_id(self._prefix)
        asked = {
            **body,
            "requestId": id,
            "workflowIdReusePolicy": "WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE",
        }
        answer = await self._door.ask("POST", f"{self._at}/{part(id)}", asked, expected=(409,))
        is_new = answer.status != httpx.codes.CONFLICT
        if not is_new and (answer.body or {}).get("code", _ALREADY_EXISTS) != _ALREADY_EXISTS:
            raise Away(f"expected Temporal to start workflow {id}, got {answer.body}")
        run = _run_of(answer.body) if is_new else _run_there(answer.body)
        link = self._link(id, run)
        return Started(id, workflow_type, link, key=id, run=run, is_new=is_new)

    async def _look(self, started: Started) -> Look:
        """Look whether a run has its last event; a run that was continued leads to the next."""
        query: dict[str, Any] = {"historyEventFilterType": _CLOSE_EVENT}
        if started.run:
            query["execution.runId"] = started.run
        answer = await self._door.ask(
            "GET", f"{self._at}/{part(started.id)}/history", query=query, expected=(404,)
        )
        if answer.status == httpx.codes.NOT_FOUND:
            return Look(errand.STOPPED, "deleted")
        events: list[Any] = ((answer.body or {}).get("history") or {}).get("events") or []
        kind = str(events[-1]["eventType"]).removeprefix(_EVENT) if events else ""
        if kind not in _PHASES and kind != "CONTINUED_AS_NEW":
            return Look(errand.RUNNING, "RUNNING")
        return self._ended(started, kind, _attributes(events[-1]))

    def _ended(self, started: Started, kind: str, said: Mapping[str, Any]) -> Look:
        """Say how a run ended: it may go on in another run of the same workflow."""
        following = said.get("newExecutionRunId")
        if following:
            at = self._link(started.id, following)
            onward = Started(started.id, started.of, at, key=started.key, run=following)
            return Look(errand.RUNNING, kind, next=onward)
        if kind == "COMPLETED":
            return Look(errand.ENDED, kind, _one_of(said.get("result")))
        reason = said.get("reason") or _cause_of(said.get("failure"))
        return Look(_PHASES[kind], kind, reason=str(reason or ""))

    async def _end(self, started: Started, how: str) -> None:
        """Ask a workflow to end, or end it, unless it has ended."""
        body: dict[str, Any] = {"reason": "the workflow that waits for it was canceled"}
        if how == CANCEL:
            body["requestId"] = started.key
        await self._door.ask("POST", f"{self._at}/{part(started.id)}/{how}", body, expected=(404,))

    def _link(self, id: str, run: str) -> str:
        """Return where people look at a workflow."""
        return f"{self._ui}/{part(id)}/{part(run)}/history" if run else f"{self._ui}/{part(id)}"


def _run_of(body: Any) -> str:
    return str((body or {}).get("runId") or "")


def _run_there(body: Any) -> str:
    """Return the run that a refusal names, if it names one."""
    for detail in (body or {}).get("details") or ():
        if detail.get("runId"):
            return str(detail["runId"])
    return ""


def _attributes(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an event says: its one field whose name ends in `EventAttributes`."""
    for name, said in event.items():
        if name.endswith("EventAttributes"):
            return dict(said or {})
    return {}


def payload(value: Any) -> dict[str, Any]:
    """Return an argument as the payload that every SDK reads."""
    try:
        data = msgspec.json.encode(value)
    except (TypeError, msgspec.MsgspecError) as error:
        raise InputError(f"expected plain data as an argument, got {value!r:.100}") from error
    return {"metadata": {"encoding": _base64(b"json/plain")}, "data": _base64(data)}


def unpacked(one: Mapping[str, Any]) -> Any:
    """Return what a payload holds; one in an encoding of somebody's own stays as it is."""
    encoding = b64decode((one.get("metadata") or {}).get("encoding") or "").decode()
    data = b64decode(one.get("data") or "")
    if encoding == "binary/null":
        return None
    if encoding == "binary/plain":
        return data
    return msgspec.json.decode(data) if encoding == "json/plain" else dict(one)


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _one_of(result: Any) -> Any:
    """Return a result: one payload is itself, several are a list, none is nothing."""
    found = [unpacked(one) for one in (result or {}).get("payloads") or ()]
    return found if len(found) > 1 else found[0] if found else None


def _cause_of(failure: Any) -> str:
    """Return the messages of a failure and of its causes, the outermost first."""
    found: list[str] = []
    while failure and len(found) < _CAUSES_MAX:
        kind = (failure.get("applicationFailureInfo") or {}).get("type")
        message = str(failure.get("message") or "")
        found.append(f"{kind}: {message}" if kind else message)
        failure = failure.get("cause")
    return "; ".join(one for one in found if one)


def namespace(
    url: str,
    name: str = "default",
    *,
    auth: Auth = None,
    ui: str | None = None,
    prefix: str = "tenuto",
    pace: Pace = Pace(),  # noqa: B008  (frozen)
) -> Namespace:
    """Return the workflows of a namespace of the Temporal whose HTTP API is at `url`.

    `auth` is an API key, or any `httpx.Auth`; it is kept in memory alone. `ui` is the page that
    links lead to. `prefix` begins the ids of workflows: give each Tenuto database that starts
    workflows here one of its own.
    """
    door = Door(ENGINE, url, auth, {"content-type": _PLAIN, "accept": _PLAIN})
    return Namespace(door, name, (ui or door.url).rstrip("/"), prefix, pace)


# A step's error comes back as the type that this module knows by its name.
__all__ = [
    "Away",
    "ElsewhereError",
    "Ended",
    "Namespace",
    "Pace",
    "Refused",
    "RunFailed",
    "RunStopped",
    "namespace",
]
