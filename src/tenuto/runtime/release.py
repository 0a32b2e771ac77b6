"""Letting out what a commit has made true: answers, jobs, and what happened for those who hold
routines. Each receiver is called once for each commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenuto.runtime.leases import Job, Seats
    from tenuto.runtime.requests import Reply, Result
    from tenuto.runtime.routines import Wake


def deliver(answers: list[tuple[Reply, Result]]) -> None:
    """Give each slot its answers in one call."""
    slots: dict[int, tuple[Reply, list[tuple[int, Result]]]] = {}
    for reply, result in answers:
        slots.setdefault(id(reply.slot), (reply, []))[1].append((reply.ticket, result))
    for reply, results in slots.values():
        reply.slot.deliver(results)


def hand_out(jobs: list[tuple[Seats, Job]]) -> None:
    """Give each worker its jobs in one call."""
    workers: dict[int, tuple[Seats, list[Job]]] = {}
    for seat, job in jobs:
        workers.setdefault(id(seat), (seat, []))[1].append(job)
    for seat, work in workers.values():
        seat.hand_out(work)


def wake(wakes: list[tuple[Seats, Wake]]) -> None:
    """Tell each worker what happened for the routines that it holds, in one call."""
    workers: dict[int, tuple[Seats, list[Wake]]] = {}
    for seat, one in wakes:
        workers.setdefault(id(seat), (seat, []))[1].append(one)
    for seat, happened in workers.values():
        if seat.wake is not None:
            seat.wake(happened)
