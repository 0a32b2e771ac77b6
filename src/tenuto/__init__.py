"""Tenuto: durable process orchestration for people, systems and data.

The names below are imported when they are first used, so that the command line starts at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenuto import wf as wf
    from tenuto.client.connect import connect
    from tenuto.client.remote import RemoteClient
    from tenuto.errors import InputError, Rejected, TenutoError, Unreachable
    from tenuto.worker.context import JobContext
    from tenuto.worker.handlers import BpmnError, NoRetry, RetryAfter, handler
    from tenuto.workflows.batches import batch_step
    from tenuto.workflows.context import step_context
    from tenuto.workflows.define import Retry, step, workflow
    from tenuto.workflows.failures import QueueRefused, StepFailed, StepKilled, StepTimeout
    from tenuto.workflows.queues import Queue

__all__ = [
    "BpmnError",
    "InputError",
    "JobContext",
    "NoRetry",
    "Queue",
    "QueueRefused",
    "Rejected",
    "RemoteClient",
    "Retry",
    "RetryAfter",
    "StepFailed",
    "StepKilled",
    "StepTimeout",
    "TenutoError",
    "Unreachable",
    "batch_step",
    "connect",
    "handler",
    "step",
    "step_context",
    "workflow",
]

_PLACES = {
    "BpmnError": "tenuto.worker.handlers",
    "InputError": "tenuto.errors",
    "JobContext": "tenuto.worker.context",
    "NoRetry": "tenuto.worker.handlers",
    "Queue": "tenuto.workflows.queues",
    "QueueRefused": "tenuto.workflows.failures",
    "Rejected": "tenuto.errors",
    "RemoteClient": "tenuto.client.remote",
    "RetryAfter": "tenuto.worker.handlers",
    "TenutoError": "tenuto.errors",
    "Unreachable": "tenuto.errors",
    "connect": "tenuto.client.connect",
    "handler": "tenuto.worker.handlers",
    "Retry": "tenuto.workflows.define",
    "StepFailed": "tenuto.workflows.failures",
    "StepKilled": "tenuto.workflows.failures",
    "StepTimeout": "tenuto.workflows.failures",
    "batch_step": "tenuto.workflows.batches",
    "step": "tenuto.workflows.define",
    "step_context": "tenuto.workflows.context",
    "workflow": "tenuto.workflows.define",
}


def __getattr__(name: str) -> object:
    """Import a public name from its room."""
    if name not in _PLACES:
        raise AttributeError(f"module `tenuto` has no attribute `{name}`")
    found = getattr(importlib.import_module(_PLACES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
