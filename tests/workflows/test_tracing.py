"""Traces of workflows: one trace from the client to the last child, and nothing twice."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tenuto import Retry, handler, step, wf, workflow
from tenuto.errors import InputError
from tenuto.workflows.looks import Looks
from tenuto.workflows.tracing import Traces

providers: list[TracerProvider] = []


@step(retries=Retry(3, first=1.0, jitter=0.0))
async def charge(n: int) -> int:
    """Charge, with a span of its own."""
    with providers[-1].get_tracer("shop").start_as_current_span("http call"):
        return n


@step
def pack(n: int) -> int:
    """Pack, on a thread, with a span of its own."""
    with providers[-1].get_tracer("shop").start_as_current_span("printer"):
        return n


@handler("weigh")
async def weigh() -> dict:
    """Weigh a parcel."""
    return {"kilos": 2}


@workflow
async def child(n: int) -> int:
    """Pack, and let a handler weigh."""
    await wf.job("weigh")
    return await pack.call(n)


@workflow
async def parent(n: int) -> int:
    """Charge, wait, call a child."""
    got = await charge(n)
    await wf.sleep(60)
    return got + await child(n)


@workflow
async def failing() -> None:
    """Fail."""
    await charge(1)
    raise ValueError("no stock")


@workflow
async def wide() -> int:
    """Steps side by side with timers between."""
    await asyncio.gather(charge(1), charge(2), wf.sleep(5))
    return await charge(3)


@pytest.fixture
def spans(durable):
    """Write spans into memory; give a function that lists them by name, sorted by their begin."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    providers.append(provider)
    durable.trace(provider)
    yield exporter.get_finished_spans
    providers.pop()


def above(found):
    """Return the name of the span above each span."""
    names = {one.context.span_id: one.name for one in found}
    return {one.name: None if one.parent is None else names[one.parent.span_id] for one in found}


def test_client_workflow_step_and_child_are_one_trace(durable, spans):
    """Also the handler of a job, and what steps write themselves (behaviour 75)."""
    run = durable.start(parent, 1)
    durable.advance(60)

    assert run.result == 2
    found = spans()
    assert above(found) == {
        "start parent": None,
        "workflow parent": "start parent",
        "step charge": "workflow parent",
        "http call": "step charge",
        "workflow child": "workflow parent",
        "job weigh": "workflow child",
        "step pack": "workflow child",
        "printer": "step pack",
    }
    assert len({one.context.trace_id for one in found}) == 1


def test_a_span_names_its_instance_and_lasts_as_long_as_its_work(durable, spans):
    """On the clock of the node."""
    run = durable.start(parent, 1)
    durable.advance(60)

    found = {one.name: one for one in spans()}
    whole = found["workflow parent"]
    assert whole.attributes == {"tenuto.instance": run.key, "tenuto.workflow": "parent"}
    assert whole.end_time - whole.start_time == 60_000_000_000
    assert found["step charge"].attributes["tenuto.step"] == "charge#1"


@pytest.mark.parametrize("evict", [False, True])
def test_a_crash_and_replays_add_no_span(durable, spans, evict):
    """Each attempt and each instance is written once, with one id (behaviour 75)."""
    durable.evict_always = evict
    run = durable.start(wide)
    durable.restart()
    durable.advance(5)
    durable.restart()

    assert run.result == 3
    mine = [one for one in spans() if one.name != "http call"]
    names = sorted(one.name for one in mine)
    assert names == ["start wide", "step charge", "step charge", "step charge", "workflow wide"]
    assert len({one.context.span_id for one in mine}) == len(mine)


def test_failed_attempts_are_spans_with_their_error(durable, spans):
    """One span for each attempt; the last one succeeds."""
    durable.mock(charge, [ConnectionError("away"), TimeoutError("late"), 7])
    durable.start(failing)
    durable.restart()
    durable.advance(1)
    durable.advance(2)

    tried = [one for one in spans() if one.name == "step charge"]
    assert [(one.attributes["tenuto.attempt"], one.status.description) for one in tried] == [
        (1, "ConnectionError: away"),
        (2, "TimeoutError: late"),
        (3, None),
    ]


def test_a_workflow_that_fails_is_a_span_with_its_error(durable, spans):
    """Type and message."""
    durable.start(failing)

    (whole,) = [one for one in spans() if one.name == "workflow failing"]
    assert whole.status.description == "ValueError: no stock"
    assert not whole.status.is_ok


def test_the_start_is_linked_to_what_its_caller_does(durable, spans):
    """By the current span, and by a `traceparent` that came over HTTP."""
    caller = providers[-1].get_tracer("caller")
    with caller.start_as_current_span("request") as request:
        durable.start(failing)
        seen = request.get_span_context()

    (start,) = [one for one in spans() if one.name == "start failing"]
    assert [link.context.span_id for link in start.links] == [seen.span_id]
    traces = durable.looks.traces
    far = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    traces.started(7, "far", 1, far)
    (far_start,) = [one for one in spans() if one.name == "start far"]
    assert [link.context.trace_id for link in far_start.links] == [int("ab" * 16, 16)]


def test_traces_ask_for_a_provider_of_the_sdk():
    """Without one nothing could be written."""
    with pytest.raises(InputError, match="opentelemetry-sdk"):
        Traces(trace.NoOpTracerProvider())
    assert Looks().traces is None
