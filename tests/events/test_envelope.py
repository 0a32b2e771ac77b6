"""CloudEvents as HTTP brings them: what is one, and what is refused with its place."""

from __future__ import annotations

import base64
import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenuto.events.envelope import (
    Event,
    EventRefused,
    NoEvents,
    read_batch,
    read_binary,
    read_event,
    read_structured,
)

MINIMAL = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "com.example.placed"}


def test_a_minimal_event_has_its_attributes_and_no_data():
    """The four required attributes are enough (section 3.1.1)."""
    event = read_event(MINIMAL)

    assert isinstance(event, Event)
    assert (event.id, event.source, event.type) == ("1", "/shop", "com.example.placed")
    assert event.context == {**MINIMAL, "data": None}


def test_numbers_of_the_payload_stay_exact():
    """A fraction is a decimal, not a float."""
    body = b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"amount":0.10}}'

    event = read_structured(body)

    assert event.context["data"] == {"amount": Decimal("0.10")}


def test_extensions_are_attributes():
    """Texts, booleans and 32-bit integers are kept by name (section 3.1.3)."""
    event = read_event({**MINIMAL, "traceparent": "00-1", "sampled": True, "rank": 7})

    assert event.context["rank"] == 7
    assert event.context["sampled"] is True


def test_time_is_an_instant():
    """`time` is RFC 3339 and becomes a date and time of FEEL."""
    event = read_event({**MINIMAL, "time": "2026-11-23T04:00:00.5Z"})

    assert str(event.context["time"]).startswith("2026-11-23T04:00:00.5")


def test_an_attribute_that_is_null_is_absent():
    """JSON null says that there is no such attribute (JSON format, section 2.3)."""
    assert "subject" not in read_event({**MINIMAL, "subject": None}).context


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"id": None}, "`id`"),
        ({"id": ""}, "`id`"),
        ({"id": 7}, "`id`"),
        ({"id": "x" * 2_000}, "longer"),
        ({"source": None}, "`source`"),
        ({"source": "a b"}, "URI"),
        ({"source": "a\nb"}, "URI"),
        ({"type": ["a"]}, "an array"),
        ({"specversion": "0.3"}, "specversion"),
        ({"specversion": 1.0}, "specversion"),
        ({"Upper": "x"}, "attribute name"),
        ({"a-b": "x"}, "attribute name"),
        ({"x" * 50: "x"}, "attribute name"),
        ({"deep": {"a": 1}}, "an object"),
        ({"wide": 2**31}, "32-bit"),
        ({"subject": "a\x00b"}, "control"),
        ({"time": "yesterday"}, "RFC 3339"),
        ({"time": "2026-02-30T00:00:00Z"}, "exists"),
        ({"data": 1, "data_base64": "MQ=="}, "both"),
        ({"data_base64": "%%%"}, "base64"),
        ({"data_base64": 7}, "base64"),
        ({"data_base64": "eA==", "datacontenttype": "application/json"}, "JSON"),
        ({"data_base64": "/w==", "datacontenttype": "text/plain"}, "UTF-8"),
    ],
)
def test_what_is_no_event_is_refused_by_what_is_wrong(changed, said):
    """A refusal names the attribute and what was expected of it."""
    refused = read_event({**MINIMAL, **changed})

    assert isinstance(refused, EventRefused)
    assert said in refused.message


def test_a_payload_in_base64_is_read_by_its_type():
    """JSON becomes data, text becomes text, anything else stays base64."""

    def data(content, kind):
        encoded = base64.b64encode(content).decode()
        return read_event({**MINIMAL, "data_base64": encoded, "datacontenttype": kind}).context[
            "data"
        ]

    assert data(b'{"n":1}', "application/json; charset=utf-8") == {"n": 1}
    assert data(b'{"n":1}', "application/vnd.shop+json") == {"n": 1}
    assert data(b"hello", "text/plain") == "hello"
    assert data(b"\x00\x01", "application/octet-stream") == "AAE="


def test_an_event_in_headers_is_the_same_event():
    """The binary mode of the HTTP binding: percent-encoded headers, the body is the payload."""
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/shop",
        "ce-type": "com.example.placed",
        "ce-subject": "Gr%C3%BC%C3%9Fe",
        "content-type": "application/json",
        "accept": "*/*",
    }

    event = read_binary(headers, b'{"n": 1}')

    assert event.context["subject"] == "Grüße"
    assert event.context["data"] == {"n": 1}
    assert "accept" not in event.context


def test_a_header_that_is_no_utf_8_is_refused():
    """Percent-encoding of other bytes than UTF-8 is no attribute."""
    refused = read_binary({"ce-specversion": "1.0", "ce-id": "%ff"}, b"")

    assert isinstance(refused, EventRefused)


def test_a_batch_keeps_the_place_of_what_it_refuses():
    """One bad event does not spoil the others."""
    found = read_batch(json.dumps([MINIMAL, 7, {**MINIMAL, "id": "2"}]).encode())

    assert [isinstance(one, Event) for one in found] == [True, False, True]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[", b"7", b"[" * 100_000, json.dumps([1] * 1_001).encode()]
)
def test_a_body_that_is_no_batch_is_refused_whole(body):
    """Not an array, not JSON, too deep, too many."""
    with pytest.raises(NoEvents):
        read_batch(body)


def test_equal_content_has_one_digest_whatever_its_order():
    """The digest is that of the content; another payload has another one."""
    turned = dict(reversed([*MINIMAL.items(), ("data", {"a": 1, "b": 2})]))
    event = read_event({**MINIMAL, "data": {"b": 2, "a": 1}})

    assert read_event(turned).digest == event.digest
    assert read_event({**MINIMAL, "data": {"b": 2, "a": 3}}).digest != event.digest


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*MINIMAL, "time", "data", "data_base64", "ext"]), JSON))
def test_whatever_comes_is_an_event_or_refused(raw):
    """No content makes the reader fail in another way."""
    assert isinstance(read_event({**MINIMAL, **raw}), Event | EventRefused)
    assert isinstance(read_event(raw), Event | EventRefused)


@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_events_or_none(body):
    """A body is a batch or is refused whole."""
    with contextlib.suppress(NoEvents):
        read_batch(body)
