"""Traces: what OpenTelemetry sees of workflows, their steps and jobs.

A span is written once its outcome is committed, so that a replay adds none. Trace and span ids are
made of keys: the trace of an instance is that of the outermost instance that called it, and every
process that works for it writes into the same trace without being told.
"""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tenuto.engine import routine_commands as a
from tenuto.engine.routines import step_key
from tenuto.errors import InputError
from tenuto.workflows import codec

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, TracerProvider

    from tenuto.workflows.context import StepContext

NAME: Final = "tenuto"
DEPTH_MAX: Final = 64
KNOWN_MAX: Final = 10_000

Report = a.StepEnded | a.StepFailed


class Traces:
    """Writes the spans of one process."""

    def __init__(self, provider: TracerProvider) -> None:
        """Write to a provider of OpenTelemetry's SDK. Raises `InputError` for any other."""
        tracer = provider.get_tracer(NAME)
        if not hasattr(tracer, "id_generator"):
            raise InputError(
                "expected a TracerProvider of opentelemetry-sdk: set one with "
                "`opentelemetry.trace.set_tracer_provider(...)` before the worker begins"
            )
        self._ids = _Ids()
        self._lock = threading.Lock()
        tracer.id_generator = self._ids
        self._tracer = tracer
        self._instances: dict[int, tuple[int | None, bool]] = {}
        self._began: dict[tuple[int, str], tuple[int, int]] = {}
        # Who called an instance, and whether it is a workflow; set by whoever can read it.
        self.describe: Callable[[int], tuple[int | None, bool]] = lambda _: (None, True)

    def answered(
        self, answer: Any, process: str, now: int, caller: Mapping[str, str] | None = None
    ) -> None:
        """Write what the answer to a start says, unless it repeats another."""
        if not getattr(answer, "facts", {}).get("repeated"):
            self.started(answer.key, process, now, caller)

    def started(
        self, instance: int, process: str, began_at: int, caller: Mapping[str, str] | None = None
    ) -> None:
        """Write that a client started an instance at a time (Unix milliseconds).

        What the client was doing is linked: its current span, or that of a `traceparent` among the
        headers of `caller`.
        """
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = None
        if caller is not None:
            context = TraceContextTextMapPropagator().extract(dict(caller))
        seen = trace.get_current_span(context).get_span_context()
        links = [trace.Link(seen)] if seen.is_valid else []
        ids = (_trace_id(instance), _start_span(instance))
        about = {"tenuto.instance": str(instance), "tenuto.process": process}
        self._write(f"start {process}", ids, None, (began_at, began_at), about, links=links)

    @contextmanager
    def attempt(self, instance: int, context: StepContext, now: int) -> Iterator[None]:
        """An attempt of a step begins in the block; spans of its code are below its own."""
        self._began[instance, context.step] = (context.attempt, now)
        span = _span_id("step", context.idempotency_key, context.attempt)
        with _below(self._root_trace(instance), span):
            yield

    def accepted(
        self,
        job: Any,
        reports: Sequence[Report],
        asks: Sequence[a.Ask],
        now: int,
    ) -> None:
        """Write what one commit made true of a routine: attempts that ended, and its own end."""
        for report in reports:
            self._attempt_ended(job, report, now)
        for ask in asks:
            if isinstance(ask, a.Return | a.Raise | a.EndCanceled):
                self._routine_ended(job, ask, now)

    def _attempt_ended(self, job: Any, report: Report, now: int) -> None:
        instance, key = job.instance, step_key(job.instance, job.progress.since, report.key)
        found = self._began.pop((instance, report.key), None)
        if found is None:
            return
        attempt, began = found
        error = None
        if isinstance(report, a.StepFailed):
            error = report.message
        elif report.error is not None:
            told = codec.decode(report.error)
            error = f"{told.get('type')}: {told.get('message')}"
        about = {
            "tenuto.instance": str(instance),
            "tenuto.workflow": job.process,
            "tenuto.step": report.key,
            "tenuto.attempt": attempt,
        }
        trace = self._root_trace(instance)
        ids = (trace, _span_id("step", key, attempt))
        title = f"step {report.key.partition('#')[0]}"
        self._write(title, ids, _instance_span(instance), (began, now), about, error=error)

    def _routine_ended(self, job: Any, ask: a.Ask, now: int) -> None:
        instance, name, began_at = job.instance, job.process, job.progress.began_at
        about = {"tenuto.instance": str(instance), "tenuto.workflow": name}
        error = f"{ask.code}: {ask.message}" if isinstance(ask, a.Raise) else None
        if isinstance(ask, a.EndCanceled):
            about["tenuto.canceled"] = "true"
        ids = (self._root_trace(instance), _instance_span(instance))
        above = self._known(instance)[0]
        parent = _start_span(instance) if above is None else self._span_of(above)
        self._write(f"workflow {name}", ids, parent, (began_at, now), about, error=error)

    @contextmanager
    def job(self, job: Any) -> Iterator[None]:
        """A handler performs a job in the block; spans of its code are below the job's."""
        span = _span_id("job", job.idempotency_key, job.attempt)
        with _below(self._root_trace(job.instance), span):
            yield

    def job_ended(self, job: Any, began: int, now: int, error: str | None) -> None:
        """Write how the attempt of a job went."""
        about = {
            "tenuto.instance": str(job.instance),
            "tenuto.process": job.process,
            "tenuto.element": job.element_id,
            "tenuto.attempt": job.attempt,
        }
        ids = (self._root_trace(job.instance), _span_id("job", job.idempotency_key, job.attempt))
        parent = self._span_of(job.instance)
        self._write(f"job {job.type}", ids, parent, (began, now), about, error=error)

    def traceparent(self, instance: int) -> str:
        """Return the `traceparent` (W3C) of what an instance lets others do."""
        return f"00-{self._root_trace(instance):032x}-{self._span_of(instance):016x}-01"

    def _root_trace(self, instance: int) -> int:
        root = instance
        for _ in range(DEPTH_MAX):
            above = self._known(root)[0]
            if above is None:
                break
            root = above
        return _trace_id(root)

    def _span_of(self, instance: int) -> int:
        """Return the span above what an instance does: that of the innermost workflow around it, or
        of the start of the outermost instance.
        """
        for _ in range(DEPTH_MAX):
            above, is_workflow = self._known(instance)
            if is_workflow:
                return _instance_span(instance)
            if above is None:
                break
            instance = above
        return _start_span(instance)

    def _known(self, instance: int) -> tuple[int | None, bool]:
        known = self._instances
        found = known.get(instance)
        if found is None:
            if len(known) >= KNOWN_MAX:
                known.clear()
            found = known[instance] = self.describe(instance)
        return found

    def _write(  # noqa: PLR0913  (one parameter for each part of a span)
        self,
        name: str,
        ids: tuple[int, int],
        parent: int | None,
        times: tuple[int, int],
        about: Mapping[str, Any],
        *,
        error: str | None = None,
        links: Sequence[Link] = (),
    ) -> None:
        from opentelemetry.trace import Status, StatusCode

        context = _context(ids[0], parent) if parent is not None else _nothing()
        with self._lock:
            self._ids.trace, self._ids.span = ids
            span = self._tracer.start_span(
                name, context, attributes=about, links=links, start_time=times[0] * 1_000_000
            )
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(max(times) * 1_000_000)


class _Ids:
    """Gives the ids that the next span is to have."""

    def __init__(self) -> None:
        self.trace = 0
        self.span = 0

    def generate_span_id(self) -> int:
        return self.span

    def generate_trace_id(self) -> int:
        return self.trace

    def is_trace_id_random(self) -> bool:
        return False


@functools.cache
def traces_here() -> Traces:
    """Return the traces of this process's provider. Raises `InputError` where there is none."""
    try:
        from opentelemetry import trace
    except ImportError as missing:
        raise InputError("expected opentelemetry: pip install tenuto[otel]") from missing
    return Traces(trace.get_tracer_provider())


def _trace_id(root: int) -> int:
    return int.from_bytes(_hash(f"trace {root}", 16), "big")


def _span_id(*parts: object) -> int:
    return int.from_bytes(_hash(" ".join(map(str, parts)), 8), "big")


def _hash(text: str, size: int) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=size, person=b"tenuto").digest()


def _instance_span(instance: int) -> int:
    return _span_id("instance", instance)


def _start_span(instance: int) -> int:
    return _span_id("start", instance)


def _nothing() -> Context:
    from opentelemetry.context import Context

    return Context()


def _context(trace_id: int, span_id: int) -> Context:
    from opentelemetry import trace

    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    at = trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(at), _nothing())


@contextmanager
def _below(trace_id: int, span_id: int) -> Iterator[None]:
    """Let spans that begin in the block be below one."""
    from opentelemetry import context

    token = context.attach(_context(trace_id, span_id))
    try:
        yield
    finally:
        context.detach(token)
