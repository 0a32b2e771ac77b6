"""CloudEvents over HTTP: the three modes, and what each is answered."""

from __future__ import annotations

import json

import pytest

from tests.api.conftest import ONE_TASK, code_of

MAPPINGS = b"events:\n  - {id: placed, type: shop.placed, start: p, business_key: data.number}\n"
STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}


def event(id="1", type="shop.placed", **data):
    """Return an event as JSON data."""
    return {"specversion": "1.0", "id": id, "source": "/shop", "type": type, "data": data}


@pytest.fixture
def shop(api):
    """Deploy a process and its mapping."""
    sources = [("p.bpmn", "bpmn", ONE_TASK), ("shop.events.yaml", "events", MAPPINGS)]
    api.runner.run(api.at.running.client.deploy_sources(sources))
    return api


def send(api, body, headers=STRUCTURED):
    """Return the response to an event."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api.request("POST", "events", content=content, headers=headers)


def test_a_structured_event_starts_an_instance_once(shop):
    """The first is accepted with 202, the same again is a duplicate with 200."""
    first, again = send(shop, event(number="A")), send(shop, event(number="A"))

    assert (first.status_code, first.json()["status"]) == (202, "accepted")
    assert (again.status_code, again.json()["status"]) == (200, "duplicate")
    assert first.json()["effects"] == again.json()["effects"]
    assert len(shop.get("instances").json()["items"]) == 1


def test_an_event_in_headers_is_the_same_event(shop):
    """The binary mode has the identity of the structured one."""
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "7",
        "ce-source": "/shop",
        "ce-type": "shop.placed",
    }

    answer = send(shop, {"number": "B"}, {**headers, "content-type": "application/json"})

    assert answer.status_code == 202
    assert shop.get("instances").json()["items"][0]["business_key"] == "B"


def test_a_batch_says_what_became_of_each(shop):
    """Bad events do not spoil the others, and have their place."""
    batch = [event("1", number="A"), event("1", number="A"), {}, event("2", type="bank.paid")]

    answer = send(shop, batch, BATCH).json()

    assert (answer["accepted"], answer["duplicates"], answer["unmapped"]) == (1, 1, 1)
    assert [(one["index"], one["code"]) for one in answer["refused"]] == [(2, "invalid-event")]


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"no json", STRUCTURED, (400, "invalid-json")),
        (b"[]", STRUCTURED, (400, "invalid-json")),
        (b"{}", BATCH, (400, "invalid-json")),
        (b"{}", STRUCTURED, (400, "invalid-event")),
        (b"{}", {"content-type": "application/json"}, (415, "unsupported-media-type")),
        (b"{}", {}, (415, "unsupported-media-type")),
    ],
)
def test_what_is_no_event_is_a_problem(shop, body, headers, code):
    """Each refusal is a problem document, and nothing was begun."""
    assert code_of(send(shop, body, headers)) == code
    assert shop.get("instances").json()["items"] == []


def test_the_same_id_with_another_content_is_refused(shop):
    """A source that repeats an id is told with 422."""
    send(shop, event(number="A"))

    assert code_of(send(shop, event(number="B"))) == (422, "key-reused")


def test_a_full_inbox_asks_to_come_again(shop, monkeypatch):
    """429 with Retry-After, and nothing was begun."""
    monkeypatch.setattr("tenuto.runtime.limits.INBOX_MAX", 0)

    answer = send(shop, event(number="A"))

    assert code_of(answer) == (429, "too-busy")
    assert answer.headers["retry-after"] == "1"
