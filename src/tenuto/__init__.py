"""Tenuto: durable process orchestration for people, systems and data."""

from tenuto.worker.context import JobContext
from tenuto.worker.handlers import BpmnError, NoRetry, RetryAfter, handler

__all__ = ["BpmnError", "JobContext", "NoRetry", "RetryAfter", "handler"]
