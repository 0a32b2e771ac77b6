"""Appliers: the only writers of instance state. One function for each record, one table.

Replay, loading, verification and live turns all go through `apply`. An applier reads neither graph
nor registry and never looks inside a value. `at` is the turn's time in Unix milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tenuto.engine import pause_appliers, routine_appliers, update_appliers
from tenuto.engine import records as r
from tenuto.engine.lifecycle import InstanceStatus, Status, may_become
from tenuto.engine.state import (
    ROOT,
    Element,
    Incident,
    InstanceState,
    Job,
    Loop,
    MessageWait,
    SignalWait,
    TimerWait,
    UserTask,
)

R = TypeVar("R", bound=r.Record)
Applier = Callable[[InstanceState, Any, int], None]


def apply(state: InstanceState, record: r.Record, at: int) -> None:
    """Fold one record into the state."""
    APPLIERS[type(record)](state, record, at)


def close_turn(state: InstanceState, at: int) -> None:
    """Count the turn; the next one cannot be earlier."""
    state.version += 1
    state.last_at = at


# --- tokens


def _put_tokens(state: InstanceState, scope: int, places: tuple[str, ...]) -> None:
    for place in places:
        state.agenda.append((scope, place))
    state.elements[scope].alive += len(places)


def _take_token(state: InstanceState, scope: int, place: str) -> None:
    token = (scope, place)
    agenda = state.agenda
    assert token in agenda, f"expected a token on {place} in scope {scope} of instance {state.key}"
    if agenda[0] == token:
        del agenda[0]
    else:
        agenda.remove(token)
    state.elements[scope].alive -= 1


def _become(element: Element, target: Status) -> None:
    assert may_become(element.status, target), f"{element.id}: {element.status} to {target}"
    element.status = target


def _remove_element(state: InstanceState, number: int) -> Element:
    element = state.elements.pop(number)
    scope = state.elements[element.scope]
    scope.alive -= 1
    if scope.routine is not None:
        scope.routine.children.pop(number, None)
    if element.waiting:
        state.joining.pop(number, None)
    assert not element.waits, f"expected {element.id} to have closed its waits before it ends"
    return element


# --- process instances


def _instance_started(state: InstanceState, record: r.InstanceStarted, at: int) -> None:
    state.process = record.process
    state.definition = record.definition
    state.business_key = record.business_key
    state.parent = record.parent
    state.parent_element = record.parent_element
    state.mailbox = record.mailbox
    state.message_name = record.message_name
    state.message_key = record.message_key
    state.schedule = record.schedule
    state.started_at = at
    state.elements[ROOT] = Element(id=record.process, scope=ROOT)
    _put_tokens(state, ROOT, record.places)


def _end(state: InstanceState, status: InstanceStatus, at: int) -> None:
    assert state.status is InstanceStatus.ACTIVE, f"instance {state.key} ended twice"
    state.status = status
    state.ended_at = at


def _instance_completed(state: InstanceState, record: r.InstanceCompleted, at: int) -> None:
    assert len(state.elements) == 1, f"expected no live element in instance {state.key}"
    _end(state, InstanceStatus.COMPLETED, at)


def _instance_terminated(state: InstanceState, record: r.InstanceTerminated, at: int) -> None:
    _end(state, InstanceStatus.TERMINATED, at)


def _instance_failed(state: InstanceState, record: r.InstanceFailed, at: int) -> None:
    _end(state, InstanceStatus.FAILED, at)


def _element_passed(state: InstanceState, record: r.ElementPassed, at: int) -> None:
    _take_token(state, record.scope, record.place)
    if record.taken:
        _put_tokens(state, record.scope, record.taken)


def _element_activated(state: InstanceState, record: r.ElementActivated, at: int) -> None:
    if record.place:
        _take_token(state, record.scope, record.place)
    assert record.element not in state.elements, f"element {record.element} exists"
    count = state.counts.get(record.id, 0) + 1
    state.counts[record.id] = count
    state.elements[record.element] = Element(
        id=record.id, scope=record.scope, item=record.item, count=count
    )
    state.elements[record.scope].alive += 1
    state.next_number = max(state.next_number, record.element + 1)


def _element_completed(state: InstanceState, record: r.ElementCompleted, at: int) -> None:
    element = _remove_element(state, record.element)
    _become(element, Status.COMPLETED)
    _put_tokens(state, element.scope, record.taken)


def _element_terminating(state: InstanceState, record: r.ElementTerminating, at: int) -> None:
    element = state.elements[record.element]
    _become(element, Status.TERMINATING)
    element.then = record.then


def _element_terminated(state: InstanceState, record: r.ElementTerminated, at: int) -> None:
    element = _remove_element(state, record.element)
    _become(element, Status.TERMINATED)
    if record.then is not None:
        _put_tokens(state, element.scope, (record.then,))


def _token_waiting(state: InstanceState, record: r.TokenWaiting, at: int) -> None:
    scope = state.elements[record.scope]
    _take_token(state, record.scope, record.place)
    scope.alive += 1
    scope.waiting[record.place] = scope.waiting.get(record.place, 0) + 1
    state.joining[record.scope] = state.joining.get(record.scope, 0) + 1


def _join_fired(state: InstanceState, record: r.JoinFired, at: int) -> None:
    scope = state.elements[record.scope]
    for place in record.consumed:
        left = scope.waiting[place] - 1
        if left:
            scope.waiting[place] = left
        else:
            del scope.waiting[place]
    scope.alive -= len(record.consumed)
    left = state.joining[record.scope] - len(record.consumed)
    assert left >= 0, f"scope {record.scope} counts fewer waiting tokens than it had"
    if left:
        state.joining[record.scope] = left
    else:
        del state.joining[record.scope]
    _put_tokens(state, record.scope, record.taken)


def _tokens_removed(state: InstanceState, record: r.TokensRemoved, at: int) -> None:
    scope = state.elements[record.scope]
    moving = [token for token in state.agenda if token[0] == record.scope]
    state.agenda = [token for token in state.agenda if token[0] != record.scope]
    scope.alive -= len(moving) + sum(scope.waiting.values())
    scope.waiting = {}
    state.joining.pop(record.scope, None)


def _token_placed(state: InstanceState, record: r.TokenPlaced, at: int) -> None:
    _put_tokens(state, record.scope, (record.place,))


def _scope_entered(state: InstanceState, record: r.ScopeEntered, at: int) -> None:
    _put_tokens(state, record.element, record.places)


def _variables_set(state: InstanceState, record: r.VariablesSet, at: int) -> None:
    state.elements[record.scope].variables.update(record.variables)


# --- work


def _job_created(state: InstanceState, record: r.JobCreated, at: int) -> None:
    state.jobs[record.element] = Job(
        type=record.type,
        retries=record.retries,
        key=record.key,
        created_at=at,
        headers=record.headers,
    )


def _job_gone(state: InstanceState, record: Any, at: int) -> None:
    del state.jobs[record.element]


def _job_failed(state: InstanceState, record: r.JobFailed, at: int) -> None:
    job = state.jobs[record.element]
    job.retries = record.retries
    job.retry_at = record.retry_at


def _job_retried(state: InstanceState, record: r.JobRetried, at: int) -> None:
    job = state.jobs[record.element]
    job.retries = record.retries
    job.retry_at = None


def _user_task_created(state: InstanceState, record: r.UserTaskCreated, at: int) -> None:
    state.user_tasks[record.element] = UserTask(
        name=record.name,
        assignee=record.assignee,
        candidate_groups=record.candidate_groups,
        candidate_users=record.candidate_users,
        due_at=record.due_at,
        follow_up_at=record.follow_up_at,
        priority=record.priority,
        form=record.form,
        created_at=at,
    )


def _user_task_assigned(state: InstanceState, record: r.UserTaskAssigned, at: int) -> None:
    state.user_tasks[record.element].assignee = record.assignee


def _user_task_gone(state: InstanceState, record: Any, at: int) -> None:
    del state.user_tasks[record.element]


def _nothing(state: InstanceState, record: r.Record, at: int) -> None:
    """The record is history alone."""


# --- waits


def _add_wait(
    state: InstanceState, number: int, wait: TimerWait | MessageWait | SignalWait
) -> None:
    known = state.waits.get(number)
    state.waits[number] = wait
    if known is None:
        state.elements[wait.owner].waits.append(number)
    state.next_number = max(state.next_number, number + 1)


def _drop_wait(state: InstanceState, number: int) -> None:
    wait = state.waits.pop(number)
    state.elements[wait.owner].waits.remove(number)


def _timer_set(state: InstanceState, record: r.TimerSet, at: int) -> None:
    wait = TimerWait(record.owner, record.node, record.due_at, record.repeats, record.cycle)
    _add_wait(state, record.wait, wait)


def _timer_fired(state: InstanceState, record: r.TimerFired, at: int) -> None:
    _drop_wait(state, record.wait)


def _subscription_requested(state: InstanceState, record: r.SubscriptionRequested, at: int) -> None:
    wait = MessageWait(
        record.owner, record.node, record.mailbox, record.name, record.correlation_key
    )
    _add_wait(state, record.wait, wait)


def _subscription_confirmed(state: InstanceState, record: r.SubscriptionConfirmed, at: int) -> None:
    wait = state.waits[record.wait]
    assert isinstance(wait, MessageWait), f"wait {record.wait} is no subscription"
    wait.confirmed = True


def _message_accepted(state: InstanceState, record: r.MessageAccepted, at: int) -> None:
    if record.close:
        _drop_wait(state, record.wait)


def _signal_awaited(state: InstanceState, record: r.SignalAwaited, at: int) -> None:
    _add_wait(state, record.wait, SignalWait(record.owner, record.node, record.name, at))


def _signal_received(state: InstanceState, record: r.SignalReceived, at: int) -> None:
    if record.close:
        _drop_wait(state, record.wait)


def _wait_closed(state: InstanceState, record: r.WaitClosed, at: int) -> None:
    _drop_wait(state, record.wait)


# --- multi-instance, calls, incidents


def _loop_started(state: InstanceState, record: r.LoopStarted, at: int) -> None:
    state.elements[record.element].loop = Loop(total=record.total, items=record.items)


def _loop_items_begun(state: InstanceState, record: r.LoopItemsBegun, at: int) -> None:
    body = state.elements[record.element]
    assert body.loop is not None, f"{body.id} is no multi-instance body"
    place = f"*{record.element}"
    if (record.element, place) in state.agenda:
        _take_token(state, record.element, place)
    body.loop.begun = record.upto
    if record.more:
        _put_tokens(state, record.element, (place,))


def _loop_item_completed(state: InstanceState, record: r.LoopItemCompleted, at: int) -> None:
    body = state.elements[record.element]
    assert body.loop is not None, f"{body.id} is no multi-instance body"
    body.loop.done += 1
    if record.output is not None:
        body.loop.outputs[record.item] = record.output


def _call_started(state: InstanceState, record: r.CallStarted, at: int) -> None:
    state.calls[record.element] = record.instance
    if record.when_left != r.CANCEL:
        state.when_left[record.element] = record.when_left


def _call_ended(state: InstanceState, record: r.CallEnded, at: int) -> None:
    del state.calls[record.element]
    state.when_left.pop(record.element, None)


def _incident_raised(state: InstanceState, record: r.IncidentRaised, at: int) -> None:
    element = state.elements[record.element]
    element.incident = record.incident
    state.incidents[record.incident] = Incident(
        record.element, element.id, record.code, record.message, record.phase, at
    )
    state.next_number = max(state.next_number, record.incident + 1)


def _incident_resolved(state: InstanceState, record: r.IncidentResolved, at: int) -> None:
    incident = state.incidents.pop(record.incident)
    state.elements[incident.element].incident = None


def on(
    kind: type[R], run: Callable[[InstanceState, R, int], None]
) -> tuple[type[r.Record], Applier]:
    """Return a row of the table; a mismatched pair fails the type check."""
    return kind, run


APPLIERS: dict[type[r.Record], Applier] = dict(
    (
        on(r.InstanceStarted, _instance_started),
        on(r.InstanceCompleted, _instance_completed),
        on(r.InstanceTerminated, _instance_terminated),
        on(r.InstanceFailed, _instance_failed),
        on(r.ElementPassed, _element_passed),
        on(r.ElementActivated, _element_activated),
        on(r.ElementCompleted, _element_completed),
        on(r.ElementTerminating, _element_terminating),
        on(r.ElementTerminated, _element_terminated),
        on(r.TokenWaiting, _token_waiting),
        on(r.JoinFired, _join_fired),
        on(r.TokensRemoved, _tokens_removed),
        on(r.TokenPlaced, _token_placed),
        on(r.ScopeEntered, _scope_entered),
        on(r.VariablesSet, _variables_set),
        on(r.JobCreated, _job_created),
        on(r.JobCompleted, _job_gone),
        on(r.JobFailed, _job_failed),
        on(r.JobErrorThrown, _job_gone),
        on(r.JobCanceled, _job_gone),
        on(r.JobRetried, _job_retried),
        on(r.UserTaskCreated, _user_task_created),
        on(r.UserTaskAssigned, _user_task_assigned),
        on(r.UserTaskCompleted, _user_task_gone),
        on(r.UserTaskCanceled, _user_task_gone),
        on(r.DecisionEvaluated, _nothing),
        on(r.TimerSet, _timer_set),
        on(r.TimerFired, _timer_fired),
        on(r.SubscriptionRequested, _subscription_requested),
        on(r.SubscriptionConfirmed, _subscription_confirmed),
        on(r.MessageAccepted, _message_accepted),
        on(r.MessageDeclined, _nothing),
        on(r.SignalAwaited, _signal_awaited),
        on(r.SignalReceived, _signal_received),
        on(r.WaitClosed, _wait_closed),
        on(r.LoopStarted, _loop_started),
        on(r.LoopItemsBegun, _loop_items_begun),
        on(r.LoopItemCompleted, _loop_item_completed),
        on(r.CallStarted, _call_started),
        on(r.CallEnded, _call_ended),
        on(r.IncidentRaised, _incident_raised),
        on(r.IncidentResolved, _incident_resolved),
        *routine_appliers.APPLIERS.items(),
        *pause_appliers.APPLIERS.items(),
        *update_appliers.APPLIERS.items(),
    )
)
