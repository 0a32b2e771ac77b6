"""Permissions, and the roles that bundle them. What no role names is denied."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct

from tenuto.errors import InputError


class Permission(StrEnum):
    """What a route asks of whoever calls it."""

    DEPLOY = "deploy"
    PROCESSES_READ = "processes.read"
    INSTANCES_READ = "instances.read"
    INSTANCES_START = "instances.start"
    INSTANCES_CHANGE = "instances.change"
    INCIDENTS_RESOLVE = "incidents.resolve"
    JOBS_READ = "jobs.read"
    JOBS_WORK = "jobs.work"
    TASKS_READ = "tasks.read"
    TASKS_WORK = "tasks.work"
    TASKS_ASSIGN = "tasks.assign"
    MESSAGES_PUBLISH = "messages.publish"
    EVENTS_PUBLISH = "events.publish"
    EVENTS_READ = "events.read"
    DECISIONS_EVALUATE = "decisions.evaluate"
    METRICS_READ = "metrics.read"
    TOKENS_MANAGE = "tokens.manage"
    WEBHOOKS_MANAGE = "webhooks.manage"
    SCHEDULES_CHANGE = "schedules.change"
    OPERATE = "operate"


P = Permission
_READ = frozenset({P.PROCESSES_READ, P.INSTANCES_READ, P.JOBS_READ, P.TASKS_READ, P.EVENTS_READ})

ROLES: Final[dict[str, frozenset[Permission]]] = {
    "admin": frozenset(Permission),
    "developer": _READ
    | {
        P.DEPLOY,
        P.INSTANCES_START,
        P.MESSAGES_PUBLISH,
        P.EVENTS_PUBLISH,
        P.DECISIONS_EVALUATE,
        P.METRICS_READ,
        P.SCHEDULES_CHANGE,
    },
    "operator": _READ
    | {
        P.INSTANCES_START,
        P.INSTANCES_CHANGE,
        P.INCIDENTS_RESOLVE,
        P.JOBS_WORK,
        P.TASKS_WORK,
        P.TASKS_ASSIGN,
        P.MESSAGES_PUBLISH,
        P.DECISIONS_EVALUATE,
        P.METRICS_READ,
        P.SCHEDULES_CHANGE,
        P.OPERATE,
    },
    "person": frozenset({P.TASKS_READ, P.TASKS_WORK, P.INSTANCES_READ, P.PROCESSES_READ}),
    "worker": frozenset({P.JOBS_WORK}),
    "publisher": frozenset({P.EVENTS_PUBLISH, P.MESSAGES_PUBLISH, P.INSTANCES_START}),
    "metrics": frozenset({P.METRICS_READ}),
}


class Principal(Struct, frozen=True):
    """Whoever calls: `name` is the actor in the journal and the assignee of tasks.

    `token` is the id of the token that let it in. A worker limited to `job_types` sees no others;
    empty means all.
    """

    name: str
    token: str
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    job_types: tuple[str, ...]
    permissions: frozenset[Permission]

    def may(self, permission: Permission) -> bool:
        """Tell whether a permission is granted."""
        return permission in self.permissions

    def may_work(self, job_type: str) -> bool:
        """Tell whether jobs of a type may be worked."""
        return not self.job_types or job_type in self.job_types


def permissions_of(roles: Iterable[str]) -> frozenset[Permission]:
    """Return what roles grant together; a role that this release does not know grants nothing."""
    granted: frozenset[Permission] = frozenset()
    for role in roles:
        granted |= ROLES.get(role, frozenset())
    return granted


def check_roles(roles: Iterable[str]) -> tuple[str, ...]:
    """Return roles that exist. Raises `InputError` that names those that may be given."""
    named = tuple(dict.fromkeys(roles))
    unknown = [role for role in named if role not in ROLES]
    if unknown or not named:
        raise InputError(
            f"expected roles among {', '.join(ROLES)}, got {', '.join(unknown) or 'none'}"
        )
    return named
