"""Webhooks over HTTP: who may be told, and who may not."""

from __future__ import annotations

import pytest

from tests.api.conftest import code_of


def subscribe(api, url, **more):
    """Return the response to a subscription."""
    return api.post("webhooks", {"url": url, **more})


def test_a_webhook_is_subscribed_listed_and_ended(api):
    """Its secret is told once; the list has none."""
    made = subscribe(
        api, "http://127.0.0.1:9/x", allow_private=True, types=["io.tenuto.task.created"]
    )
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    id = made.json()["id"]

    [listed] = api.get("webhooks").json()["items"]
    ended = api.delete(f"webhooks/{id}")
    [after] = api.get("webhooks").json()["items"]

    assert listed["types"] == ["io.tenuto.task.created"]
    assert "secret" not in listed
    assert ended.status_code == 204
    assert (after["status"], code_of(api.delete(f"webhooks/{id}"))) == ("ended", (404, "not-found"))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://localhost/x",
        "http://[::1]/x",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://no-such-host.invalid/x",
    ],
)
def test_addresses_that_are_not_public_are_refused(api, url):
    """Nothing is subscribed that leads into this machine or its network."""
    assert code_of(subscribe(api, url)) == (422, "forbidden-address")
    assert api.get("webhooks").json()["items"] == []


def test_link_local_addresses_are_refused_even_if_private_ones_are_allowed(api):
    """Metadata services are nobody's webhook."""
    refused = subscribe(api, "http://169.254.169.254/", allow_private=True)

    assert code_of(refused) == (422, "forbidden-address")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"url": "ftp://a.example/"}, (400, "invalid-input")),
        ({"url": 7}, (400, "invalid-body")),
        ({"url": "http://a.example", "types": ["other"]}, (400, "invalid-body")),
        ({"url": "http://a.example", "colour": 1}, (400, "invalid-body")),
    ],
)
def test_what_cannot_be_used_is_refused(api, changed, code):
    """A refusal says what was expected."""
    assert code_of(api.post("webhooks", changed)) == code
