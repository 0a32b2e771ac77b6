"""Routines: scopes whose next element a replayed coroutine plans.

A worker holds the routine's job while there is something to do for it: an outcome that the
coroutine has not seen, or a step that runs beside it. What the coroutine waits for is kept here
(timers, subscriptions, jobs, tasks, calls); every outcome gets its place in one order, and the
journal alone says which. A command that was made before an outcome which is ordered now is refused:
the worker replays the coroutine and says it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct

from tenuto import values
from tenuto.engine import commands as c
from tenuto.engine import records as r
from tenuto.engine import rejections as why
from tenuto.engine import routine_commands as a
from tenuto.engine import routine_records as rr
from tenuto.engine import updates
from tenuto.engine.catching import close_wait
from tenuto.engine.decisions import decide
from tenuto.engine.incidents import JOB, close_incident, raise_incident
from tenuto.engine.outcomes import live_routine, offer, routine_of, take_outcome
from tenuto.engine.places import (
    WAITS,
    WHOLE,
    enter_queue,
    is_waiting,
    leave_queue,
    leave_queues,
    place_of,
    waiting_timer,
)
from tenuto.engine.rejections import Rejection
from tenuto.engine.scopes import empty_scope, leave_called, withdraw
from tenuto.engine.state import ROOT, Routine, Wait
from tenuto.engine.stored import Stored, Variables
from tenuto.engine.tokens import complete, flows_out
from tenuto.engine.turn import Stuck, Turn, Woken
from tenuto.engine.variables import decode_all, set_local
from tenuto.graph import nodes as n
from tenuto.keys import Kind, named_key, slot_of

RESULT = "result"
ERROR = "error"
CANCEL = "cancel"
OPEN_MAX = 10_000

Asks = TypeVar("Asks", bound=Struct)


def enter_routine(turn: Turn, number: int, node: n.Routine) -> None:
    """Let a worker begin the coroutine."""
    turn.emit(rr.RoutineBegan(number))
    ask = place_of(turn, node)
    if ask is None:
        offer(turn, number)
    else:
        enter_queue(turn, number, WHOLE, ask)
    if turn.started_by is not None:
        _copy_outcomes(turn, number, turn.started_by)


def _copy_outcomes(turn: Turn, number: int, command: c.StartInstance) -> None:
    """Let the coroutine begin with what another one had seen."""
    for name in command.marks:
        turn.emit(rr.PatchMarked(number, name))
    for one in command.copied:
        value = None if one.value is None else turn.keep_bytes(one.value)
        error = None if one.error is None else turn.keep_bytes(one.error)
        turn.emit(rr.OutcomeTaken(number, one.key, one.at, value, error))


# --- outcomes from outside of the coroutine


def wait_happened(turn: Turn, wait: Wait, variables: Variables) -> None:
    """A timer fired or a message came: for a delayed step its next attempt, else an outcome."""
    number = wait.owner
    routine = routine_of(turn, number)
    if wait.node.endswith(WAITS):
        _waited_too_long(turn, number, wait.node.removesuffix(WAITS))
    elif wait.node in routine.delayed:
        resumed = rr.StepResumed(number, wait.node)
        turn.emit(resumed)
        turn.woken.append(Woken(number, routine.steps[wait.node], resumed))
        offer(turn, number)
    else:
        take_outcome(turn, number, wait.node, *_as_one(turn, variables))


def _waited_too_long(turn: Turn, number: int, key: str) -> None:
    """The queue did not let a step begin in time: the coroutine sees it fail."""
    place = turn.state.places.get(key)
    if place is None or place.is_admitted:
        return
    leave_queue(turn, key)
    give_up_step(turn, number, key)
    name = key.rpartition("#")[0]
    message = f"expected step `{name}` to begin in time, but queue `{place.name}` did not let it"
    error = {"type": "StepTimeout", "message": message, "args": [message, "schedule_to_start"]}
    take_outcome(turn, number, key, None, turn.keep(error))


def is_await(turn: Turn, number: int) -> bool:
    """Tell whether an element stands for an await of a coroutine."""
    element = turn.element(number)
    return number != ROOT and turn.state.elements[element.scope].routine is not None


def child_ended(turn: Turn, child: int, error: Stored | None = None) -> None:
    """What stood for an await has ended: its variables are the outcome, or its error."""
    element = turn.element(child)
    number = element.scope
    key = routine_of(turn, number).children[child]
    value = None
    if error is None:
        value, error = _as_one(turn, element.variables)
    withdraw(turn, child)
    complete(turn, child, ())
    take_outcome(turn, number, key, value, error)


def child_failed(turn: Turn, child: int, kind: str, message: str, variables: Variables) -> None:
    """What stood for an await has failed: the coroutine gets the error."""
    known = variables.get(ERROR)
    if known is None:
        known = _error(turn, kind, message, variables)
    child_ended(turn, child, known)


def _as_one(turn: Turn, variables: Variables) -> tuple[Stored | None, Stored | None]:
    """Return the outcome that variables are: one value, or an error if they are too large for one.

    They keep their bytes: what Python calls bytes is no text.
    """
    if not variables:
        return NOTHING, None
    try:
        return turn.keep_together(variables), None
    except Stuck as stuck:
        return None, _error(turn, stuck.code, stuck.message, {})


def _error(turn: Turn, kind: str, message: str, variables: Variables) -> Stored:
    """Return an error as code sees it; without variables that are too large together."""
    made: dict[str, Any] = {"type": kind, "message": message, "variables": {}}
    try:
        return turn.keep({**made, "variables": decode_all(turn, variables)})
    except Stuck:
        return turn.keep(made)


NOTHING = values.encode({})


def send_to_routine(turn: Turn, command: c.SendToRoutine) -> Rejection | None:
    """Show a message to the coroutine, in the order of arrival."""
    number = live_routine(turn)
    if number is None:
        return Rejection(
            why.NOT_ACTIVE,
            f"expected instance {turn.state.key} to be a running workflow, but it is none",
        )
    take_outcome(turn, number, f"@{command.name}", turn.keep_bytes(command.value))
    return None


def request_cancel(turn: Turn, command: c.CancelInstance) -> Rejection | bool:
    """Ask the coroutine to end; tell whether there is one that can be asked."""
    number = live_routine(turn)
    if number is None or command.at_once or turn.element(number).incident is not None:
        return False
    if is_waiting(turn):
        return False
    if routine_of(turn, number).is_canceled:
        return Rejection(why.NOT_ACTIVE, f"instance {turn.state.key} is being canceled already")
    turn.emit(rr.CancelRequested(number, command.reason))
    take_outcome(turn, number, CANCEL, turn.keep(command.reason))
    return True


# --- what the worker says


def advance_routine(turn: Turn, command: c.AdvanceRoutine) -> Rejection | None:
    """Take outcomes of steps and what the coroutine asks for after them."""
    number = command.element
    element = turn.state.elements.get(number)
    routine = element.routine if element is not None else None
    if routine is None or number not in turn.state.jobs:
        return Rejection(
            why.NOT_ACTIVE,
            f"expected routine {turn.state.key}-{number} to be with a worker, but it is not",
        )
    refused = _refusal(turn, command, routine)
    if refused is not None:
        return refused
    close_incident(turn, number)
    for report in command.reports:
        take_report(turn, number, report)
    asked, steps = _keys_of(command)
    turn.emit(rr.RoutineAdvanced(number, routine.ordered, asked, steps))
    for ask in command.asks:
        ASKS[type(ask)](turn, number, ask)
    if number in turn.state.jobs and not _has_work(turn, number, routine, command.looked):
        turn.emit(r.JobCompleted(number))
    return None


def _keys_of(command: c.AdvanceRoutine) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the keys that were asked for, in their order, and those of them that are steps."""
    asks = command.asks
    if len(asks) == 1 and type(asks[0]) is a.BeginStep:
        key = (asks[0].key,)
        return command.order or key, key
    asked = command.order or tuple([ask.key for ask in asks if isinstance(ask, KEYED)])
    return asked, tuple([ask.key for ask in asks if type(ask) is a.BeginStep])


def take_report(turn: Turn, number: int, report: a.StepReport) -> None:
    """Take what became of an attempt of a step."""
    if isinstance(report, a.StepEnded):
        value = None if report.value is None else turn.keep_bytes(report.value)
        error = None if report.error is None else turn.keep_bytes(report.error)
        turn.emit(rr.OutcomeTaken(number, report.key, report.at, value, error))
        if turn.state.places:
            leave_queue(turn, report.key)
    else:
        wait = turn.next_number()
        due = turn.now + max(0, report.delay_ms)
        turn.emit(r.TimerSet(wait, number, report.key, due))
        said = None if report.details is None else turn.keep_bytes(report.details)
        turn.emit(rr.StepDelayed(number, report.key, report.attempt, report.message, wait, said))


def take_back(turn: Turn, number: int) -> None:
    """End the lease of a routine; what it has not seen, a worker gets with the next one."""
    turn.emit(r.JobCompleted(number))
    routine = routine_of(turn, number)
    if _has_work(turn, number, routine, 0) or not routine.advances:
        offer(turn, number)


def _has_work(turn: Turn, number: int, routine: Routine, looked: int) -> bool:
    """Tell whether a worker has something to do: it runs a step, or the coroutine has not seen an
    outcome, or not looked at an update, or it begins anew.
    """
    is_new = turn.element(number).routine is not routine
    has_more = len(routine.updates) > looked
    return is_new or has_more or bool(routine.steps) or routine.ordered > routine.seen


def _refusal(turn: Turn, command: c.AdvanceRoutine, routine: Routine) -> Rejection | None:
    name = f"routine {turn.state.key}-{command.element}"
    if (command.seen, command.after) != (routine.ordered, routine.advances):
        return Rejection(
            why.OUTCOME_ORDERED,
            f"expected {name} to have seen {routine.ordered} outcomes and to have advanced "
            f"{routine.advances} times, but it has {command.seen} and {command.after}: replay it",
        )
    for report in command.reports:
        if report.key not in routine.steps:
            return Rejection(
                why.NOT_ACTIVE, f"expected {report.key} of {name} to be open, but it is not"
            )
    if len(routine.steps) + len(command.asks) > OPEN_MAX:
        return Rejection(
            why.INVALID_VALUE,
            f"expected {name} to wait for at most {OPEN_MAX} things at once; use a limit",
        )
    return None


def stuck_routine(turn: Turn, command: c.StuckRoutine) -> Rejection | None:
    """Stop before anything is done; a person mends the code and resolves the incident."""
    if command.element not in turn.state.jobs:
        return Rejection(why.NOT_ACTIVE, f"routine {command.element} is not with a worker")
    if turn.element(command.element).incident is not None:
        return Rejection(why.NOT_ACTIVE, f"routine {command.element} has an incident already")
    turn.emit(r.JobFailed(command.element, 0, None, command.message[:2000]))
    raise_incident(turn, command.element, Stuck(command.code, command.message), JOB)
    return None


# --- what the coroutine asks for


def _begin_step(turn: Turn, number: int, ask: a.BeginStep) -> None:
    """It is open since the record of the advance, and runs at once or when its queue lets it."""
    if ask.place is None:
        return
    enter_queue(turn, number, ask.key, ask.place)
    if ask.start_within_ms is not None:
        due = turn.now + ask.start_within_ms
        turn.emit(r.TimerSet(turn.next_number(), number, waiting_timer(ask.key), due))


def _set_timer(turn: Turn, number: int, ask: a.SetTimer) -> None:
    turn.emit(r.TimerSet(turn.next_number(), number, ask.key, max(0, ask.due_at)))


def _await_message(turn: Turn, number: int, ask: a.AwaitMessage) -> None:
    mailbox = named_key(Kind.MAILBOX, ask.name, ask.correlation_key)
    wait = turn.next_number()
    turn.emit(
        r.SubscriptionRequested(wait, number, ask.key, mailbox, ask.name, ask.correlation_key)
    )
    state = turn.state
    opened = c.OpenSubscription(
        ask.name, ask.correlation_key, state.key, wait, state.process, ask.key
    )
    turn.send(mailbox, opened)


def _await_signal(turn: Turn, number: int, ask: a.AwaitSignal) -> None:
    turn.emit(r.SignalAwaited(turn.next_number(), number, ask.key, ask.name))


def _begin_child(turn: Turn, number: int, key: str, variables: Variables) -> int:
    """Activate the element that stands for an await; it is named as its key begins."""
    child = turn.next_number()
    turn.emit(r.ElementActivated(child, key.rpartition("#")[0], number, ""))
    turn.emit(rr.AwaitChildBegun(number, key, child))
    set_local(turn, child, variables)
    return child


def step_key(instance: int, since: int, key: str) -> str:
    """Return the idempotency key of a step: the same for each attempt, another for each run of a
    workflow that continues as new.
    """
    return f"{instance}:{key}" if since == 1 else f"{instance}.{since}:{key}"


def _offer_job(turn: Turn, number: int, ask: a.OfferJob) -> None:
    child = _begin_child(turn, number, ask.key, _kept(turn, ask.variables))
    key = step_key(turn.state.key, routine_of(turn, number).since, ask.key)
    turn.emit(r.JobCreated(child, ask.job_type, ask.retries, key, ask.headers))


def _ask_person(turn: Turn, number: int, ask: a.AskPerson) -> None:
    child = _begin_child(turn, number, ask.key, _kept(turn, ask.variables))
    task = r.UserTaskCreated(
        child,
        ask.name,
        ask.assignee,
        ask.candidate_groups,
        ask.candidate_users,
        ask.due_at,
        None,
        ask.priority,
        ask.form,
    )
    turn.emit(task)


def _decide(turn: Turn, number: int, ask: a.Decide) -> None:
    child = _begin_child(turn, number, ask.key, _kept(turn, ask.variables))
    try:
        value = decide(turn, child, ask.decision, "latest")
        kept = turn.keep({RESULT: value})
    except Stuck as stuck:
        child_failed(turn, child, stuck.code, stuck.message, {})
        return
    withdraw(turn, child)
    complete(turn, child, ())
    take_outcome(turn, number, ask.key, kept)


def _call_process(turn: Turn, number: int, ask: a.CallProcess) -> None:
    definition = turn.world.latest.get(ask.process)
    child = _begin_child(turn, number, ask.key, {})
    if definition is None:
        message = f"expected a deployed process or workflow `{ask.process}`, but there is none"
        child_failed(turn, child, "unknown-process", message, {})
        return
    key = turn.mint.mint(turn.now, slot_of(turn.state.key))
    business_key = ask.business_key if ask.business_key is not None else turn.state.business_key
    turn.emit(r.CallStarted(child, key, ask.when_left))
    start = c.StartInstance(
        ask.process,
        ask.variables,
        business_key,
        definition.number,
        None,
        turn.state.key,
        child,
        place=ask.place,
    )
    turn.send(key, start)


def _publish(turn: Turn, number: int, ask: a.Publish) -> None:
    message = c.PublishMessage(
        ask.name, ask.correlation_key, ask.variables, None, ask.time_to_live_ms
    )
    turn.send(named_key(Kind.MAILBOX, ask.name, ask.correlation_key), message)


def _broadcast(turn: Turn, number: int, ask: a.Broadcast) -> None:
    signal = c.BroadcastSignal(ask.name, ask.variables)
    turn.send(named_key(Kind.BROADCAST, ask.name), signal)


def _set_state(turn: Turn, number: int, ask: a.SetState) -> None:
    set_local(turn, ROOT, _kept(turn, ask.variables))


def _mark_patch(turn: Turn, number: int, ask: a.MarkPatch) -> None:
    turn.emit(rr.PatchMarked(number, ask.name))


def _withdraw(turn: Turn, number: int, ask: a.Withdraw) -> None:
    """End what a key waits for; what has come to an outcome already has nothing to end."""
    for child, key in list(routine_of(turn, number).children.items()):
        if key == ask.key:
            _drop_child(turn, child)
    give_up_step(turn, number, ask.key)
    if turn.state.places:
        leave_queue(turn, ask.key)


def give_up_step(turn: Turn, number: int, key: str) -> None:
    """Withdraw a key and what it waited for."""
    for wait in list(turn.element(number).waits):
        if turn.state.waits[wait].node in {key, waiting_timer(key)}:
            close_wait(turn, wait)
    turn.emit(rr.AwaitWithdrawn(number, key))


def _drop_child(turn: Turn, child: int) -> None:
    """Withdraw what stands for an await; what it called is left as was said, not waited for."""
    if leave_called(turn, child, "its caller no longer waits for it"):
        turn.emit(r.CallEnded(child))
    withdraw(turn, child)
    turn.emit(r.ElementTerminated(child, None))


def _end(turn: Turn, number: int) -> None:
    """Withdraw everything that the coroutine still waited for."""
    for child in list(routine_of(turn, number).children):
        _drop_child(turn, child)
    if number in turn.state.jobs:
        turn.emit(r.JobCompleted(number))
    withdraw(turn, number)


def _return(turn: Turn, number: int, ask: a.Return) -> None:
    _end(turn, number)
    set_local(turn, ROOT, {RESULT: turn.keep_bytes(ask.value)})
    element = turn.element(number)
    complete(turn, number, flows_out(turn, turn.node(number), element.scope))


def _raise(turn: Turn, number: int, ask: a.Raise) -> None:
    """The instance has failed; who called it gets the error."""
    fail_routine(turn, number, ask.code, ask.message, turn.keep_bytes(ask.error))


def fail_routine(turn: Turn, number: int, code: str, message: str, error: Stored) -> None:
    """Fail the instance of a routine with an error that is data."""
    _end(turn, number)
    known = {ERROR: error}
    set_local(turn, ROOT, known)
    empty_scope(turn, ROOT)
    withdraw(turn, ROOT)
    turn.emit(r.InstanceFailed(code, message[:2000]))
    state = turn.state
    leave_queues(turn)
    if state.parent is not None and state.parent_element is not None:
        end = c.EndCall(state.parent_element, "failed", turn.carry(known), code, message[:2000])
        turn.send(state.parent, end)
    if state.mailbox is not None:
        release = c.ReleaseStart(state.process, state.message_name, state.message_key)
        turn.send(state.mailbox, release)
    if state.schedule is not None:
        turn.send(state.schedule, c.EndRun(state.key, "failed"))


def _end_canceled(turn: Turn, number: int, ask: a.EndCanceled) -> None:
    _end(turn, number)
    withdraw(turn, ROOT)
    empty_scope(turn, ROOT)
    turn.emit(r.ElementTerminating(ROOT, None, "canceled"))
    turn.touch(ROOT)


def _continue_as_new(turn: Turn, number: int, ask: a.ContinueAsNew) -> None:
    _end(turn, number)
    leave_queues(turn, but_whole=True)
    set_local(turn, ROOT, _kept(turn, ask.variables))
    turn.emit(rr.RoutineBegan(number))
    offer(turn, number)


def _kept(turn: Turn, variables: dict[str, bytes]) -> Variables:
    return {name: turn.keep_bytes(data) for name, data in variables.items()}


def on(
    kind: type[Asks], run: Callable[[Turn, int, Asks], None]
) -> tuple[type[Struct], Callable[[Turn, int, Any], None]]:
    """Return a row of the table; a mismatched pair fails the type check."""
    return kind, run


ASKS: dict[type[Struct], Callable[[Turn, int, Any], None]] = dict(
    (
        *updates.ASKS.items(),
        on(a.BeginStep, _begin_step),
        on(a.SetTimer, _set_timer),
        on(a.AwaitMessage, _await_message),
        on(a.AwaitSignal, _await_signal),
        on(a.OfferJob, _offer_job),
        on(a.AskPerson, _ask_person),
        on(a.Decide, _decide),
        on(a.CallProcess, _call_process),
        on(a.Publish, _publish),
        on(a.Broadcast, _broadcast),
        on(a.SetState, _set_state),
        on(a.MarkPatch, _mark_patch),
        on(a.Withdraw, _withdraw),
        on(a.Return, _return),
        on(a.Raise, _raise),
        on(a.EndCanceled, _end_canceled),
        on(a.ContinueAsNew, _continue_as_new),
    )
)
KEYED = (
    a.BeginStep
    | a.SetTimer
    | a.AwaitMessage
    | a.AwaitSignal
    | a.OfferJob
    | a.AskPerson
    | a.Decide
    | a.CallProcess
)
