"""Messages and signals over HTTP."""

from __future__ import annotations

import pytest

from tests.api.conftest import code_of
from tests.spec.models import end, flows, message, model, on_message, on_signal, signal, start


def catching(inner, roots):
    """Return a process that waits for an event."""
    caught = f'<intermediateCatchEvent id="c">{inner}</intermediateCatchEvent>'
    return model(start() + caught + end() + flows("start>c", "c>end"), roots=roots)


@pytest.fixture
def waiting(api):
    """Give a server with an instance that waits for the message `paid` with its order's key."""
    api.deploy(catching(on_message("m"), message("m", "paid", "order")))
    return api, api.start(variables={"order": "o-1"})


def test_a_message_reaches_who_waits_for_it(waiting):
    """Its variables are the instance's afterwards."""
    api, key = waiting

    body = {"name": "paid", "correlation_key": "o-1", "variables": {"amount": 1.5}}
    answer = api.post("messages", body)

    assert answer.json() == {"status": "correlated"}
    shown = api.get(f"instances/{key}").json()
    assert (shown["status"], shown["variables"]) == ("completed", {"order": "o-1", "amount": 1.5})


def test_a_message_for_nobody_is_kept_for_its_time(waiting):
    """Without a time to live it is gone; with one it waits, and an equal id is a duplicate."""
    api, _ = waiting
    body = {"name": "paid", "correlation_key": "o-2", "message_id": "1", "time_to_live": "PT1H"}

    gone = api.post("messages", {"name": "paid", "correlation_key": "o-2"})
    kept = api.post("messages", body)
    again = api.post("messages", {**body, "variables": {"a": 1}})

    assert gone.json() == {"status": "expired"}
    assert kept.json() == {"status": "buffered"}
    assert again.json() == {"status": "duplicate"}


def test_a_message_that_comes_twice_under_a_key_is_published_once(waiting):
    """The repeat gets the first answer; another payload is refused."""
    api, _ = waiting
    body = {"name": "paid", "correlation_key": "o-2", "time_to_live": "PT1H"}
    headers = {"idempotency-key": "k"}

    answers = [api.post("messages", body, headers=headers).json() for _ in range(2)]
    other = api.post("messages", {**body, "variables": {"a": 1}}, headers=headers)

    assert answers == [{"status": "buffered"}] * 2
    assert code_of(other) == (422, "key-reused")
    assert len(api.service.client.read.reader.rows("message")) == 1


@pytest.mark.parametrize("lives", ["", "1h", "-PT1S", "P20Y", "P" + "9" * 30 + "D", "PT0.0001H"])
def test_a_time_to_live_that_is_none_is_refused(waiting, lives):
    """Nothing is published, and the server goes on."""
    api, _ = waiting

    answer = api.post("messages", {"name": "paid", "time_to_live": lives})

    assert code_of(answer) == (400, "invalid-body")
    assert api.service.client.read.reader.rows("message") == []


def test_a_signal_reaches_everyone_who_waits(api):
    """All instances go on; a signal that nobody waits for is no error."""
    api.deploy(catching(on_signal("s"), signal("s", "stop")))
    started = [api.start() for _ in range(3)]

    answer = api.post("signals", {"name": "stop", "variables": {"why": "late"}})
    nobody = api.post("signals", {"name": "go"})

    assert (answer.status_code, nobody.status_code) == (204, 204)
    for _ in range(1000):
        shown = [api.get(f"instances/{key}").json() for key in started]
        if all(one["status"] == "completed" for one in shown):
            break
    assert [one["status"] for one in shown] == ["completed"] * 3
    assert shown[0]["variables"] == {"why": "late"}
