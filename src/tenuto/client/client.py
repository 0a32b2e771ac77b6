"""The client: what a program asks of Tenuto. `blocking.py` is made from this file.

Every method that changes something returns after the commit that made it durable. Keys are texts. A
refusal raises `Rejected` with its stable code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tenuto import values
from tenuto.client import queues as queued
from tenuto.client import requests as ask
from tenuto.client import schedules as planned
from tenuto.client.asking import NodeAsks
from tenuto.client.bulk import Action, BulkResult, Look, Order, carry_out
from tenuto.client.causes import Cause, causes
from tenuto.client.forks import fork_request
from tenuto.client.handle import Handle
from tenuto.client.jobs import Jobs
from tenuto.client.prune import Prune, Pruned, prune
from tenuto.client.reading import Instance, Reading
from tenuto.client.slots import LoopSlot, ManySlot
from tenuto.client.streams import StreamPage, read_stream
from tenuto.client.views import (
    Answered,
    MintedToken,
    StreamItem,
    StreamPart,
    TokenView,
    UpdateAnswer,
    moment,
    token_view,
)
from tenuto.client.where import Where
from tenuto.deploy import Prepared, latest_processes, prepare, read_files
from tenuto.engine import commands as c
from tenuto.engine import queue_commands as qc
from tenuto.engine import rejections as why
from tenuto.engine import schedule_commands as sc
from tenuto.engine.registry import REGISTRY
from tenuto.engine.rejections import Rejection
from tenuto.engine.settings import API
from tenuto.errors import InputError, Rejected
from tenuto.governance.permits import check_roles
from tenuto.governance.tokens import mint_token
from tenuto.runtime.requests import Answer, Ended, Reply, Request, Result
from tenuto.runtime.waiters import attach, attach_update
from tenuto.schedules import add, parse_duration
from tenuto.workflows import codec

if TYPE_CHECKING:
    from tenuto.graph.data import InputDeclaration
    from tenuto.runtime.node import Node
    from tenuto.workflows.awaitables import Message
    from tenuto.workflows.define import Workflow
    from tenuto.workflows.tracing import Traces

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Client:
    """Talks to a node of this process from an event loop."""

    def __init__(self, node: Node, *, actor: str = "") -> None:
        """Ask `node` in the name of `actor`."""
        self._node = node
        self._actor = actor
        self._slots: dict[asyncio.AbstractEventLoop, LoopSlot] = {}
        self.read = Reading(node.store)
        self.jobs = Jobs(node)
        self.traces: Traces | None = None

    def acting_as(self, actor: str) -> Client:
        """Return a client that asks in the name of another actor, by the same way."""
        other = copy(self)
        other._actor = actor
        return other

    async def _ask(self, request: Request, *, at_end: bool = False) -> Answer | Ended:
        return accepted(await self._submit(request, at_end=at_end))

    def _submit(self, request: Request, *, at_end: bool = False) -> asyncio.Future[Result]:
        slot, ticket, future = self._expect()
        self._node.submit(request._replace(reply=Reply(slot, ticket, at_end)))
        return future

    def _expect(self) -> tuple[LoopSlot, int, asyncio.Future[Result]]:
        loop = asyncio.get_running_loop()
        slot = self._slots.get(loop)
        if slot is None:
            slot = self._slots[loop] = LoopSlot(loop)
        return (slot, *slot.expect())

    async def ask_all(self, requests: Iterable[Request]) -> list[Result]:
        """Ask many things at once, so that few commits take them; return answers and refusals in
        order.
        """
        asked = list(requests)
        if not asked:
            return []
        slot = ManySlot(asyncio.get_running_loop(), len(asked))
        for ticket, request in enumerate(asked):
            self._node.submit(request._replace(reply=Reply(slot, ticket)))
        return await slot.future

    async def deploy(self, *paths: str | Path) -> Prepared:
        """Deploy model files together; return what was read, with a report for each model."""
        prepared = prepare(read_files(paths), latest_processes(self._node.world))
        await self._ask(ask.deploy_request(prepared, actor=self._actor))
        return prepared

    async def deploy_sources(self, sources: Sequence[tuple[str, str, bytes]]) -> Prepared:
        """Deploy sources given as (name, kind, bytes); kind is `bpmn` or `dmn`."""
        prepared = prepare(sources, latest_processes(self._node.world))
        await self._ask(ask.deploy_request(prepared, actor=self._actor))
        return prepared

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
        request = ask.start_request(
            process,
            variables,
            business_key=business_key,
            idempotency_key=idempotency_key,
            unique=unique,
            id=id,
            actor=self._actor,
        )
        result = await self._ask(request)
        self._note_start(result, process)
        return str(result.key)

    def _note_start(self, answer: Answer | Ended, process: str) -> None:
        if self.traces is not None:
            self.traces.answered(answer, process, self._node.corridor.clock.now())

    async def run(
        self,
        process: str,
        variables: Mapping[str, Any] | None = None,
        *,
        business_key: str | None = None,
        idempotency_key: str | None = None,
        unique: bool = False,
        id: str | None = None,
    ) -> Instance:
        """Start an instance and wait for its end; return how it ended, with its variables."""
        request = ask.start_request(
            process,
            variables,
            business_key=business_key,
            idempotency_key=idempotency_key,
            unique=unique,
            id=id,
            actor=self._actor,
        )
        result = await self._ask(request, at_end=True)
        assert isinstance(result, Ended), "a caller that waits for the end gets the end"
        return ended(result)

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
        request = ask.publish_request(
            name,
            correlation_key,
            variables,
            message_id=message_id,
            time_to_live=time_to_live,
            actor=self._actor,
            at=self._node.corridor.clock.now(),
        )
        return await self._fact(request, "status")

    async def broadcast(self, name: str, variables: Mapping[str, Any] | None = None) -> None:
        """Broadcast a signal to everyone who waits for it now."""
        await self._ask(ask.broadcast_request(name, variables, actor=self._actor))

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
        instance, element = ask.task_key(task)
        command = c.CompleteUserTask(element, ask.encode_variables(variables), expected)
        await self._ask(Request(instance, command, self._actor))

    async def claim_task(self, task: str, assignee: str) -> None:
        """Give an unassigned user task to a person. Raises `Rejected` when another has it."""
        instance, element = ask.task_key(task)
        await self._ask(Request(instance, c.AssignUserTask(element, assignee), self._actor))

    async def release_task(self, task: str, assignee: str) -> None:
        """Take a user task back from the person who has it."""
        instance, element = ask.task_key(task)
        command = c.AssignUserTask(element, None, expected=assignee)
        await self._ask(Request(instance, command, self._actor))

    async def complete_job(self, job: str, variables: Mapping[str, Any] | None = None) -> None:
        """Complete a job by its key, in place of a worker."""
        instance, element = ask.task_key(job)
        command = c.CompleteJob(element, ask.encode_variables(variables))
        await self._ask(Request(instance, command, self._actor))

    async def resolve_incident(
        self, incident: str, *, retries: int = 1, variables: Mapping[str, Any] | None = None
    ) -> None:
        """Try again what was stuck; a job gets `retries` new attempts.

        Each of the `variables` is changed before where the stuck element finds it, else in the
        process.
        """
        instance, number = ask.task_key(incident)
        command = c.ResolveIncident(number, retries, ask.encode_variables(variables))
        await self._ask(Request(instance, command, self._actor))

    async def bulk(
        self, action: Action, where: Where, *, idempotency_key: str | None = None, **options: Any
    ) -> BulkResult:
        """Do one thing (cancel, pause, resume, fork, retry) to all instances that match, at most
        1,000; `options` are those of `tenuto.client.bulk.Order`. Raises `InputError`.
        """
        order = Order(action=action, where=where, **options)
        return await self.carry_out(order, self._look, idempotency_key)

    async def carry_out(self, order: Order, look: Look[Any], key: str | None) -> BulkResult:
        """Do what is ordered in bulk; `look` asks the database."""
        asks = NodeAsks(self._node, self.ask_all, self._actor)
        return await carry_out(asks, look, order, key)

    async def _look(self, question: Callable[[Reading], R]) -> R:
        return question(self.read)

    async def prune(self, order: Prune) -> Pruned:
        """Delete instances that ended long ago, with their history. Raises `InputError`."""
        return await self.prune_by(order, self._look)

    async def prune_by(self, order: Prune, look: Look[Any]) -> Pruned:
        """Delete instances that ended long ago; `look` asks the database."""
        return await prune(self._node, look, order)

    async def causes(self, process: str | None = None) -> list[Cause]:
        """Return why instances are stuck or have failed, what happens most first."""
        return causes(self.read, process)

    async def set_variables(self, instance: str, variables: Mapping[str, Any]) -> None:
        """Change variables of an instance."""
        key = ask.instance_key(instance)
        command = c.SetVariables(0, ask.encode_variables(variables))
        await self._ask(Request(key, command, self._actor))

    async def cancel(self, instance: str, *, reason: str = "") -> None:
        """End an instance and everything that it called."""
        key = ask.instance_key(instance)
        await self._ask(Request(key, c.CancelInstance(reason), self._actor))

    async def terminate(self, instance: str, *, reason: str = "") -> None:
        """End an instance at once: a workflow does not clean up."""
        key = ask.instance_key(instance)
        await self._ask(Request(key, c.CancelInstance(reason, at_once=True), self._actor))

    async def pause(self, instance: str, *, reason: str = "") -> None:
        """Let an instance stand still until it is resumed: no job of it is handed out, and what
        comes for it waits. Raises `Rejected` (paused).
        """
        key = ask.instance_key(instance)
        await self._ask(Request(key, c.PauseInstance(reason), self._actor))

    async def resume(self, instance: str) -> None:
        """Let a paused instance go on with what came meanwhile. Raises `Rejected` (not-paused)."""
        await self._ask(Request(ask.instance_key(instance), c.ResumeInstance(), self._actor))

    async def begin(
        self, workflow: Workflow[P, Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs
    ) -> Handle[R]:
        """Start a workflow; return a handle of its instance.

        A workflow with an id (`workflow.options(id=...)`) is started once: who comes later gets the
        same instance, or with `existing="reject"` a `Rejected` (duplicate-business-key).
        """
        request = ask.begin_request(workflow, args, kwargs, self._actor)
        answer = await self._ask(request)
        assert isinstance(answer, Answer), "the start of an instance is answered at once"
        is_new = not answer.facts.get("repeated", False)
        self._note_start(answer, workflow.name)
        return Handle(self, workflow, str(answer.key), is_new=is_new)

    async def send_with_start(
        self,
        message: Message[T],
        value: T,
        workflow: Workflow[P, Coroutine[Any, Any, R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Handle[R]:
        """Send a message to the instance of an id, which is started first if there is none.

        A caller that got no answer may repeat this; the message may come twice then. Raises
        `InputError` for a workflow without an id, `Rejected` (not-active) when it has ended.
        """
        if workflow.id_of(*args, **kwargs) is None:
            raise InputError(
                f"expected workflow `{workflow.name}` to have an id, so that the same instance is "
                "found again: declare one, or use `.options(id=...)`"
            )
        handle = await self.begin(workflow.options(existing="return"), *args, **kwargs)
        await handle.send(message, value)
        return handle

    async def fork(
        self,
        instance: str,
        *,
        from_step: str | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """Start an instance that begins with what a workflow had seen before a step, and runs that
        step and what follows; return its key. The original is not touched.

        `from_step` is a key (`charge#3`) or a name (its last call); without it the last step that
        failed. `variables` replace arguments. Raises `InputError` for what is no workflow or step.
        """
        asked = fork_request(self.read, instance, from_step=from_step, variables=variables)
        answer = await self._ask(asked._replace(actor=self._actor))
        return str(answer.key)

    async def send(
        self, instance: str, name: str, value: bytes, *, message_id: str | None = None
    ) -> None:
        """Send a message (an encoded value) to one instance of a workflow."""
        key = ask.instance_key(instance)
        scope = f"message:{key}" if message_id is not None else ""
        command = c.SendToRoutine(name, value)
        await self._ask(Request(key, command, self._actor, idempotency_key=message_id, scope=scope))

    async def update(
        self, instance: str, name: str, value: bytes, *, id: str, until_accepted: bool = False
    ) -> UpdateAnswer:
        """Ask a workflow for something (an encoded value) and wait for its answer, or until it has
        accepted. The same id gets the same answer.

        Raises `Rejected` (not-active) when the workflow ends before it answers.
        """
        key = ask.instance_key(instance)
        command = c.AskUpdate(id, name, codec.pack_update(id, value))
        await self._ask(Request(key, command, self._actor))
        slot, ticket, future = self._expect()
        reply = Reply(slot, ticket)
        self._node.corridor.call(
            lambda corridor: attach_update(corridor, key, id, reply, until_accepted=until_accepted),
            lambda refusal: slot.deliver([(ticket, refusal)]),
        )
        found = accepted(await future)
        assert isinstance(found, Answer), "an update is answered"
        return UpdateAnswer(**found.facts)  # type: ignore[arg-type]  # as `update_answer` made them

    async def ask_update(
        self, instance: str, name: str, value: Any = None, *, id: str | None = None
    ) -> Answered:
        """Ask a workflow for something with plain data; return its answer as plain data."""
        data = ask.encode_variables({"value": value})["value"]
        answer = await self.update(instance, name, data, id=id or mint_token().id)
        return Answered(answer.status, plain(answer.value), plain(answer.error))

    async def read_stream(
        self, instance: str, name: str, *, start: int = 0, after: int = 0
    ) -> StreamPart:
        """Return what a workflow wrote to a stream as plain data, as far as it is now."""
        page = await self.stream(instance, name, start=start, after_version=after)
        items = [StreamItem(one.offset, plain(one.data)) for one in page.written]
        return StreamPart(items, page.version, page.is_closed)

    async def stream(
        self, instance: str, name: str, *, start: int = 0, after_version: int = 0
    ) -> StreamPage:
        """Return what a workflow wrote to a stream, as far as it is now."""
        key = ask.instance_key(instance)
        return read_stream(self.read, key, name, start=start, after_version=after_version)

    async def tell(self, instance: str, name: str, value: Any = None) -> None:
        """Send a message with plain data to one instance of a workflow."""
        data = ask.encode_variables({"value": value})["value"]
        await self.send(instance, name, data)

    async def wait(self, instance: str) -> Instance:
        """Wait for the end of an instance; return how it ended, with its variables."""
        return ended(await self.wait_encoded(instance))

    async def wait_encoded(self, instance: str) -> Ended:
        """Wait for the end of an instance; return it with its variables as encoded values.

        Raises `Rejected` (not-found).
        """
        key = ask.instance_key(instance)
        slot, ticket, future = self._expect()
        reply = Reply(slot, ticket, at_end=True)
        self._node.corridor.call(
            lambda corridor: attach(corridor, key, reply),
            lambda refusal: slot.deliver([(ticket, refusal)]),
        )
        found = accepted(await future)
        assert isinstance(found, Ended), "a caller that waits for the end gets the end"
        return found

    async def find(self, instance: str) -> str:
        """Return the key of an instance by its key or business key.

        Raises `Rejected` (not-found).
        """
        return str(self.read.find(instance).key)

    async def inputs(self, process: str) -> tuple[InputDeclaration, ...]:
        """Return the variables that a process expects. Raises `Rejected` (unknown-process)."""
        definition = self._node.world.latest.get(process)
        if definition is None:
            known = ", ".join(sorted(self._node.world.latest)[:20]) or "none"
            raise Rejected(
                why.UNKNOWN_PROCESS,
                f"expected a deployed process, got `{process[:100]}`; deployed are {known}",
            )
        return definition.graph.inputs

    async def issue_token(self, token: ask.TokenRequest) -> None:
        """Let somebody in; whoever minted the token shows its text."""
        await self._ask(Request(REGISTRY, c.IssueToken(*token), self._actor))

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

        Its text is told once. Raises `InputError` for a role that does not exist.
        """
        for text in (name, *groups, *job_types):
            ask.check_text("name", text)
        now = self._node.now()
        ends = None if expires_in is None else add(now, parse_duration(expires_in))
        minted = mint_token()
        given = (check_roles(roles), tuple(groups), tuple(job_types))
        await self.issue_token(ask.TokenRequest(minted.id, name, API, *given, minted.digest, ends))
        return MintedToken(minted.id, minted.text, moment(ends))

    async def tokens(self) -> list[TokenView]:
        """Return tokens and sessions in order of their ids."""
        found = self._node.world.tokens
        return [token_view(found[id]) for id in sorted(found)]

    async def revoke_token(self, id: str) -> None:
        """Let the holder of a token in no more. Raises `Rejected` (not-found)."""
        await self._ask(Request(REGISTRY, c.RevokeToken(id), self._actor))

    async def put_schedule(
        self, name: str, plan: planned.PlanRequest, *, expected: str | None = None
    ) -> bool:
        """Create or change a schedule; tell whether anything changed. `expected` is the tag that
        it must still have.

        Raises `InputError` and `Rejected` (version-mismatch).
        """
        found = None if expected is None else planned.expected_plan(self.read, name, expected)
        told = await self._tell_schedule(name, planned.put_command(name, plan, found))
        return bool(told["changed"])

    async def schedules(self) -> list[planned.ScheduleView]:
        """Return all schedules in order of their names."""
        return planned.read_schedules(self.read)

    async def schedule(self, name: str) -> planned.ScheduleView:
        """Return one schedule. Raises `Rejected` (not-found)."""
        return planned.read_one(self.read, name)

    async def pause_schedule(self, name: str, *, reason: str = "") -> None:
        """Let a schedule start nothing more by itself. Raises `Rejected` (not-found)."""
        await self._tell_schedule(name, sc.PauseSchedule(reason))

    async def resume_schedule(self, name: str) -> None:
        """Let a schedule go on from now. Raises `Rejected` (not-found)."""
        await self._tell_schedule(name, sc.ResumeSchedule())

    async def trigger_schedule(self, name: str) -> planned.Triggered:
        """Act as if a schedule were due now. Raises `Rejected` (not-found)."""
        return planned.triggered(await self._tell_schedule(name, sc.TriggerSchedule()))

    async def backfill_schedule(
        self, name: str, wanted: planned.BackfillRequest, *, dry_run: bool = False
    ) -> planned.Backfilled:
        """Start the ticks of a past range, or only tell them. Raises `InputError`."""
        command = planned.backfill_command(wanted, dry_run=dry_run)
        return planned.backfilled(await self._tell_schedule(name, command))

    async def delete_schedule(self, name: str) -> None:
        """Forget a schedule; what it started goes on. Raises `Rejected` (not-found)."""
        await self._tell_schedule(name, sc.DeleteSchedule())

    async def _tell_schedule(self, name: str, command: c.Command) -> dict[str, object]:
        answer = await self._ask(Request(planned.key_of(name), command, self._actor))
        assert isinstance(answer, Answer), "a schedule answers at once"
        return answer.facts

    async def set_queue(self, name: str, **changes: Any) -> None:
        """Change what a queue allows, from now on; `changes` are those of `Queue`, and what is not
        named stays. Raises `InputError`.
        """
        command = queued.change_command(self.read, name, **changes)
        await self._ask(Request(queued.key_of(name), command, self._actor))

    async def pause_queue(self, name: str) -> None:
        """Let nothing of a queue begin; what runs goes on."""
        command = qc.SetQueue(name, is_paused=True)
        await self._ask(Request(queued.key_of(name), command, self._actor))

    async def resume_queue(self, name: str) -> None:
        """Let a queue go on, in order."""
        command = qc.SetQueue(name, is_paused=False)
        await self._ask(Request(queued.key_of(name), command, self._actor))

    async def remove_queue(self, name: str) -> None:
        """Forget what a queue allows: it holds what waits until it is declared again.

        Raises `Rejected` (not-found).
        """
        await self._ask(Request(queued.key_of(name), qc.RemoveQueue(), self._actor))

    async def queues(self) -> list[queued.QueueView]:
        """Return all queues in order of their names."""
        return queued.read_queues(self.read)

    async def queue(self, name: str) -> queued.QueueView:
        """Return one queue. Raises `InputError` where nobody has used it."""
        return queued.read_queue(self.read, name)

    async def queue_entries(
        self, name: str, *, after: int = 0, limit: int = 100
    ) -> list[queued.EntryView]:
        """Return who stands in a queue after an entry, in order of their coming."""
        return queued.read_entries(self.read, name, after=after, limit=limit)

    async def _fact(self, request: Request, name: str) -> str:
        result = await self._ask(request)
        assert isinstance(result, Answer), "a fact is asked of an answer"
        return str(result.facts[name])


def accepted(result: Result) -> Answer | Ended:
    """Return an answer, or raise the refusal that it is."""
    if isinstance(result, Rejection):
        raise Rejected(result.code, result.message)
    return result


def plain(data: bytes | None) -> Any:
    """Return an encoded value as Python data; nothing for nothing."""
    return None if data is None else values.to_python(values.decode(data))


def ended(result: Ended) -> Instance:
    """Return an ended instance with its variables decoded."""
    variables = {
        name: values.to_python(values.decode(data)) for name, data in result.variables.items()
    }
    return Instance(str(result.key), result.status, variables)
