"""Events that become messages and starts, once."""

from __future__ import annotations

import asyncio

import pytest

from tenuto.assembly import running
from tenuto.deploy import prepare
from tenuto.errors import InputError
from tenuto.events.accept import Acceptor
from tenuto.events.envelope import read_event
from tenuto.store.port import InstanceQuery
from tests.spec.models import end, flows, model, start, task

PROCESS = model(start() + task("w") + end() + flows("start>w", "w>end"), process="order")
MAPPINGS = """
events:
  - id: placed
    type: shop.order.placed
    start: order
    business_key: data.number
    variables: {n: data.n, at: time}
  - id: any-of-the-archive
    type: shop.*
    source: /archive/*
    when: data.n > 10
    message: filed
    key: data.number
    ttl: PT1H
"""


def event(id="1", type="shop.order.placed", source="/shop", **data):
    """Return an event of the shop."""
    return read_event(
        {"specversion": "1.0", "id": id, "source": source, "type": type, "data": data}
    )


def accept(path, *events, mappings=MAPPINGS):
    """Return what becomes of events in one life of a node, and what then is in the database."""

    async def scenario(at):
        sources = [("o.bpmn", "bpmn", PROCESS), ("o.events.yaml", "events", mappings.encode())]
        await at.client.deploy_sources(sources)
        return await Acceptor(at.node).accept(at.client, events)

    with running(path) as at:
        outcomes = asyncio.run(scenario(at))
        read = at.client.read
        rows = read.instances(InstanceQuery())
        return outcomes, rows, read.reader.rows("message")


def test_an_event_starts_a_process_under_its_business_key(tmp_path):
    """The mapping names the process, the key and the variables."""
    [outcome], [row], _ = accept(tmp_path / "t.db", event(number="A7", n=1))

    assert (outcome.status, outcome.effects[0].instance) == ("accepted", str(row.key))
    assert (row.process, row.business_key) == ("order", "A7")


def test_an_event_that_two_mappings_want_does_both(tmp_path):
    """An exact type and a prefix with a source and a condition both fire."""
    [outcome], rows, messages = accept(
        tmp_path / "t.db", event(source="/archive/7", number="A7", n=11)
    )

    assert [effect.mapping for effect in outcome.effects] == ["placed", "any-of-the-archive"]
    assert (len(rows), len(messages)) == (1, 1)


def test_an_event_without_a_mapping_is_told_so(tmp_path):
    """A type, a source or a condition that does not fit leaves the event alone."""
    others = [
        event(type="bank.paid"),
        event(type="shop.other", source="/shop", n=11),
        event(type="shop.other", source="/archive/1", n=10),
    ]

    outcomes, rows, messages = accept(tmp_path / "t.db", *others)

    assert {outcome.status for outcome in outcomes} == {"unmapped"}
    assert (rows, messages) == ([], [])


def test_a_repeated_event_changes_nothing_in_one_batch_or_in_another_life(tmp_path):
    """Source and id say which event it is."""
    path = tmp_path / "t.db"
    first, _, _ = accept(
        path, event(number="A", n=1), event(number="A", n=1), event("2", number="A", n=1)
    )
    [again], rows, _ = accept(path, event(number="A", n=1))

    assert [outcome.status for outcome in first] == ["accepted", "duplicate", "accepted"]
    assert again.status == "duplicate"
    assert again.effects == first[0].effects
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a|/s", "/s"), ("a", "/s")),
        (("é", "/s"), ("e\u0301", "/s")),
        (("x" * 300, "/s"), ("x" * 301, "/s")),
        (("a b", "/s"), ("a  b", "/s")),
    ],
)
def test_events_that_only_look_alike_are_two(tmp_path, one, other):
    """Whatever source and id hold, another pair is another event, and the same pair the same."""
    made = [event(id, source=source, number="A", n=1) for id, source in (one, other, one)]
    outcomes, rows, _ = accept(tmp_path / "t.db", *made)

    assert [outcome.status for outcome in outcomes] == ["accepted", "accepted", "duplicate"]
    assert len(rows) == 2


def test_the_same_id_with_another_content_is_refused(tmp_path):
    """A source that uses an id twice is told."""
    [first, second], rows, _ = accept(
        tmp_path / "t.db", event(number="A", n=1), event(number="A", n=2)
    )

    assert (first.status, second.status, second.code) == ("accepted", "refused", "key-reused")
    assert len(rows) == 1


def test_an_event_without_the_key_that_its_mapping_needs_is_refused(tmp_path):
    """A message without a correlation key would reach anybody."""
    [outcome], _, messages = accept(
        tmp_path / "t.db", event(type="shop.x", source="/archive/", n=11)
    )

    assert (outcome.status, outcome.code) == ("refused", "unmappable-event")
    assert "data.number" in outcome.detail
    assert messages == []


def test_a_mapping_to_a_process_that_is_not_there_refuses_the_event(tmp_path):
    """The refusal is that of a start."""
    mappings = "events:\n  - {id: a, type: shop.order.placed, start: nowhere}\n"

    [outcome], _, _ = accept(tmp_path / "t.db", event(n=1), mappings=mappings)

    assert (outcome.status, outcome.code) == ("refused", "unknown-process")


def test_a_newer_file_of_mappings_takes_the_place_of_the_older(tmp_path):
    """A mapping that left its file fires no more, also in the next life."""
    path = tmp_path / "t.db"
    accept(path, event(number="A", n=1))
    newer = "events:\n  - {id: other, type: shop.paid, start: order}\n"

    [old, new], rows, _ = accept(
        path, event("2", number="B", n=1), event("3", "shop.paid"), mappings=newer
    )

    assert (old.status, new.status) == ("unmapped", "accepted")
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("events: 7", "a list"),
        ("other: []", "other"),
        ("events: [{id: a}]", "`type`"),
        ("events: [{id: a, type: t}]", "neither"),
        ("events: [{id: a, type: t, start: p, message: m}]", "both"),
        ("events: [{id: a, type: t, start: p, ttl: P1D}]", "belongs to a `message`"),
        ("events: [{id: a, type: t, message: m, business_key: id}]", "belongs to a `start`"),
        ("events: [{id: a, type: t, message: m, ttl: soon}]", "duration"),
        ("events: [{id: a, type: t*x, start: p}]", "prefix"),
        ("events: [{id: a, type: t, start: p, when: '1 +'}]", "f.events.yaml:1"),
        ("events: [{id: a, type: t, start: p}, {id: a, type: u, start: p}]", "again"),
        ("events: [{id: a, type: t, start: p, colour: red}]", "colour"),
        ("events: [", "f.events.yaml:"),
    ],
)
def test_a_file_of_mappings_that_cannot_be_used_is_refused_by_line(text, said):
    """A refusal names file, line and what was expected."""

    with pytest.raises(InputError, match=r"f\.events\.yaml") as refused:
        prepare([("f.events.yaml", "events", text.encode())])
    assert said in str(refused.value)
