"""Process instances of Camunda 7 (and of Operaton, which has the same API), over its REST API.

    engine = camunda7.engine("https://camunda.example/engine-rest", auth=("tenuto", password))

    @workflow
    async def refund(order: str) -> dict:
        done = await engine.start_and_wait("refund", {"order": order})
        return done.value

Camunda 7 does not refuse a second instance with the same business key. So the step looks for its
key first, in the history, where running and ended instances are. That finds every instance whose
start was committed. A first request that is still under way after its answer was given up for lost
is not found: let a process that starts with slow work be `asyncBefore`, so that its start is quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import httpx
import msgspec

from tenuto.elsewhere import errand
from tenuto.elsewhere.calls import Auth, Door, part, stable_id
from tenuto.elsewhere.errand import CANCEL, Ended, Errand, Look, Pace, Started
from tenuto.elsewhere.errors import Away, ElsewhereError, Refused, RunFailed, RunStopped
from tenuto.errors import InputError

ENGINE: Final = "camunda7"
WAIT: Final = "wait"
FAIL: Final = "fail"
# The engine commits a start when it comes to its first wait; give it time to get there.
START_SECONDS: Final = 120.0
_PHASES: Final = {
    "COMPLETED": errand.ENDED,
    "EXTERNALLY_TERMINATED": errand.STOPPED,
    "INTERNALLY_TERMINATED": errand.FAILED,
}
_INT_MAX: Final = 2**31
_LONG_MAX: Final = 2**63


class Processes:
    """The processes of one Camunda 7 engine."""

    def __init__(self, door: Door, cockpit: str, prefix: str, pace: Pace) -> None:
        """Made by `engine`."""
        self._door = door
        self._cockpit = cockpit
        self._prefix = prefix
        self._errand = Errand(ENGINE, self._begin, self._look, self._end, pace)

    async def start_and_wait(
        self,
        process: str,
        variables: Mapping[str, Any] | None = None,
        *,
        tenant: str | None = None,
        on_incident: str = WAIT,
        on_cancel: str = CANCEL,
    ) -> Ended:
        """Start a process by its key in a workflow and wait for its end. `value` has its variables.

        An incident there is waited out by default, since people there can resolve it; with
        `on_incident="fail"` it ends the wait with `RunFailed`, and the instance stays as it is.
        `on_cancel` says what becomes of the instance when the workflow is canceled: `cancel`
        deletes it, `leave` lets it be. Raises `RunStopped` when somebody there deletes it.
        """
        errand.check_choice("on_incident", on_incident, (WAIT, FAIL))
        arguments = (process, dict(variables or {}), tenant, on_incident)
        return await self._errand.run(arguments, on_cancel, (CANCEL,))

    async def _begin(
        self, process: str, variables: dict[str, Any], tenant: str | None, on_incident: str
    ) -> Started:
        """Start an instance, or find the one that an earlier attempt started."""
        key = stable_id(self._prefix)
        query = {"processInstanceBusinessKey": key, "processDefinitionKey": process}
        found = await self._door.ask("GET", "/history/process-instance", query=query)
        if found.body:
            return self._started(found.body[0]["id"], process, key, on_incident, is_new=False)
        at = "" if tenant is None else f"/tenant-id/{part(tenant)}"
        answer = await self._door.ask(
            "POST",
            f"/process-definition/key/{part(process)}{at}/start",
            {"businessKey": key, "variables": typed(variables)},
            seconds=START_SECONDS,
        )
        return self._started(answer.body["id"], process, key, on_incident, is_new=True)

    def _started(
        self, id: str, process: str, key: str, on_incident: str, *, is_new: bool
    ) -> Started:
        link = f"{self._cockpit}/#/process-instance/{part(id)}"
        return Started(id, process, link, key=key, wanted=on_incident, is_new=is_new)

    async def _look(self, started: Started) -> Look:
        """Look at an instance; when it has ended, at its variables."""
        at = f"/history/process-instance/{part(started.id)}"
        answer = await self._door.ask("GET", at, expected=(404,))
        if answer.status == httpx.codes.NOT_FOUND:
            return Look(errand.STOPPED, "deleted")
        state = str(answer.body["state"])
        phase = _PHASES.get(state, errand.RUNNING)
        if phase == errand.ENDED:
            return Look(phase, state, await self._variables(started.id))
        if phase == errand.RUNNING and started.wanted == FAIL:
            reason = await self._incident(started.id)
            if reason is not None:
                return Look(errand.FAILED, "stuck in an incident", reason=reason)
        return Look(phase, state, reason=str(answer.body.get("deleteReason") or ""))

    async def _end(self, started: Started, how: str) -> None:
        """Delete an instance, unless it has ended."""
        await self._door.ask("DELETE", f"/process-instance/{part(started.id)}", expected=(404,))

    async def _variables(self, instance: str) -> dict[str, Any]:
        """Return the variables of the process itself, as plain data."""
        query = {"processInstanceId": instance, "deserializeValues": "false"}
        answer = await self._door.ask("GET", "/history/variable-instance", query=query)
        return {
            str(one["name"]): untyped(one)
            for one in answer.body or ()
            if one.get("activityInstanceId") in (None, instance)
        }

    async def _incident(self, instance: str) -> str | None:
        """Return the first open incident of an instance in words, or nothing."""
        answer = await self._door.ask("GET", "/incident", query={"processInstanceId": instance})
        for one in answer.body or ():
            what = one.get("incidentMessage") or one.get("incidentType")
            return f"{what} at {one.get('activityId')}"
        return None


def typed(variables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return variables as the engine takes them: each with the type that it has in Java."""
    return {name: _typed(name, value) for name, value in variables.items()}


def _typed(name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {"value": None, "type": "Null"}
    if isinstance(value, bool):
        return {"value": value, "type": "Boolean"}
    if isinstance(value, int) and abs(value) < _LONG_MAX:
        return {"value": value, "type": "Integer" if abs(value) < _INT_MAX else "Long"}
    if isinstance(value, float):
        return {"value": value, "type": "Double"}
    if isinstance(value, str | Decimal | int):
        return {"value": str(value), "type": "String"}
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InputError(f"variable `{name}`: expected a moment with a time zone, got {value}")
        return {"value": value.strftime("%Y-%m-%dT%H:%M:%S.000%z"), "type": "Date"}
    if isinstance(value, date):
        return {"value": value.isoformat(), "type": "String"}
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, msgspec.MsgspecError) as error:
        raise InputError(
            f"variable `{name}`: expected plain data, got a {type(value).__name__}: {error}"
        ) from error
    return {"value": text, "type": "Json"}


def untyped(variable: Mapping[str, Any]) -> Any:
    """Return a variable of the engine as plain data: JSON is read, other objects stay text."""
    value = variable.get("value")
    info = variable.get("valueInfo") or {}
    is_json = variable.get("type") == "Json" or (
        info.get("serializationDataFormat") == "application/json"
    )
    if not is_json or not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value


def engine(
    url: str,
    *,
    auth: Auth = None,
    cockpit: str | None = None,
    prefix: str = "tenuto",
    pace: Pace = Pace(),  # noqa: B008  (frozen)
) -> Processes:
    """Return the processes of the Camunda 7 engine whose REST API is at `url`.

    `url` ends in `/engine-rest`, or in `/engine-rest/engine/NAME`. `auth` is a token, a user and
    password, or any `httpx.Auth`; it is kept in memory alone. `cockpit` is the page that links lead
    to. `prefix` begins the business keys: give each Tenuto database that starts instances here one
    of its own.
    """
    door = Door(ENGINE, url, auth)
    if cockpit is None:
        cockpit = f"{door.url.split('/engine-rest')[0]}/camunda/app/cockpit/default"
    return Processes(door, cockpit.rstrip("/"), prefix, pace)


# A step's error comes back as the type that this module knows by its name.
__all__ = [
    "Away",
    "ElsewhereError",
    "Ended",
    "Pace",
    "Processes",
    "Refused",
    "RunFailed",
    "RunStopped",
    "engine",
]
