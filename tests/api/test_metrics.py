"""Metrics: what was asked and what there is, under bounded labels."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


def samples(api):
    """Return the value of each sample by its name and labels."""
    text = api.get("metrics").text
    return {
        (one.name, *sorted(one.labels.values())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_metrics_count_requests_and_what_there_is(worked):
    """Requests by route and status, instances by status, what waits, and commits."""
    worked.start()
    worked.start(variables={"n": 1})
    worked.get("instances/nobody")
    worked.get("/nowhere/at/all")

    found = samples(worked)

    assert found["tenuto_http_requests_total", "201", "startInstance"] == 2
    assert found["tenuto_http_requests_total", "404", "getInstance"] == 1
    assert found["tenuto_http_requests_total", "404", "none"] == 1
    assert found["tenuto_http_request_seconds_count", "startInstance"] == 2
    assert found["tenuto_instances", "active"] == 2
    assert found["tenuto_instances", "completed"] == 0
    assert found["tenuto_waiting", "job"] == 2
    assert found["tenuto_corridor_inbox",] == 0
    assert found["tenuto_commits_total",] >= 3


def test_no_label_holds_what_a_caller_names(worked):
    """A scraper's memory does not grow with paths, keys or names."""
    worked.start(business_key="secret-name")
    for n in range(20):
        worked.get(f"/secret-{n}")
        worked.get(f"instances/secret-{n}")

    assert "secret" not in worked.get("metrics").text


def test_metrics_need_their_own_role_only(worked):
    """A scraper's token sees metrics and nothing else."""
    token = worked.issue("metrics")

    assert worked.get("metrics", token=token).status_code == 200
    assert worked.get("instances", token=token).status_code == 403
