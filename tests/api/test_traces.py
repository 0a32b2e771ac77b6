"""Traces of what comes over HTTP."""

from __future__ import annotations

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tenuto.workflows.tracing import Traces
from tests.api.conftest import ONE_TASK


def test_a_start_is_linked_to_the_traceparent_of_its_request(api):
    """A caller finds the trace of what it started; a repeated start writes nothing."""
    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    api.deploy(ONE_TASK)
    api.service.client.traces = Traces(provider)
    headers = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "idempotency-key": "one"}

    answers = [
        api.post("instances", {"process": "p"}, headers=headers).json()["instance"]
        for _ in range(2)
    ]

    (span,) = memory.get_finished_spans()
    assert span.attributes["tenuto.instance"] == answers[0] == answers[1]
    assert [link.context.trace_id for link in span.links] == [int("ab" * 16, 16)]
