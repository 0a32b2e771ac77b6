"""Processors: what an instance does with each command. One table; a refusal is a value.

Each runs inside a turn whose state is the instance's. After a processor has returned nothing, the
turn is played to rest (`engine.play`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tenuto.engine import commands as c
from tenuto.engine import pausing, queue_answers, routines, updates
from tenuto.engine import queue_commands as q
from tenuto.engine import rejections as why
from tenuto.engine.elements import calls, events
from tenuto.engine.elements.subprocesses import open_event_subprocesses
from tenuto.engine.incidents import ENTER, JOB, LEAVE, raise_incident
from tenuto.engine.jobs import backoff_ms
from tenuto.engine.lifecycle import Status
from tenuto.engine.natural_keys import lookalikes_of
from tenuto.engine.play import enter
from tenuto.engine.records import (
    ElementTerminating,
    IncidentResolved,
    InstanceStarted,
    JobCompleted,
    JobErrorThrown,
    JobFailed,
    JobRetried,
    MessageAccepted,
    MessageDeclined,
    SignalReceived,
    SubscriptionConfirmed,
    TimerFired,
    UserTaskAssigned,
    UserTaskCompleted,
    VariablesSet,
)
from tenuto.engine.rejections import Rejection
from tenuto.engine.scopes import empty_scope, withdraw
from tenuto.engine.state import ROOT, MessageWait, SignalWait, TimerWait
from tenuto.engine.stored import Encoded, Variables
from tenuto.engine.tokens import leave
from tenuto.engine.turn import Stuck, Turn
from tenuto.engine.variables import decode_all, keep_all, propagate, set_local
from tenuto.graph.nodes import EndEvent, JobTask, StartEvent, ThrowEvent
from tenuto.graph.policy import Backoff, JobPolicy
from tenuto.graph.triggers import JobThrow

C = TypeVar("C", bound=c.Command)
Processor = Callable[[Turn, Any], Rejection | None]


# --- start and end


def start_instance(turn: Turn, command: c.StartInstance) -> Rejection | None:
    """Begin the process at its none start event, or at the start event that was triggered."""
    graph = turn.graph
    turn.started_by = command
    places = _start_places(turn, command.node)
    if not places:
        return Rejection(
            why.NO_START_EVENT,
            f"expected process {graph.id} to have a none start event, but it begins by "
            f"{', '.join(graph.starts) or 'nothing'}; send the message or signal that starts it",
        )
    variables = keep_given(turn, command.variables)
    record = InstanceStarted(
        graph.id,
        turn.definition,
        places,
        command.business_key,
        command.parent,
        command.parent_element,
        command.mailbox,
        command.message_name,
        command.message_key,
        command.schedule,
    )
    turn.emit(record)
    if variables:
        turn.emit(VariablesSet(ROOT, variables))
    if graph.natural_key is not None:
        found = lookalikes_of(turn, graph.natural_key, command.lookalikes)
        turn.emit(VariablesSet(ROOT, keep_all(turn, found)))
    try:
        open_event_subprocesses(turn, ROOT, graph.id)
    except Stuck as stuck:
        raise_incident(turn, ROOT, stuck, ENTER)
    return None


def _start_places(turn: Turn, node: str | None) -> tuple[str, ...]:
    graph = turn.graph
    if node is not None:
        return (f"@{node}",) if node in graph.starts else ()
    for id in graph.starts:
        start = graph.nodes[id]
        if isinstance(start, StartEvent) and start.trigger is None:
            return (f"@{id}",)
    return tuple(f"@{id}" for id in graph.implicit_starts)


def keep_given(turn: Turn, variables: Encoded) -> Variables:
    """Return variables that came with a command as they are stored: large ones become payloads."""
    return {name: turn.keep_bytes(data) for name, data in variables.items()}


def cancel_instance(turn: Turn, command: c.CancelInstance) -> Rejection | None:
    """Withdraw everything; the instance ends when what it called has ended."""
    asked = routines.request_cancel(turn, command)
    if isinstance(asked, Rejection):
        return asked
    if asked:
        return None
    root = turn.element(ROOT)
    if root.status is Status.TERMINATING:
        return Rejection(why.NOT_ACTIVE, f"instance {turn.state.key} is being canceled already")
    withdraw(turn, ROOT)
    empty_scope(turn, ROOT)
    turn.emit(ElementTerminating(ROOT, None, command.reason))
    turn.touch(ROOT)
    return None


def continue_instance(turn: Turn, command: c.ContinueInstance) -> Rejection | None:
    """Nothing but to play on."""
    return None


# --- jobs


def _job_missing(turn: Turn, element: int) -> Rejection | None:
    if element in turn.state.jobs:
        return None
    known = turn.state.elements.get(element)
    fact = "it has ended or was withdrawn" if known is None else f"{known.id} has no open job"
    return Rejection(
        why.NOT_ACTIVE,
        f"expected job {turn.state.key}-{element} to be open, but {fact}; nothing to do",
    )


def _is_routine(turn: Turn, element: int) -> Rejection | None:
    """Refuse a result for the job of a workflow, which only its coroutine can end."""
    if turn.element(element).routine is None:
        return None
    return Rejection(
        why.NOT_APPLICABLE,
        f"expected the job of a task, but {turn.state.key}-{element} is the workflow "
        f"`{turn.state.process}`: it ends when its code returns; cancel it instead",
    )


def complete_job(turn: Turn, command: c.CompleteJob) -> Rejection | None:
    """Take a worker's result and leave the element."""
    missing = _job_missing(turn, command.element) or _is_routine(turn, command.element)
    if missing is not None:
        return missing
    turn.emit(JobCompleted(command.element))
    if command.variables:
        variables = _as_result(turn, command.element, keep_given(turn, command.variables))
        _receive(turn, command.element, variables)
    element = turn.element(command.element)
    if element.incident is not None:
        turn.emit(IncidentResolved(element.incident))
    _leave(turn, command.element)
    return None


def _policy_of(turn: Turn, element: int) -> JobPolicy | None:
    node = turn.node(element)
    if isinstance(node, JobTask):
        return node.job
    if isinstance(node, ThrowEvent | EndEvent) and isinstance(node.throw, JobThrow):
        return node.throw.job
    return None


def _as_result(turn: Turn, element: int, variables: Variables) -> Variables:
    """Wrap a result in the one variable that the model asks for, if it does."""
    policy = _policy_of(turn, element)
    if policy is None or policy.result_variable is None or policy.result_variable in variables:
        return variables
    return keep_all(turn, {policy.result_variable: decode_all(turn, variables)})


def fail_job(turn: Turn, command: c.FailJob) -> Rejection | None:
    """Count the failed attempt: back off and try again, or stop with an incident."""
    missing = _job_missing(turn, command.element)
    if missing is not None:
        return missing
    job = turn.state.jobs[command.element]
    if turn.element(command.element).incident is not None:
        return Rejection(why.NOT_ACTIVE, f"job {turn.state.key}-{command.element} has an incident")
    policy = _policy_of(turn, command.element)
    backoff = policy.backoff if policy is not None else Backoff()
    retries = max(0, job.retries - 1) if command.retry else 0
    failures = turn_failures(turn, command.element, retries)
    delay = command.retry_after_ms
    if delay is None:
        delay = backoff_ms(backoff, failures, command.jitter)
    retry_at = turn.now + delay if retries else None
    turn.emit(JobFailed(command.element, retries, retry_at, command.message[:2000]))
    if not retries and routines.is_await(turn, command.element):
        routines.child_failed(turn, command.element, "StepFailed", command.message, {})
    elif not retries:
        stuck = Stuck("job-failed", command.message)
        raise_incident(turn, command.element, stuck, JOB)
    return None


def turn_failures(turn: Turn, element: int, retries_left: int) -> int:
    """Return how many attempts of a job have failed, from the retries that its policy gave."""
    policy = _policy_of(turn, element)
    if policy is None or not policy.retries.is_constant:
        return 1
    try:
        given = int(str(policy.retries.constant))
    except ValueError:
        return 1
    return max(1, given - retries_left)


def throw_job_error(turn: Turn, command: c.ThrowJobError) -> Rejection | None:
    """A worker's BPMN error goes to its handler; without one the job stops with an incident."""
    missing = _job_missing(turn, command.element) or _is_routine(turn, command.element)
    if missing is not None:
        return missing
    variables = keep_given(turn, command.variables)
    try:
        turn.emit(JobErrorThrown(command.element, command.code, command.message))
        if routines.is_await(turn, command.element):
            routines.child_failed(turn, command.element, command.code, command.message, variables)
            return None
        events.throw_error(turn, command.element, command.code, command.message, variables)
    except Stuck as stuck:
        raise_incident(turn, command.element, stuck, ENTER)
    return None


def crash_job(turn: Turn, command: c.CrashJob) -> Rejection | None:
    """A job that ends its process each time it runs alone waits for a person."""
    missing = _job_missing(turn, command.element)
    if missing is not None:
        return missing
    turn.emit(JobFailed(command.element, 0, None, "its handler ended the process"))
    message = (
        "expected the handler to return or raise, but it ended its process "
        f"{command.crashes} times "
        "while it ran alone; mend the handler, then resolve the incident"
    )
    raise_incident(turn, command.element, Stuck("job-crashed", message), JOB)
    return None


# --- user tasks


def _task_missing(turn: Turn, element: int) -> Rejection | None:
    if element in turn.state.user_tasks:
        return None
    return Rejection(
        why.NOT_ACTIVE,
        f"expected user task {turn.state.key}-{element} to be open, but it was completed or "
        "withdrawn",
    )


def complete_user_task(turn: Turn, command: c.CompleteUserTask) -> Rejection | None:
    """Take what a person decided and leave the element."""
    missing = _task_missing(turn, command.element)
    if missing is not None:
        return missing
    assignee = turn.state.user_tasks[command.element].assignee or ""
    if command.expected is not None and command.expected != assignee:
        return Rejection(
            why.VERSION_MISMATCH,
            f"expected user task {turn.state.key}-{command.element} to be assigned to "
            f"`{command.expected}`, but `{assignee}` has it: read it again",
        )
    turn.emit(UserTaskCompleted(command.element, ""))
    if command.variables:
        _receive(turn, command.element, keep_given(turn, command.variables))
    _leave(turn, command.element)
    return None


def _receive(turn: Turn, element: int, variables: Variables) -> None:
    """Take a result: what stands for an await keeps it, as its outcome."""
    if routines.is_await(turn, element):
        set_local(turn, element, variables)
    else:
        events.receive(turn, element, variables)


def _leave(turn: Turn, element: int) -> None:
    if routines.is_await(turn, element):
        routines.child_ended(turn, element)
    else:
        leave(turn, element)


def assign_user_task(turn: Turn, command: c.AssignUserTask) -> Rejection | None:
    """Claim, assign or release a task; a second claimer is refused."""
    missing = _task_missing(turn, command.element)
    if missing is not None:
        return missing
    task = turn.state.user_tasks[command.element]
    if task.assignee not in (command.expected, command.assignee):
        return Rejection(
            why.ALREADY_CLAIMED,
            f"expected user task {turn.state.key}-{command.element} to be "
            f"{'unassigned' if command.expected is None else 'assigned to ' + command.expected}, "
            f"but {task.assignee or 'nobody'} has it",
        )
    if task.assignee != command.assignee:
        turn.emit(UserTaskAssigned(command.element, command.assignee))
    return None


# --- events


def fire_timer(turn: Turn, command: c.FireTimer) -> Rejection | None:
    """A timer is due: continue where it leads."""
    wait = turn.state.waits.get(command.wait)
    if not isinstance(wait, TimerWait) or wait.due_at > turn.now:
        return Rejection(why.NOT_ACTIVE, f"timer {command.wait} is not due or was withdrawn")
    turn.emit(TimerFired(command.wait))
    events.trigger_wait(turn, wait, {})
    return None


def confirm_subscription(turn: Turn, command: c.ConfirmSubscription) -> Rejection | None:
    """The mailbox has the subscription: the element waits."""
    wait = turn.state.waits.get(command.wait)
    if not isinstance(wait, MessageWait) or wait.confirmed:
        return Rejection(why.NOT_ACTIVE, f"subscription {command.wait} was withdrawn")
    turn.emit(SubscriptionConfirmed(command.wait))
    return None


def offer_message(turn: Turn, command: c.OfferMessage) -> Rejection | None:
    """Accept an offered message if the element still waits, else decline it."""
    wait = turn.state.waits.get(command.wait)
    key = turn.state.key
    if not isinstance(wait, MessageWait) or not turn.state.is_live:
        turn.emit(MessageDeclined(command.wait, command.message))
        turn.send(command.mailbox, c.DeclineOffer(key, command.wait, command.message))
        return None
    close = not events.stays_open(turn, wait)
    turn.emit(MessageAccepted(command.wait, command.message, close))
    turn.send(command.mailbox, c.AcceptOffer(key, command.wait, command.message, close))
    events.trigger_wait(turn, wait, keep_given(turn, command.variables))
    return None


def deliver_signal(turn: Turn, command: c.DeliverSignal) -> Rejection | None:
    """A broadcast reached a waiting element."""
    wait = turn.state.waits.get(command.wait)
    if not isinstance(wait, SignalWait):
        return Rejection(why.NOT_ACTIVE, f"signal wait {command.wait} was withdrawn")
    close = not events.stays_open(turn, wait)
    turn.emit(SignalReceived(command.wait, close, wait.name))
    events.trigger_wait(turn, wait, keep_given(turn, command.variables))
    return None


def end_call(turn: Turn, command: c.EndCall) -> Rejection | None:
    """A called instance ended."""
    if command.element not in turn.state.calls:
        return Rejection(why.NOT_ACTIVE, f"call {command.element} was ended already")
    calls.end_call(turn, command, keep_given(turn, command.variables))
    return None


# --- repair


def resolve_incident(turn: Turn, command: c.ResolveIncident) -> Rejection | None:
    """Try again what was stuck."""
    incident = turn.state.incidents.get(command.incident)
    if incident is None:
        return Rejection(
            why.NOT_STUCK,
            f"expected incident {turn.state.key}-{command.incident} to be open, but it is resolved",
        )
    if command.variables:
        propagate(turn, incident.element, keep_given(turn, command.variables))
    turn.emit(IncidentResolved(command.incident))
    if incident.phase == JOB and incident.element in turn.state.jobs:
        turn.emit(JobRetried(incident.element, max(1, command.retries)))
    elif incident.phase == ENTER and incident.element == ROOT:
        return None
    elif incident.phase == ENTER:
        enter(turn, incident.element)
    elif incident.phase == LEAVE:
        if turn.element(incident.element).loop is not None:
            turn.touch(incident.element)
        else:
            leave(turn, incident.element)
    return None


def set_variables(turn: Turn, command: c.SetVariables) -> Rejection | None:
    """Change variables of a scope."""
    if command.scope not in turn.state.elements:
        return Rejection(
            why.NOT_ACTIVE, f"scope {command.scope} of instance {turn.state.key} has ended"
        )
    set_local(turn, command.scope, keep_given(turn, command.variables))
    return None


def on(
    kind: type[C], run: Callable[[Turn, C], Rejection | None]
) -> tuple[type[c.Command], Processor]:
    """Return a row of the table; a mismatched pair fails the type check."""
    return kind, run


PROCESSORS: dict[type[c.Command], Processor] = dict(
    (
        on(c.StartInstance, start_instance),
        on(c.CompleteJob, complete_job),
        on(c.FailJob, fail_job),
        on(c.ThrowJobError, throw_job_error),
        on(c.CrashJob, crash_job),
        on(c.CompleteUserTask, complete_user_task),
        on(c.AssignUserTask, assign_user_task),
        on(c.FireTimer, fire_timer),
        on(c.ConfirmSubscription, confirm_subscription),
        on(c.OfferMessage, offer_message),
        on(c.DeliverSignal, deliver_signal),
        on(c.ResolveIncident, resolve_incident),
        on(c.SetVariables, set_variables),
        on(c.CancelInstance, cancel_instance),
        on(c.EndCall, end_call),
        on(c.ContinueInstance, continue_instance),
        on(c.AdvanceRoutine, routines.advance_routine),
        on(c.StuckRoutine, routines.stuck_routine),
        on(q.AdmitEntry, queue_answers.admit_entry),
        on(q.RefuseEntry, queue_answers.refuse_entry),
        on(q.StopEntry, queue_answers.stop_entry),
        on(c.SendToRoutine, routines.send_to_routine),
        on(c.AskUpdate, updates.ask_update),
        *pausing.PROCESSORS.items(),
    )
)
