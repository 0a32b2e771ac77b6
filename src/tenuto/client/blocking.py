"""The client of a server for programs that block.

Used like this:

    import tenuto

    with tenuto.connect("http://127.0.0.1:8080", token="tnt_...") as client:
        key = client.start("order", {"amount": 12})

Generated from `remote.py` by `make reference`; edit that instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import msgspec

from tenuto import values
from tenuto.client import shapes, wire
from tenuto.client.blocking_asking import part
from tenuto.client.blocking_plans import BlockingPlans
from tenuto.client.bulk import Action, BulkResult, Order
from tenuto.client.causes import Cause
from tenuto.client.prune import Prune, Pruned
from tenuto.client.reading import Instance
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
from tenuto.client.wire import Call, Event, pause
from tenuto.deploy import read_files
from tenuto.engine import rejections as why
from tenuto.errors import Rejected
from tenuto.graph.data import InputDeclaration

T = TypeVar("T")

PAGE: Final = 1_000


class BlockingClient(BlockingPlans):
    """Talks to a server and waits for its answers. Use it as a context manager, or close it."""

    # --- deployments and instances

    def deploy(self, *paths: str | Path) -> Deployed:
        """Deploy model files together; return what came of it, with a report for each model.

        Raises `InputError` when one cannot be executed.
        """
        return self.deploy_sources(read_files(paths))

    def deploy_sources(self, sources: Sequence[tuple[str, str, bytes]]) -> Deployed:
        """Deploy sources given as (name, kind, bytes); kind is `bpmn`, `dmn` or `events`."""
        files = wire.files_of(tuple(sources))
        call = Call("POST", "/deployments", key=self._key(), files=files)
        return wire.answer_of(self._send(call), shapes.DEPLOYED)

    def start(
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
        found = self.ask("POST", "/instances", given, key=idempotency_key)
        return str(found["instance"])

    def run(
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
        found = wire.answer_of(self._send(call), shapes.ANY)
        ended = {name: values.to_python(value) for name, value in found["variables"].items()}
        return Instance(str(found["instance"]), str(found["status"]), ended)

    def set_variables(self, instance: str, variables: Mapping[str, Any]) -> None:
        """Change variables of an instance, whatever they were."""
        body = wire.variables_of(variables)
        path = f"/instances/{part(instance)}/variables"
        self._tell(Call("PATCH", path, bytes(body), headers={wire.IF_MATCH: "*"}))

    def cancel(self, instance: str, *, reason: str = "") -> None:
        """End an instance, by its key or business key, and everything that it called."""
        self._do(instance, "cancel", reason=reason)

    def terminate(self, instance: str, *, reason: str = "") -> None:
        """End an instance at once: a workflow does not clean up."""
        self._do(instance, "cancel", reason=reason, at_once=True)

    def pause(self, instance: str, *, reason: str = "") -> None:
        """Let an instance stand still until it is resumed: no job of it is handed out, and what
        comes for it waits. Raises `Rejected` (paused).
        """
        self._do(instance, "pause", reason=reason)

    def resume(self, instance: str) -> None:
        """Let a paused instance go on with what came meanwhile. Raises `Rejected` (not-paused)."""
        self._do(instance, "resume")

    def _do(self, instance: str, what: str, **members: Any) -> None:
        path = f"/instances/{part(instance)}/{what}"
        self._tell(Call("POST", path, wire.body(**members), key=self._key()))

    def bulk(
        self, action: Action, where: Where, *, idempotency_key: str | None = None, **options: Any
    ) -> BulkResult:
        """Do one thing (cancel, pause, resume, fork, retry) to all instances that match, at most
        1,000; `options` are those of `tenuto.client.bulk.Order`. Raises `InputError`.
        """
        body = wire.encode(wire.order_of(Order(action=action, where=where, **options)))
        key = idempotency_key or self._key()
        answer = self._send(Call("POST", "/instances/bulk", body, key=key))
        return wire.answer_of(answer, shapes.BULK)

    def prune(self, order: Prune) -> Pruned:
        """Delete instances that ended long ago, with their history. Raises `InputError`."""
        call = Call("POST", "/prune", wire.encode(order), key=self._key())
        return wire.answer_of(self._send(call), shapes.PRUNED)

    def tell(self, instance: str, name: str, value: Any = None) -> None:
        """Send a message with plain data to one instance of a workflow."""
        path = f"/instances/{part(instance)}/messages"
        body = wire.body(name=name, value=wire.value_of(value))
        self._tell(Call("POST", path, body, key=self._key()))

    def fork(
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
        found = wire.answer_of(self._send(Call("POST", path, body, key=self._key())), shapes.ANY)
        return str(found["instance"])

    def resolve_incident(
        self, incident: str, *, retries: int = 1, variables: Mapping[str, Any] | None = None
    ) -> None:
        """Try again what was stuck, with changed variables if any are given; a job gets `retries`
        new attempts.
        """
        path = f"/incidents/{part(incident)}/resolve"
        body = wire.body(retries=retries, variables=wire.variables_of(variables or {}))
        self._tell(Call("POST", path, body, key=self._key()))

    # --- messages, jobs and tasks

    def publish(
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
        answer = self._send(Call("POST", "/messages", body, key=self._key()))
        return str(wire.answer_of(answer, shapes.ANY)["status"])

    def broadcast(self, name: str, variables: Mapping[str, Any] | None = None) -> None:
        """Broadcast a signal to everyone who waits for it now."""
        body = wire.body(name=name, variables=wire.variables_of(variables))
        self._tell(Call("POST", "/signals", body, key=self._key()))

    def complete_job(self, job: str, variables: Mapping[str, Any] | None = None) -> None:
        """Complete a job by its key, in place of a worker."""
        body = wire.body(variables=wire.variables_of(variables))
        self._tell(Call("POST", f"/jobs/{part(job)}/complete", body, key=self._key()))

    def complete_task(
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
        headers = None if expected is None else self._held_by(task, expected)
        path = f"/tasks/{part(task)}/complete"
        self._tell(Call("POST", path, body, key=self._key(), headers=headers))

    def claim_task(self, task: str, assignee: str) -> None:
        """Give an unassigned user task to a person. Raises `Rejected` when another has it."""
        found, tag = self._task(task)
        if found.assignee == assignee:
            return
        if found.assignee is not None:
            raise Rejected(
                why.ALREADY_CLAIMED,
                f"expected user task {task} to be unassigned, but {found.assignee} has it",
            )
        body, path = wire.body(assignee=assignee), f"/tasks/{part(task)}/claim"
        self._tell(Call("POST", path, body, key=self._key(), headers={wire.IF_MATCH: tag}))

    def release_task(self, task: str, assignee: str) -> None:
        """Take a user task back from the person who has it."""
        headers = self._held_by(task, assignee)
        path = f"/tasks/{part(task)}/release"
        self._tell(Call("POST", path, b"{}", key=self._key(), headers=headers))

    def _held_by(self, task: str, assignee: str) -> dict[str, str]:
        """Return the header that holds only while a person (empty: nobody) has a task."""
        found, tag = self._task(task)
        if (found.assignee or "") != assignee:
            raise Rejected(
                why.VERSION_MISMATCH,
                f"expected user task {task} to be assigned to {assignee or 'nobody'}, but "
                f"{found.assignee or 'nobody'} has it",
            )
        return {wire.IF_MATCH: tag}

    def _task(self, task: str) -> tuple[ShownTask, str]:
        response = self._send(Call("GET", f"/tasks/{part(task)}"))
        return wire.answer_of(response, shapes.TASK), response.headers["etag"]

    # --- reading

    def instances(
        self,
        *,
        process: str | None = None,
        status: str | None = None,
        business_key: str | None = None,
        limit: int = 100,
    ) -> list[InstanceView]:
        """Return instances, the newest first, at most `limit` of them."""
        query = {"process": process, "status": status, "business_key": business_key}
        return self._list("/instances", query, limit, shapes.INSTANCES)

    def show(self, instance: str) -> ShownInstance:
        """Return an instance by its key or business key. Raises `Rejected` (not-found)."""
        answer = self._send(Call("GET", f"/instances/{part(instance)}"))
        found = wire.answer_of(answer, shapes.INSTANCE)
        plain = {name: values.to_python(value) for name, value in found.variables.items()}
        return msgspec.structs.replace(found, variables=plain)

    def find(self, instance: str) -> str:
        """Return the key of an instance by its key or business key.

        Raises `Rejected` (not-found).
        """
        return (self.show(instance)).instance

    def variables(self, instance: str) -> dict[str, Any]:
        """Return the process variables of an instance."""
        found = self._get(f"/instances/{part(instance)}/variables")
        return {name: values.to_python(value) for name, value in found.items()}

    def history(self, instance: str, *, limit: int = 100_000) -> list[dict[str, Any]]:
        """Return the turns of an instance, the oldest first, at most `limit` of them."""
        return self._list(f"/instances/{part(instance)}/history", {}, limit, shapes.ITEMS)

    def path(self, instance: str) -> list[dict[str, Any]]:
        """Return the elements of an instance in the order in which they were entered."""
        found: list[dict[str, Any]] = self._get(f"/instances/{part(instance)}/path")
        return found

    def decisions(self, instance: str) -> list[dict[str, Any]]:
        """Return the decisions of an instance, each with its inputs and the rules that matched."""
        found: list[dict[str, Any]] = self._get(f"/instances/{part(instance)}/decisions")
        return found

    def incidents(
        self, instance: str | None = None, *, process: str | None = None, limit: int = 1_000
    ) -> list[IncidentView]:
        """Return open incidents, those of the oldest instances first."""
        query = {"instance": instance, "process": process}
        return self._list("/incidents", query, limit, shapes.INCIDENTS)

    def causes(self, process: str | None = None) -> list[Cause]:
        """Return why instances are stuck or have failed, what happens most first."""
        answer = self._send(Call("GET", "/incidents/causes", query={"process": process}))
        return wire.answer_of(answer, shapes.CAUSES)

    def tasks(
        self,
        *,
        assignee: str | None = None,
        group: str | None = None,
        process: str | None = None,
        limit: int = 100,
    ) -> list[TaskView]:
        """Return open user tasks, the earliest due first."""
        query = {"assignee": assignee, "group": group, "process": process}
        return self._list("/tasks", query, limit, shapes.TASKS)

    def task(self, task: str) -> ShownTask:
        """Return an open user task with the variables that it sees."""
        found, _ = self._task(task)
        plain = {name: values.to_python(value) for name, value in found.variables.items()}
        return msgspec.structs.replace(found, variables=plain)

    def processes(self) -> list[ProcessView]:
        """Return the deployed processes in order of their ids, with their instances counted."""
        return self._list("/processes", {}, 1 << 31, shapes.PROCESSES)

    def counts(self) -> dict[tuple[str, str], int]:
        """Return instance counts by (process, status)."""
        return {
            (process.id, status): count
            for process in self.processes()
            for status, count in process.instances.items()
        }

    def waiting(self) -> list[WaitingCount]:
        """Return what waits, counted by process, element and for what it waits."""
        return wire.answer_of(self._send(Call("GET", "/waiting")), shapes.WAITING)

    def process(self, process: str) -> dict[str, Any]:
        """Return a process with its versions, what it expects, and its elements."""
        found: dict[str, Any] = self._get(f"/processes/{part(process)}")
        return found

    def process_map(self, process: str) -> dict[str, Any]:
        """Return where the instances of a process are: counts and incidents by element."""
        found: dict[str, Any] = self._get(f"/processes/{part(process)}/map")
        return found

    def inputs(self, process: str) -> tuple[InputDeclaration, ...]:
        """Return the variables that a process expects. Raises `Rejected` (not-found)."""
        found = self._get(f"/processes/{part(process)}")
        return msgspec.convert(found["inputs"], tuple[InputDeclaration, ...])

    def decision_model(self, decision: str) -> bytes:
        """Return the DMN file that a decision was deployed with. Raises `Rejected` (not-found)."""
        answer = self._send(Call("GET", f"/decisions/{part(decision)}/xml"))
        wire.check(answer)
        return answer.content

    def evaluations(
        self, decision: str, *, since: str | None = None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (instance key, inputs) of past evaluations; `since` is ISO 8601 text.

        Dates, times, durations and ranges come as values of FEEL.
        """
        for page in self.parts(f"/decisions/{part(decision)}/evaluations", since=since):
            for one in page["items"]:
                yield one["instance"], restored(one["inputs"], one["typed"])

    def evaluate(self, decision: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what a deployed decision gives, with the rules that matched. Nothing is kept."""
        body = wire.body(variables=wire.variables_of(variables))
        path = f"/decisions/{part(decision)}/evaluate"
        # Nothing changes: the key only lets a lost answer be asked for again.
        answer = self._send(Call("POST", path, body, key=self._key()))
        found: dict[str, Any] = wire.answer_of(answer, shapes.ANY)
        return found

    def events(
        self,
        *,
        processes: Sequence[str] = (),
        types: Sequence[str] = (),
        last_id: str | None = None,
    ) -> Iterator[Event]:
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
                with self._http.stream(call.method, call.path, **options) as response:
                    wait = retries.after(response)
                    if wait is None:
                        self._check_stream(response)
                        retries, wait = wire.Retries(call, self._patience), reader.retry_seconds
                        for part in response.iter_bytes():
                            yield from reader.read(part)
            except httpx.TransportError as error:
                wait = retries.after_loss(error)
            pause(wait)

    def _check_stream(self, response: httpx.Response) -> None:
        """Raise what the server refuses instead of a stream."""
        if response.status_code >= 300:
            response.read()
        wire.check(response)

    # --- who may come in

    def let_in(
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
            self._send(Call("POST", "/tokens", body, key=self._key())), shapes.MINTED
        )

    def tokens(self) -> list[TokenView]:
        """Return tokens and sessions in order of their ids."""
        return self._list("/tokens", {}, 1 << 31, shapes.TOKENS)

    def revoke_token(self, id: str) -> None:
        """Let the holder of a token in no more. Raises `Rejected` (not-found)."""
        self._tell(Call("DELETE", f"/tokens/{part(id)}"))

    def login_link(self) -> str:
        """Return a link that lets one browser in, once, within ten minutes."""
        answer = self._send(Call("POST", "/login-links", b"{}"))
        return str(wire.answer_of(answer, shapes.ANY)["url"])

    def who(self) -> dict[str, Any]:
        """Return whom the token stands for: name, roles, groups and permissions."""
        found: dict[str, Any] = self._get("/session")
        return found
