"""From records to rows: what each record changes in the tables that queries see.

Rows are coalesced within a batch: a row that is born and dies in the same commit is never written.
Records without a row here are history alone, or show in the instance row.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from tenuto.engine import pause_records as pr
from tenuto.engine import records as r
from tenuto.engine import rows as row
from tenuto.engine.aggregates import AGGREGATES
from tenuto.engine.lifecycle import PAUSED
from tenuto.engine.mailbox import MailboxState
from tenuto.engine.queue_state import QueueState
from tenuto.engine.recurrence import TIMER, RecurrenceState
from tenuto.engine.schedule_state import ScheduleState
from tenuto.engine.state import InstanceState, TimerWait
from tenuto.keys import kind_of

Key = tuple[Any, ...]

_encode = msgspec.msgpack.Encoder().encode


class RowChanges:
    """The upserts and deletes of one commit, by table and primary key."""

    __slots__ = ("_born", "deletes", "puts")

    def __init__(self) -> None:
        """Begin with no change."""
        self.puts: dict[str, dict[Key, row.Row]] = {table: {} for table, _ in row.TABLES}
        self.deletes: dict[str, dict[Key, None]] = {table: {} for table, _ in row.TABLES}
        self._born: dict[str, set[Key]] = {table: set() for table, _ in row.TABLES}

    def add(self, table: str, key: Key, new: row.Row) -> None:
        """Insert a row that was not there before this batch."""
        if key not in self.deletes[table]:
            self._born[table].add(key)
        else:
            del self.deletes[table][key]
        self.puts[table][key] = new

    def change(self, table: str, key: Key, new: row.Row) -> None:
        """Write a row that may be there already."""
        self.puts[table][key] = new

    def delete(self, table: str, key: Key) -> None:
        """Remove a row; one born in this batch leaves no trace."""
        self.puts[table].pop(key, None)
        if key in self._born[table]:
            self._born[table].discard(key)
        else:
            self.deletes[table][key] = None


Rule = Callable[[RowChanges, Any, Any, int], None]


# --- instances


def job_row(state: InstanceState, element: int) -> row.JobRow:
    """Return the row of a job as the state has it; the runtime fills in who holds it."""
    job = state.jobs[element]
    if element in state.elements and state.elements[element].incident is not None:
        status = "failed"
    elif state.pause is not None:
        status = PAUSED
    else:
        status = "ready" if job.retry_at is None else "waiting"
    return row.JobRow(
        state.key,
        element,
        job.type,
        state.process,
        state.elements[element].id,
        status,
        job.retries,
        job.retry_at,
        job.created_at,
        0,
        0,
        None,
        0,
    )


def _job_created(rows: RowChanges, state: InstanceState, record: r.JobCreated, at: int) -> None:
    if record.element in state.jobs:
        rows.add("job", (state.key, record.element), job_row(state, record.element))


def _job_changed(rows: RowChanges, state: InstanceState, record: Any, at: int) -> None:
    if record.element in state.jobs:
        rows.change("job", (state.key, record.element), job_row(state, record.element))


def _job_gone(rows: RowChanges, state: InstanceState, record: Any, at: int) -> None:
    rows.delete("job", (state.key, record.element))


def user_task_row(state: InstanceState, element: int) -> row.UserTaskRow:
    """Return the row of an open user task."""
    task = state.user_tasks[element]
    return row.UserTaskRow(
        state.key,
        element,
        state.process,
        state.elements[element].id,
        task.name,
        task.assignee,
        json.dumps(task.candidate_groups),
        json.dumps(task.candidate_users),
        task.due_at,
        task.follow_up_at,
        task.priority,
        task.form,
        task.created_at,
    )


def _user_task(rows: RowChanges, state: InstanceState, record: Any, at: int) -> None:
    if record.element in state.user_tasks:
        key = (state.key, record.element)
        new = isinstance(record, r.UserTaskCreated)
        put = rows.add if new else rows.change
        put("user_task", key, user_task_row(state, record.element))


def _user_task_gone(rows: RowChanges, state: InstanceState, record: Any, at: int) -> None:
    rows.delete("user_task", (state.key, record.element))


def _timer_set(rows: RowChanges, state: InstanceState, record: r.TimerSet, at: int) -> None:
    key = (state.key, record.wait)
    rows.add("timer", key, row.TimerRow(state.key, record.wait, record.due_at, record.node))


def _timer_fired(rows: RowChanges, state: InstanceState, record: r.TimerFired, at: int) -> None:
    rows.delete("timer", (state.key, record.wait))


def _signal_awaited(
    rows: RowChanges, state: InstanceState, record: r.SignalAwaited, at: int
) -> None:
    key = (record.name, state.key, record.wait)
    rows.add("signal", key, row.SignalRow(record.name, state.key, record.wait, record.node, at))


def _incident_raised(
    rows: RowChanges, state: InstanceState, record: r.IncidentRaised, at: int
) -> None:
    incident = state.incidents.get(record.incident)
    if incident is None:
        return
    _job_changed(rows, state, record, at)
    rows.add(
        "incident",
        (state.key, record.incident),
        row.IncidentRow(
            state.key,
            record.incident,
            state.process,
            record.element,
            incident.element_id,
            record.code,
            record.message,
            incident.created_at,
        ),
    )


def _incident_resolved(
    rows: RowChanges, state: InstanceState, record: r.IncidentResolved, at: int
) -> None:
    rows.delete("incident", (state.key, record.incident))


def _wait_closed(rows: RowChanges, state: InstanceState, record: r.WaitClosed, at: int) -> None:
    if record.kind == "timer":
        rows.delete("timer", (state.key, record.wait))
    elif record.kind == "signal":
        rows.delete("signal", (record.name, state.key, record.wait))


def _signal_received(
    rows: RowChanges, state: InstanceState, record: r.SignalReceived, at: int
) -> None:
    if record.close:
        rows.delete("signal", (record.name, state.key, record.wait))


def _held(rows: RowChanges, state: InstanceState, record: pr.CommandHeld, at: int) -> None:
    """A timer that waits for a paused instance is not due again and again."""
    if record.timer is not None:
        rows.delete("timer", (state.key, record.timer))


def timer_rows(state: InstanceState) -> dict[Key, row.Row]:
    """Return the timers that an instance waits for, but for those that wait for it."""
    held = () if state.pause is None else state.pause.timers
    return {
        (state.key, number): row.TimerRow(state.key, number, wait.due_at, wait.node)
        for number, wait in state.waits.items()
        if isinstance(wait, TimerWait) and number not in held
    }


def _resumed(rows: RowChanges, state: InstanceState, record: pr.InstanceResumed, at: int) -> None:
    for key, timer in timer_rows(state).items():
        rows.change("timer", key, timer)


INSTANCE_RULES: dict[type[r.Record], Rule] = {
    r.JobCreated: _job_created,
    r.JobCompleted: _job_gone,
    r.JobErrorThrown: _job_gone,
    r.JobCanceled: _job_gone,
    r.JobFailed: _job_changed,
    r.JobRetried: _job_changed,
    r.UserTaskCreated: _user_task,
    r.UserTaskAssigned: _user_task,
    r.UserTaskCompleted: _user_task_gone,
    r.UserTaskCanceled: _user_task_gone,
    r.TimerSet: _timer_set,
    r.TimerFired: _timer_fired,
    r.SignalAwaited: _signal_awaited,
    r.SignalReceived: _signal_received,
    r.WaitClosed: _wait_closed,
    r.IncidentRaised: _incident_raised,
    r.IncidentResolved: _incident_resolved,
    pr.CommandHeld: _held,
    pr.InstanceResumed: _resumed,
}


def index_instance(
    rows: RowChanges, state: InstanceState, records: list[r.Record], at: int
) -> None:
    """Write what a turn of an instance changed, beside the instance row.

    Rules look at the state as it is at the end of the turn: what began and ended in it makes no
    row.
    """
    for record in records:
        rule = INSTANCE_RULES.get(type(record))
        if rule is not None:
            rule(rows, state, record, at)


def instance_row(
    state: InstanceState, snapshot: bytes | None, snapshot_version: int
) -> row.InstanceRow:
    """Return the row of an instance; it is written by every turn."""
    return row.InstanceRow(
        state.key,
        state.process,
        state.definition,
        state.business_key,
        state.status.value if state.pause is None else PAUSED,
        state.version,
        state.parent,
        state.started_at,
        state.ended_at,
        snapshot_version,
        snapshot,
    )


# --- named aggregates


def _subscription_row(state: MailboxState, who: tuple[int, int]) -> row.SubscriptionRow:
    one = state.subscriptions[who]
    return row.SubscriptionRow(
        state.key,
        who[0],
        who[1],
        one.name,
        one.correlation_key,
        one.process,
        one.element_id,
        one.position,
        one.offered,
    )


def _message_row(state: MailboxState, number: int) -> row.MessageRow:
    one = state.messages[number]
    return row.MessageRow(
        state.key,
        number,
        one.name,
        one.correlation_key,
        one.message_id,
        one.published_at,
        one.expires_at + row.ON_OFFER if one.offers else one.expires_at,
        _encode(one.variables),
        _encode((one.taken, one.offers)),
    )


def index_mailbox(
    rows: RowChanges, state: MailboxState, records: list[r.Record], before: MailboxKeys
) -> None:
    """Write the subscriptions and messages that a turn touched."""
    for record in records:
        wait = getattr(record, "wait", None)
        if wait is not None:
            who = (record.instance, wait)  # type: ignore[attr-defined]  # all with wait have it
            key = (state.key, *who)
            if who in state.subscriptions:
                put = rows.change if who in before.subscriptions else rows.add
                put("subscription", key, _subscription_row(state, who))
                before.subscriptions.add(who)
            elif who in before.subscriptions:
                rows.delete("subscription", key)
                before.subscriptions.discard(who)
        number = getattr(record, "message", None)
        if number is not None:
            if number in state.messages:
                put = rows.change if number in before.messages else rows.add
                put("message", (state.key, number), _message_row(state, number))
                before.messages.add(number)
            elif number in before.messages:
                rows.delete("message", (state.key, number))
                before.messages.discard(number)


class MailboxKeys:
    """The row keys that a mailbox had before a turn."""

    __slots__ = ("messages", "subscriptions")

    def __init__(self, state: MailboxState) -> None:
        """Remember them."""
        self.subscriptions = set(state.subscriptions)
        self.messages = set(state.messages)


def mailbox_rows(state: MailboxState) -> dict[str, dict[Key, row.Row]]:
    """Return every row that a mailbox implies, by table and primary key."""
    return {
        "subscription": {
            (state.key, *who): _subscription_row(state, who) for who in state.subscriptions
        },
        "message": {(state.key, number): _message_row(state, number) for number in state.messages},
    }


# Aggregates that a timer drives.
Timed = RecurrenceState | ScheduleState | QueueState


def timed_rows(state: Timed) -> dict[Key, row.Row]:
    """Return the timer of a start event, schedule or queue, if it is armed."""
    if state.due_at is None:
        return {}
    name = state.node if isinstance(state, RecurrenceState) else state.name
    return {(state.key, TIMER): row.TimerRow(state.key, TIMER, state.due_at, name)}


def index_timed(rows: RowChanges, state: Timed) -> None:
    """Write the timer of a start event, schedule or queue, or remove it."""
    key = (state.key, TIMER)
    for armed in timed_rows(state).values():
        put = rows.add if key in rows.deletes["timer"] else rows.change
        put("timer", key, armed)
        return
    rows.delete("timer", key)


def aggregate_row(state: Any) -> row.AggregateRow:
    """Return the row of a named aggregate."""
    kind = kind_of(state.key)
    return row.AggregateRow(state.key, int(kind), state.version, AGGREGATES[kind].encode(state))
