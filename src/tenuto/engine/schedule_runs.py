"""Runs of a schedule: how a tick meets those that go on, starts one, or waits for their end."""

from __future__ import annotations

from tenuto import schedules, values
from tenuto.engine import commands as c
from tenuto.engine import rejections as why
from tenuto.engine import schedule_commands as sc
from tenuto.engine import schedule_records as r
from tenuto.engine.named_turn import NamedTurn
from tenuto.engine.rejections import Rejection
from tenuto.engine.schedule_state import ScheduleState, neighbours, schedule_of
from tenuto.engine.turn import instant_value
from tenuto.graph.nodes import StartEvent
from tenuto.keys import slot_of
from tenuto.schedules import Act, Overlap

SCHEDULED_AT = "scheduled_at"
DUE, TRIGGERED, WAITED, BACKFILLED = "due", "triggered", "waited", "backfilled"

ScheduleTurn = NamedTurn[ScheduleState]


def unstartable(turn: ScheduleTurn, process: str) -> Rejection | None:
    """Return why a process cannot be started by a schedule, if it cannot."""
    found = turn.world.latest.get(process)
    if found is None:
        known = ", ".join(sorted(turn.world.latest)[:20]) or "none"
        return Rejection(
            why.UNKNOWN_PROCESS,
            f"expected a deployed process, but `{process[:100]}` is not; deployed: {known}",
        )
    graph = found.graph
    starts = [node for id in graph.starts if isinstance(node := graph.nodes[id], StartEvent)]
    if graph.implicit_starts or any(node.trigger is None for node in starts):
        return None
    return Rejection(
        why.NO_START_EVENT,
        f"expected process {process} to have a none start event; a schedule starts it without a "
        "message or signal",
    )


def meet(turn: ScheduleTurn, tick: int, how: str) -> str:
    """Let a tick meet the runs that go on; return started, buffered, dropped or refused."""
    state = turn.state
    policy = Overlap(plan_of(turn).overlap)
    decision = schedules.overlap(policy, _running(state), tuple(state.buffered), tick)
    for dropped in decision.dropped:
        turn.emit(r.TickDropped(dropped))
    if decision.act in (Act.CANCEL_THEN_START, Act.TERMINATE_THEN_START):
        _end_runs(turn, at_once=decision.act is Act.TERMINATE_THEN_START)
    for begin in decision.start:
        start_run(turn, begin, how if begin == tick else WAITED)
    if tick in decision.start:
        return "started" if tick not in state.failed else "refused"
    if tick in decision.buffered:
        turn.emit(r.TickBuffered(tick))
        return "buffered"
    return "dropped"


def _running(state: ScheduleState) -> int:
    """Count the runs that ticks meet: a backfill stands beside them."""
    return sum(run.how != BACKFILLED for run in state.runs.values())


def _end_runs(turn: ScheduleTurn, *, at_once: bool) -> None:
    for instance, run in list(turn.state.runs.items()):
        if not run.is_ending and run.how != BACKFILLED:
            turn.emit(r.RunEnding(instance))
            reason = f"a newer tick of schedule {turn.state.name} takes its place"
            turn.send(instance, c.CancelInstance(reason, at_once=at_once))


def start_run(turn: ScheduleTurn, tick: int, how: str, form: str | None = None) -> None:
    """Start the instance of a tick, under the key of that tick."""
    state, plan = turn.state, plan_of(turn)
    refused = unstartable(turn, plan.process)
    if refused is not None:
        turn.emit(r.TickRefused(tick, refused.code, refused.message))
        return
    form = form or plan.form
    beside = neighbours(state, form, tick)
    key = turn.mint.mint(turn.now, slot_of(state.key))
    start = c.StartInstance(
        plan.process,
        {**plan.variables, SCHEDULED_AT: values.encode(instant_value(tick))},
        schedules.tick_key(state.name, tick),
        definition=turn.world.latest[plan.process].number,
        schedule=state.key,
    )
    turn.send(key, start)
    if beside is None:
        turn.emit(r.TickStarted(tick, key, how))
    else:
        turn.emit(r.TickStarted(tick, key, how, form, *beside))


def let_wait_begin(turn: ScheduleTurn) -> None:
    """Start what waits, if the runs before it have ended. In a pause it goes on waiting."""
    state = turn.state
    if state.is_paused:
        return
    policy = Overlap(plan_of(turn).overlap)
    decision = schedules.run_ended(policy, _running(state), tuple(state.buffered))
    for tick in decision.start:
        start_run(turn, tick, WAITED)


def arm(turn: ScheduleTurn, last: int | None = None) -> None:
    """Note how far the schedule is, and when it has something to do again."""
    state = turn.state
    last = state.last if last is None else last
    moments = [going.next_at for going in state.backfills.values()]
    if not state.is_paused:
        schedule = schedule_of(plan_of(turn).form)
        following = schedules.next_tick(schedule, last)
        if following is not None:
            moments.append(schedules.due_at(schedule, state.name, following))
    due_at = min(moments, default=None)
    if (last, due_at) != (state.last, state.due_at):
        turn.emit(r.ScheduleArmed(last, due_at))


def plan_of(turn: ScheduleTurn) -> sc.Plan:
    plan = turn.state.plan
    assert plan is not None, "a schedule that was deleted does nothing"
    return plan


def is_tick(form: str, at: int) -> bool:
    return schedules.next_tick(schedule_of(form), at - 1) == at


def missing() -> Rejection:
    return Rejection(why.NOT_FOUND, "expected a schedule, but there is none of that name")
