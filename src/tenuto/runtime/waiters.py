"""Callers who wait for more than the commit of what they asked: the end of an instance, or the
answer of a workflow to an update.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from tenuto.engine import rejections as why
from tenuto.engine.rejections import Rejection
from tenuto.engine.state import ASKED
from tenuto.runtime.release import deliver
from tenuto.runtime.requests import Answer, Ended, Reply, Result

if TYPE_CHECKING:
    from tenuto.runtime.warm import Warm, WarmInstance

ACCEPTED: Final = "accepted"
Answers = list[tuple[Reply, Result]]


class Waiters:
    """Who waits for what. Used on the corridor's thread only."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._ends: dict[int, list[Reply]] = {}
        self._updates: dict[int, dict[str, list[tuple[Reply, bool]]]] = {}

    def wait_for_end(self, instance: int, reply: Reply) -> None:
        """Answer when an instance has ended."""
        self._ends.setdefault(instance, []).append(reply)

    def wait_for_update(
        self, instance: int, id: str, reply: Reply, *, until_accepted: bool
    ) -> None:
        """Answer when a workflow has answered an update, or has accepted it."""
        waiting = self._updates.setdefault(instance, {})
        waiting.setdefault(id, []).append((reply, until_accepted))

    def updated(self, instance: int, id: str, answer: Answer) -> Answers:
        """Return the answers of those who waited for this state of an update."""
        waiting = self._updates.get(instance, {})
        is_accepted = answer.facts["status"] == ACCEPTED
        answers: Answers = []
        left: list[tuple[Reply, bool]] = []
        for reply, until_accepted in waiting.pop(id, ()):
            if is_accepted and not until_accepted:
                left.append((reply, until_accepted))
            else:
                answers.append((reply, answer))
        if left:
            waiting[id] = left
        elif not waiting:
            self._updates.pop(instance, None)
        return answers

    def ended(self, ended: Ended) -> Answers:
        """Return the answers of those who waited for an instance that has ended."""
        answers: Answers = [(reply, ended) for reply in self._ends.pop(ended.key, ())]
        refusal = _ended_first(ended.key)
        for waiting in self._updates.pop(ended.key, {}).values():
            answers.extend((reply, refusal) for reply, _ in waiting)
        return answers

    def refuse_all(self, refusal: Rejection) -> Answers:
        """Return refusals for everybody."""
        replies = [reply for waiting in self._ends.values() for reply in waiting]
        for updates in self._updates.values():
            replies += [reply for waiting in updates.values() for reply, _ in waiting]
        self._ends.clear()
        self._updates.clear()
        return [(reply, refusal) for reply in replies]


def _ended_first(instance: int) -> Rejection:
    return Rejection(
        why.NOT_ACTIVE, f"expected workflow {instance} to answer the update, but it has ended"
    )


def update_answer(warm: WarmInstance, element: int, id: str) -> Answer | None:
    """Return what an update came to so far, with encoded value and error; nothing before it was
    accepted.
    """
    here = warm.state.elements.get(element)
    update = None if here is None or here.routine is None else here.routine.updates.get(id)
    if update is None or update.status == ASKED:
        return None
    value = None if update.value is None else warm.encoded({"": update.value})[""]
    error = None if update.error is None else warm.encoded({"": update.error})[""]
    facts: dict[str, object] = {"status": update.status, "value": value, "error": error}
    return Answer(warm.state.key, facts)


class Waited(Protocol):
    """A corridor, as those see it who wait for what becomes of an instance."""

    warm: Warm
    waiters: Waiters


def attach(corridor: Waited, instance: int, reply: Reply) -> None:
    """Let a caller wait for the end of an instance.

    For actions that run between two batches.
    """
    warm = corridor.warm.instance(instance)
    if warm is None:
        message = f"expected instance {instance}, but there is none"
        deliver([(reply, Rejection(why.NOT_FOUND, message))])
    elif warm.state.is_live:
        corridor.waiters.wait_for_end(instance, reply)
    else:
        deliver([(reply, warm.ended())])
        corridor.warm.evict((instance,))


def attach_update(
    corridor: Waited, instance: int, id: str, reply: Reply, *, until_accepted: bool
) -> None:
    """Let a caller wait for what a workflow says to an update that was asked.

    For actions that run between two batches.
    """
    warm = corridor.warm.instance(instance)
    if warm is None or not warm.state.is_live:
        deliver([(reply, _ended_first(instance))])
        return
    for number, element in warm.state.elements.items():
        if element.routine is None or id not in element.routine.updates:
            continue
        answer = update_answer(warm, number, id)
        is_answered = answer is not None and (until_accepted or answer.facts["status"] != ACCEPTED)
        if answer is not None and is_answered:
            deliver([(reply, answer)])
        else:
            corridor.waiters.wait_for_update(instance, id, reply, until_accepted=until_accepted)
        return
    deliver([(reply, Rejection(why.NOT_FOUND, f"expected update `{id}`, but there is none"))])
