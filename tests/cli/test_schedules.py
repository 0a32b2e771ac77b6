"""Schedules by command, on a database and at a server."""

import json


def put(tenuto, *words, **options):
    """Put a schedule of the order process, every night in Berlin."""
    given = ("--process", "order", "--cron", "0 2 * * *", "--tz", "Europe/Berlin")
    said = ("schedule", "put", "nightly", *given, "--overlap", "allow", "--catch-up", "last")
    return tenuto.on_database(*said, *words, **options)


def test_a_schedule_is_put_shown_paused_and_deleted(tenuto):
    """What was put is kept, and a second put of the same changes nothing."""
    tenuto.on_database("deploy", tenuto.model("order.bpmn"))
    assert put(tenuto).stdout == "put nightly\n"
    assert put(tenuto).stdout == "unchanged nightly\n"
    tenuto.on_database("schedule", "pause", "nightly", "--reason", "holidays")
    [one] = tenuto.data("schedule", "list")
    assert (one["name"], one["is_paused"], one["next_at"]) == ("nightly", True, None)
    tenuto.on_database("schedule", "resume", "nightly")
    shown = json.loads(tenuto.on_database("schedule", "show", "nightly").stdout)
    assert shown["schedule"] == {"cron": ["0 2 * * *"], "tz": "Europe/Berlin"}
    assert shown["next_at"].endswith(("00:00:00.000Z", "01:00:00.000Z"))
    tenuto.on_database("schedule", "delete", "nightly")
    assert tenuto.data("schedule", "list") == []
    tenuto.on_database("schedule", "show", "nightly", expect=1)


def test_a_backfill_is_told_dry_and_then_done_once(tenuto):
    """A range of the past holds five nights; a trigger starts one more."""
    tenuto.on_database("deploy", tenuto.model("order.bpmn"))
    put(tenuto)
    span = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-05T12:00:00Z", "--what", "missing")

    def backfill(*words):
        return json.loads(
            tenuto.on_database("schedule", "backfill", "nightly", *span, *words).stdout
        )

    dry = backfill("--dry-run")
    assert (dry["count"], dry["ticks"][0]) == (5, "2026-01-01T01:00:00.000Z")
    assert backfill()["count"] == 5
    assert backfill()["count"] == 0
    told = json.loads(tenuto.on_database("schedule", "trigger", "nightly").stdout)
    assert told["status"] == "started"


def test_what_is_no_schedule_is_refused(tenuto):
    """The command line says what was expected."""
    tenuto.on_database("deploy", tenuto.model("order.bpmn"))
    assert "cron" in put(tenuto, "--cron", "never", expect=2).stderr
    assert "--form" in put(tenuto, "--form", "{", expect=2).stderr


def test_a_schedule_that_nobody_has_is_said(tenuto):
    """By each verb that names one."""
    for verb in ("show", "pause", "resume", "trigger", "delete"):
        said = tenuto.on_database("schedule", verb, "none", expect=1).stderr
        assert "schedule" in said


def test_every_verb_asks_the_server(beside):
    """By its URL, and on a database that it holds."""
    given = ("--process", "approval", "--cron", "0 2 * * *", "-v", "case=c-1", "-v", "amount=1500")
    assert beside.at("schedule", "put", "nightly", *given).stdout == "put nightly\n"
    assert beside.on_database("schedule", "put", "nightly", *given).stdout == "unchanged nightly\n"
    [one] = beside.told("schedule", "list")
    assert (one["name"], one["variables"]) == ("nightly", {"case": "c-1", "amount": 1500})
    assert json.loads(beside.at("schedule", "show", "nightly").stdout) == one
    beside.at("schedule", "pause", "nightly", "--reason", "holidays")
    assert beside.data("schedule", "list")[0]["reason"] == "holidays"
    beside.at("schedule", "resume", "nightly")
    told = json.loads(beside.at("schedule", "trigger", "nightly").stdout)
    assert told["status"] == "started"

    span = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-03T12:00:00Z", "--reverse")
    dry = json.loads(beside.at("schedule", "backfill", "nightly", *span, "--dry-run").stdout)
    assert (dry["count"], dry["ticks"][0]) == (3, "2026-01-03T02:00:00.000Z")
    rate = ("--count", "1", "--every", "PT1H")
    assert (
        json.loads(beside.at("schedule", "backfill", "nightly", *span, *rate).stdout)["count"] == 3
    )
    assert beside.at("schedule", "delete", "nightly").stdout == "deleted nightly\n"
    assert beside.told("schedule", "list") == []
