"""The client of a server: the same methods as `client.Client`, over HTTP.

Every method that changes something returns after the commit that made it durable. It carries a key
of its own, so that it is sent again when an answer was lost or the server was busy, and still
happens once. `blocking.py` is made from this file (`python -m tidy.blocking`).

Numbers are exact in both directions. JSON knows no dates: a date, time or duration goes as its ISO
text and comes back as such, but for the variables of a start, which stay what they are.
"""

from __future__ import annotations

from asyncio import sleep as pause
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import msgspec

from tenuto import values
from tenuto.client import shapes, wire
from tenuto.client.bulk import Action, BulkResult, Order
from tenuto.client.causes import Cause
from tenuto.client.prune import Prune, Pruned
from tenuto.client.reading import Instance
from tenuto.client.remote_asking import part
from tenuto.client.remote_plans import RemotePlans
from tenuto.client.typed import restored
from tenuto.client.views import (
    Deployed,
    IncidentView,
    InstanceView,
    MintedToken,
    ProcessView,
    ShownInstance,
    ShownTask,
    TaskView,
    TokenView,
    WaitingCount,
)
from tenuto.client.where import Where
from tenuto.client.wire import Call, Event
from tenuto.deploy import read_files
from tenuto.engine import rejections as why
from tenuto.errors import Rejected
from tenuto.graph.data import InputDeclaration

T = TypeVar("T")

PAGE: Final = 1_000


class RemoteClient(RemotePlans):
    """Talks to a server from an event loop. Use it as a context manager, or close it."""

    # --- deployments and instances

    async def deploy(self, *paths: str | Path) -> Deployed:
        """Deploy model files together; return what came of it, with a report for each model.

        Raises `InputError` when one cannot be executed.
        """
        return await self.deploy_sources(read_files(paths))

    async def deploy_sources(self, sources: Sequence[tuple[str, str, bytes]]) -> Deployed:
        """Deploy sources given as (name, kind, bytes); kind is `bpmn`, `dmn` or `events`."""
        files = wire.files_of(tuple(sources))
        call = Call("POST", "/deployments", key=self._key(), files=files)
        return wire.answer_of(await self._send(call), shapes.DEPLOYED)

    async def start(
        self,
        process: str,
        variables: Mapping[str, Any] | None = None,
        *,
        business_key: str | None = None,
        idempotency_key: str | None = None,
        unique: bool = False,
        id: str | None = None,
    ) -> str:
        """Start an instance of a process; return its key. With an `id` that an instance has, give
        that one, or with `unique` raise `Rejected` (duplicate-business-key).
        """
        given = wire.start_of(process, variables, business_key=business_key, unique=unique, id=id)
        found = await self.ask("POST", "/instances", given, key=idempotency_key)
        return str(found["instance"])

    async def run(
        self,
        process: str,
        variables: Mapping[str, Any] | None = None,
        *,
        business_key: str | None = None,
        idempotency_key: str | None = None,
        id: str | None = None,
    ) -> Instance:
        """Start an instance and wait for its end; return how it ended, with its variables."""
        given = wire.start_of(process, variables, business_key=business_key, id=id, wait=True)
        key = idempotency_key or self._key()
        call = Call("POST", "/instances", wire.encode(given), key=key, timeout=wire.AT_END)
        found = wire.answer_of(await self._send(call), shapes.ANY)
        ended = {name: values.to_python(value) for name, value in found["variables"].items()}
        return Instance(str(found["instance"]), str(found["status"]), ended)

    async def set_variables(self, instance: str, variables: Mapping[str, Any]) -> None:
        """Change variables of an instance, whatever they were."""
        body = wire.variables_of(variables)
        path = f"/instances/{part(instance)}/variables"
        await self._tell(Call("PATCH", path, bytes(body), headers={wire.IF_MATCH: "*"}))

    async def cancel(self, instance: str, *, reason: str = "") -> None:
        """End an instance, by its key or business key, and everything that it called."""
        await self._do(instance, "cancel", reason=reason)

    async def terminate(self, instance: str, *, reason: str = "") -> None:
        """End an instance at once: a workflow does not clean up."""
        await self._do(instance, "cancel", reason=reason, at_once=True)

    async def pause(self, instance: str, *, reason: str = "") -> None:
        """Let an instance stand still until it is resumed: no job of it is handed out, and what
        comes for it waits. Raises `Rejected` (paused).
        """
        await self._do(instance, "pause", reason=reason)

    async def resume(self, instance: str) -> None:
        """Let a paused instance go on with what came meanwhile. Raises `Rejected` (not-paused)."""
        await self._do(instance, "resume")

    async def _do(self, instance: str, what: str, **members: Any) -> None:
        path = f"/instances/{part(instance)}/{what}"
        await self._tell(Call("POST", path, wire.body(**members), key=self._key()))

    async def bulk(
        self, action: Action, where: Where, *, idempotency_key: str | None = None, **options: Any
    ) -> BulkResult:
        """Do one thing (cancel, pause, resume, fork, retry) to all instances that match, at most
        1,000; `options` are those of `tenuto.client.bulk.Order`. Raises `InputError`.
        """
        body = wire.encode(wire.order_of(Order(action=action, where=where, **options)))
        key = idempotency_key or self._key()
        answer = await self._send(Call("POST", "/instances/bulk", body, key=key))
        return wire.answer_of(answer, shapes.BULK)

    async def prune(self, order: Prune) -> Pruned:
        """Delete instances that ended long ago, with their history. Raises `InputError`."""
        call = Call("POST", "/prune", wire.encode(order), key=self._key())
        return wire.answer_of(await self._send(call), shapes.PRUNED)

    async def tell(self, instance: str, name: str, value: Any = None) -> None:
        """Send a message with plain data to one instance of a workflow."""
        path = f"/instances/{part(instance)}/messages"
        body = wire.body(name=name, value=wire.value_of(value))
        await self._tell(Call("POST", path, body, key=self._key()))

    async def fork(
        self,
        instance: str,
        *,
        from_step: str | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """Start a workflow again from a step (its key or name; the last that failed unless given);
        return the key of the new instance. `variables` replace arguments.
        """
        path = f"/instances/{part(instance)}/fork"
        body = wire.body(from_step=from_step, variables=wire.variables_of(variables or {}))
        found = wire.answer_of(
            await self._send(Call("POST", path, body, key=self._key())), shapes.ANY
        )
        return str(found["instance"])

    async def resolve_incident(
        self, incident: str, *, retries: int = 1, variables: Mapping[str, Any] | None = None
    ) -> None:
        """Try again what was stuck, with changed variables if any are given; a job gets `retries`
        new attempts.
        """
        path = f"/incidents/{part(incident)}/resolve"
        body = wire.body(retries=retries, variables=wire.variables_of(variables or {}))
        await self._tell(Call("POST", path, body, key=self._key()))

    # --- messages, jobs and tasks

    async def publish(
        self,
        name: str,
        correlation_key: str = "",
        variables: Mapping[str, Any] | None = None,
        *,
        message_id: str | None = None,
        time_to_live: str = "PT0S",
    ) -> str:
        """Publish a message; return `correlated`, `buffered`, `expired` or `duplicate`."""
        body = wire.body(
            name=name,
            correlation_key=correlation_key,
            variables=wire.variables_of(variables),
            message_id=message_id,
            time_to_live=time_to_live,
        )
        answer = await self._send(Call("POST", "/messages", body, key=self._key()))
        return str(wire.answer_of(answer, shapes.ANY)["status"])

    async def broadcast(self, name: str, variables: Mapping[str, Any] | None = None) -> None:
        """Broadcast a signal to everyone who waits for it now."""
        body = wire.body(name=name, variables=wire.variables_of(variables))
        await self._tell(Call("POST", "/signals", body, key=self._key()))

    async def complete_job(self, job: str, variables: Mapping[str, Any] | None = None) -> None:
        """Complete a job by its key, in place of a worker."""
        body = wire.body(variables=wire.variables_of(variables))
        await self._tell(Call("POST", f"/jobs/{part(job)}/complete", body, key=self._key()))

    async def complete_task(
        self,
        task: str,
        variables: Mapping[str, Any] | None = None,
        *,
        expected: str | None = None,
    ) -> None:
        """Complete a user task by its key; `expected` is who must have it (empty: nobody).

        Raises `Rejected` (version-mismatch) when somebody else has.
        """
        body = wire.body(variables=wire.variables_of(variables))
        headers = None if expected is None else await self._held_by(task, expected)
        path = f"/tasks/{part(task)}/complete"
        await self._tell(Call("POST", path, body, key=self._key(), headers=headers))

    async def claim_task(self, task: str, assignee: str) -> None:
        """Give an unassigned user task to a person. Raises `Rejected` when another has it."""
        found, tag = await self._task(task)
        if found.assignee == assignee:
            return
        if found.assignee is not None:
            raise Rejected(
                why.ALREADY_CLAIMED,
                f"expected user task {task} to be unassigned, but {found.assignee} has it",
            )
        body, path = wire.body(assignee=assignee), f"/tasks/{part(task)}/claim"
        await self._tell(Call("POST", path, body, key=self._key(), headers={wire.IF_MATCH: tag}))

    async def release_task(self, task: str, assignee: str) -> None:
        """Take a user task back from the person who has it."""
        headers = await self._held_by(task, assignee)
        path = f"/tasks/{part(task)}/release"
        await self._tell(Call("POST", path, b"{}", key=self._key(), headers=headers))

    async def _held_by(self, task: str, assignee: str) -> dict[str, str]:
        """Return the header that holds only while a person (empty: nobody) has a task."""
        found, tag = await self._task(task)
        if (found.assignee or "") != assignee:
            raise Rejected(
                why.VERSION_MISMATCH,
                f"expected user task {task} to be assigned to {assignee or 'nobody'}, but "
                f"{found.assignee or 'nobody'} has it",
            )
        return {wire.IF_MATCH: tag}

    async def _task(self, task: str) -> tuple[ShownTask, str]:
        response = await self._send(Call("GET", f"/tasks/{part(task)}"))
        return wire.answer_of(response, shapes.TASK), response.headers["etag"]

    # --- reading

    async def instances(
        self,
        *,
        process: str | None = None,
        status: str | None = None,
        business_key: str | None = None,
        limit: int = 100,
    ) -> list[InstanceView]:
        """Return instances, the newest first, at most `limit` of them."""
        query = {"process": process, "status": status, "business_key": business_key}
        return await self._list("/instances", query, limit, shapes.INSTANCES)

    async def show(self, instance: str) -> ShownInstance:
        """Return an instance by its key or business key. Raises `Rejected` (not-found)."""
        answer = await self._send(Call("GET", f"/instances/{part(instance)}"))
        found = wire.answer_of(answer, shapes.INSTANCE)
        plain = {name: values.to_python(value) for name, value in found.variables.items()}
        return msgspec.structs.replace(found, variables=plain)

    async def find(self, instance: str) -> str:
        """Return the key of an instance by its key or business key.

        Raises `Rejected` (not-found).
        """
        return (await self.show(instance)).instance

    async def variables(self, instance: str) -> dict[str, Any]:
        """Return the process variables of an instance."""
        found = await self._get(f"/instances/{part(instance)}/variables")
        return {name: values.to_python(value) for name, value in found.items()}

    async def history(self, instance: str, *, limit: int = 100_000) -> list[dict[str, Any]]:
        """Return the turns of an instance, the oldest first, at most `limit` of them."""
        return await self._list(f"/instances/{part(instance)}/history", {}, limit, shapes.ITEMS)

    async def path(self, instance: str) -> list[dict[str, Any]]:
        """Return the elements of an instance in the order in which they were entered."""
        found: list[dict[str, Any]] = await self._get(f"/instances/{part(instance)}/path")
        return found

    async def decisions(self, instance: str) -> list[dict[str, Any]]:
        """Return the decisions of an instance, each with its inputs and the rules that matched."""
        found: list[dict[str, Any]] = await self._get(f"/instances/{part(instance)}/decisions")
        return found

    async def incidents(
        self, instance: str | None = None, *, process: str | None = None, limit: int = 1_000
    ) -> list[IncidentView]:
        """Return open incidents, those of the oldest instances first."""
        query = {"instance": instance, "process": process}
        return await self._list("/incidents", query, limit, shapes.INCIDENTS)

    async def causes(self, process: str | None = None) -> list[Cause]:
        """Return why instances are stuck or have failed, what happens most first."""
        answer = await self._send(Call("GET", "/incidents/causes", query={"process": process}))
        return wire.answer_of(answer, shapes.CAUSES)

    async def tasks(
        self,
        *,
        assignee: str | None = None,
        group: str | None = None,
        process: str | None = None,
        limit: int = 100,
    ) -> list[TaskView]:
        """Return open user tasks, the earliest due first."""
        query = {"assignee": assignee, "group": group, "process": process}
        return await self._list("/tasks", query, limit, shapes.TASKS)

    async def task(self, task: str) -> ShownTask:
        """Return an open user task with the variables that it sees."""
        found, _ = await self._task(task)
        plain = {name: values.to_python(value) for name, value in found.variables.items()}
        return msgspec.structs.replace(found, variables=plain)

    async def processes(self) -> list[ProcessView]:
        """Return the deployed processes in order of their ids, with their instances counted."""
        return await self._list("/processes", {}, 1 << 31, shapes.PROCESSES)

    async def counts(self) -> dict[tuple[str, str], int]:
        """Return instance counts by (process, status)."""
        return {
            (process.id, status): count
            for process in await self.processes()
            for status, count in process.instances.items()
        }

    async def waiting(self) -> list[WaitingCount]:
        """Return what waits, counted by process, element and for what it waits."""
        return wire.answer_of(await self._send(Call("GET", "/waiting")), shapes.WAITING)

    async def process(self, process: str) -> dict[str, Any]:
        """Return a process with its versions, what it expects, and its elements."""
        found: dict[str, Any] = await self._get(f"/processes/{part(process)}")
        return found

    async def process_map(self, process: str) -> dict[str, Any]:
        """Return where the instances of a process are: counts and incidents by element."""
        found: dict[str, Any] = await self._get(f"/processes/{part(process)}/map")
        return found

    async def inputs(self, process: str) -> tuple[InputDeclaration, ...]:
        """Return the variables that a process expects. Raises `Rejected` (not-found)."""
        found = await self._get(f"/processes/{part(process)}")
        return msgspec.convert(found["inputs"], tuple[InputDeclaration, ...])

    async def decision_model(self, decision: str) -> bytes:
        """Return the DMN file that a decision was deployed with. Raises `Rejected` (not-found)."""
        answer = await self._send(Call("GET", f"/decisions/{part(decision)}/xml"))
        wire.check(answer)
        return answer.content

    async def evaluations(
        self, decision: str, *, since: str | None = None
    ) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Yield (instance key, inputs) of past evaluations; `since` is ISO 8601 text.

        Dates, times, durations and ranges come as values of FEEL.
        """
        async for page in self.parts(f"/decisions/{part(decision)}/evaluations", since=since):
            for one in page["items"]:
                yield one["instance"], restored(one["inputs"], one["typed"])

    async def evaluate(
        self, decision: str, variables: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what a deployed decision gives, with the rules that matched. Nothing is kept."""
        body = wire.body(variables=wire.variables_of(variables))
        path = f"/decisions/{part(decision)}/evaluate"
        # Nothing changes: the key only lets a lost answer be asked for again.
        answer = await self._send(Call("POST", path, body, key=self._key()))
        found: dict[str, Any] = wire.answer_of(answer, shapes.ANY)
        return found

    async def events(
        self,
        *,
        processes: Sequence[str] = (),
        types: Sequence[str] = (),
        last_id: str | None = None,
    ) -> AsyncIterator[Event]:
        """Yield life-cycle events as they happen, in order, for ever.

        They begin with what is committed after the first one is asked for, or after the event
        `last_id` of an earlier stream. A connection that is lost is opened again without a gap or
        an event twice.
        """
        query = {"process": list(processes), "type": list(types)}
        call = Call("GET", "/events/stream", query=query, timeout=wire.STREAMING)
        reader = wire.EventReader(last_id)
        retries = wire.Retries(call, self._patience)
        while True:
            try:
                options = reader.begin(call)
                async with self._http.stream(call.method, call.path, **options) as response:
                    wait = retries.after(response)
                    if wait is None:
                        await self._check_stream(response)
                        retries, wait = wire.Retries(call, self._patience), reader.retry_seconds
                        async for part in response.aiter_bytes():
                            for event in reader.read(part):
                                yield event
            except httpx.TransportError as error:
                wait = retries.after_loss(error)
            await pause(wait)

    async def _check_stream(self, response: httpx.Response) -> None:
        """Raise what the server refuses instead of a stream."""
        if response.status_code >= 300:
            await response.aread()
        wire.check(response)

    # --- who may come in

    async def let_in(
        self,
        name: str,
        roles: Sequence[str],
        *,
        groups: Sequence[str] = (),
        job_types: Sequence[str] = (),
        expires_in: str | None = None,
    ) -> MintedToken:
        """Let somebody in as `name`, for an ISO 8601 duration; return the token.

        Its text is told to who asks and kept by nobody.
        """
        body = wire.body(
            name=name,
            roles=list(roles),
            groups=list(groups),
            job_types=list(job_types),
            expires_in=expires_in,
        )
        return wire.answer_of(
            await self._send(Call("POST", "/tokens", body, key=self._key())), shapes.MINTED
        )

    async def tokens(self) -> list[TokenView]:
        """Return tokens and sessions in order of their ids."""
        return await self._list("/tokens", {}, 1 << 31, shapes.TOKENS)

    async def revoke_token(self, id: str) -> None:
        """Let the holder of a token in no more. Raises `Rejected` (not-found)."""
        await self._tell(Call("DELETE", f"/tokens/{part(id)}"))

    async def login_link(self) -> str:
        """Return a link that lets one browser in, once, within ten minutes."""
        answer = await self._send(Call("POST", "/login-links", b"{}"))
        return str(wire.answer_of(answer, shapes.ANY)["url"])

    async def who(self) -> dict[str, Any]:
        """Return whom the token stands for: name, roles, groups and permissions."""
        found: dict[str, Any] = await self._get("/session")
        return found
