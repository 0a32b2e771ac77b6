"""Runs of Airflow DAGs, over the REST API that Airflow 2 and 3 have.

    runs = airflow.dag("https://airflow.example", auth=("tenuto", password))

    @workflow
    async def close_the_books(month: str) -> str:
        done = await runs.start_and_wait("ledger", {"month": month}, result_of="totals")
        return done.value

The run's id follows from the step, so Airflow itself refuses a second one (409), and the run that
is there is waited for.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Final

import httpx

from tenuto.elsewhere import errand
from tenuto.elsewhere.calls import Answer, Auth, Door, part, stable_id
from tenuto.elsewhere.errand import CANCEL, Ended, Errand, Look, Pace, Started
from tenuto.elsewhere.errors import Away, ElsewhereError, Refused, RunFailed, RunStopped

ENGINE: Final = "airflow"
APIS: Final = ("v2", "v1")
_PHASES: Final = {"success": errand.ENDED, "failed": errand.FAILED}
_FAILED_SHOWN_MAX: Final = 5


class Login(httpx.Auth):
    """A user and password that are exchanged for a token, as Airflow 3 asks for."""

    requires_response_body = True

    def __init__(self, url: str, user: str, password: str) -> None:
        """Log in at `url` when a request is refused without a token."""
        self._url = f"{url.rstrip('/')}/auth/token"
        self._user = user
        self._password = password
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request with the token at hand; get another one when it is of no use."""
        if self._token:
            request.headers["authorization"] = f"Bearer {self._token}"
            response = yield request
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return
        given = {"username": self._user, "password": self._password}
        answer = yield httpx.Request("POST", self._url, json=given)
        if not answer.is_success:
            yield request  # it is refused, and says so for itself
            return
        self._token = str(answer.json()["access_token"])
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request


class Dags:
    """The DAGs of one Airflow."""

    def __init__(self, door: Door, api: str, prefix: str, pace: Pace) -> None:
        """Made by `dag`."""
        self._door = door
        self._api = f"/api/{api}"
        self._has_logical_date = api == "v2"
        self._prefix = prefix
        self._errand = Errand(ENGINE, self._begin, self._look, self._end, pace)

    async def start_and_wait(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        *,
        result_of: str | None = None,
        on_cancel: str = CANCEL,
    ) -> Ended:
        """Run a DAG in a workflow and wait for its end. `value` is what the task `result_of`
        returned.

        `on_cancel` says what becomes of the run when the workflow is canceled: `cancel` marks it as
        failed, which ends its tasks, `leave` lets it be. Raises `RunFailed` with the tasks that
        failed, `RunStopped` when somebody deletes the run, `Refused` when Airflow does not accept
        it.
        """
        arguments = (dag_id, dict(conf or {}), result_of)
        return await self._errand.run(arguments, on_cancel, (CANCEL,))

    async def _begin(self, dag_id: str, conf: dict[str, Any], result_of: str | None) -> Started:
        """Start a run, or find the one that an earlier attempt started."""
        run = stable_id(self._prefix)
        body: dict[str, Any] = {"dag_run_id": run, "conf": conf}
        if self._has_logical_date:
            body["logical_date"] = None
        runs = f"{self._api}/dags/{part(dag_id)}/dagRuns"
        answer = await self._door.ask("POST", runs, body, expected=(409,))
        if answer.status == httpx.codes.CONFLICT:
            # Another run may be in the way (of the same logical date): only ours counts.
            there = await self._door.ask("GET", f"{runs}/{part(run)}", expected=(404,))
            if there.status == httpx.codes.NOT_FOUND:
                raise Away(f"expected Airflow to start run {run} of {dag_id}, got a conflict")
        return Started(
            run,
            dag_id,
            self._link(dag_id, run),
            key=run,
            wanted=result_of,
            is_new=answer.status != httpx.codes.CONFLICT,
        )

    async def _look(self, started: Started) -> Look:
        """Look at a run; when it has ended, at what it gave or which tasks failed."""
        path = self._path(started)
        answer = await self._door.ask("GET", path, expected=(404,))
        if answer.status == httpx.codes.NOT_FOUND:
            return Look(errand.STOPPED, "deleted")
        state = str(answer.body["state"])
        phase = _PHASES.get(state, errand.RUNNING)
        if phase == errand.ENDED and started.wanted is not None:
            return Look(phase, state, await self._result(path, started.wanted))
        if phase == errand.FAILED:
            return Look(phase, state, reason=await self._failed_tasks(path))
        return Look(phase, state)

    async def _end(self, started: Started, how: str) -> None:
        """Mark a run as failed, unless it has ended."""
        path = self._path(started)
        there: Answer = await self._door.ask("GET", path, expected=(404,))
        if there.status == httpx.codes.NOT_FOUND or there.body["state"] in _PHASES:
            return
        await self._door.ask("PATCH", path, {"state": "failed"}, expected=(404, 409))

    async def _result(self, path: str, task: str) -> Any:
        entry = f"{path}/taskInstances/{part(task)}/xcomEntries/return_value"
        answer = await self._door.ask("GET", entry, expected=(404,))
        return None if answer.status == httpx.codes.NOT_FOUND else answer.body.get("value")

    async def _failed_tasks(self, path: str) -> str:
        """Return the names of the tasks that failed, the first few of them."""
        query = {"state": "failed", "limit": _FAILED_SHOWN_MAX}
        answer = await self._door.ask("GET", f"{path}/taskInstances", query=query, expected=(404,))
        tasks = (answer.body or {}).get("task_instances") or ()
        names = [str(task["task_id"]) for task in tasks]
        return f"task {', '.join(names)} failed" if names else ""

    def _path(self, started: Started) -> str:
        return f"{self._api}/dags/{part(started.of)}/dagRuns/{part(started.id)}"

    def _link(self, dag_id: str, run: str) -> str:
        """Return where people look at a run."""
        if self._has_logical_date:
            return f"{self._door.url}/dags/{part(dag_id)}/runs/{part(run)}"
        return f"{self._door.url}/dags/{part(dag_id)}/grid?dag_run_id={part(run)}"


def dag(
    url: str,
    *,
    auth: Auth = None,
    api: str = "v2",
    prefix: str = "tenuto",
    pace: Pace = Pace(),  # noqa: B008  (frozen)
) -> Dags:
    """Return the DAGs of the Airflow at `url`.

    `api` is `v2` for Airflow 3, `v1` for Airflow 2. `auth` is a token, a user and password, or any
    `httpx.Auth`; it is kept in memory alone. `prefix` begins the ids of runs: give each Tenuto
    database that starts runs here one of its own.
    """
    errand.check_choice("api", api, APIS)
    if api == "v2" and isinstance(auth, tuple):
        auth = Login(url, *auth)
    return Dags(Door(ENGINE, url, auth), api, prefix, pace)


# A step's error comes back as the type that this module knows by its name.
__all__ = [
    "Away",
    "Dags",
    "ElsewhereError",
    "Ended",
    "Login",
    "Pace",
    "Refused",
    "RunFailed",
    "RunStopped",
    "dag",
]
