"""The verbs that start, read and repair."""

import contextlib
import json
import sqlite3

import pytest
from click.testing import CliRunner

from tenuto.cli import main


@pytest.fixture
def orders(tenuto):
    """Give the command on a database where the order process is deployed."""
    tenuto.on_database("deploy", tenuto.model("order.bpmn"))
    return tenuto


@pytest.fixture
def waiting(tenuto):
    """Give the command on a database where one order waits for a person."""
    path = tenuto.write("orders.csv", "id,amount,day\nb,2000,2027-01-02\n")
    tenuto.run("--input", path)
    return tenuto


@pytest.fixture
def stuck(tenuto):
    """Give the command on a database where one order is stuck."""
    tenuto.run("--input", tenuto.write("orders.csv", "id,amount\nbroken,1\n"), expect=1)
    return tenuto


def only(found):
    """Return the one member of a list."""
    assert len(found) == 1
    return found[0]


# --- deploy and lint


def test_deploying_reports_on_each_model(tenuto):
    """A deployment says what each model is, and which handlers it needs."""
    said = tenuto.on_database("deploy", tenuto.model("order.bpmn")).stdout

    assert "order.bpmn" in said
    assert "accepted" in said
    assert "needs a handler for job type `charge` (at charge)" in said


def test_a_refused_model_is_named_with_its_element(tenuto):
    """What cannot be executed is refused with the element's id, and nothing is deployed."""
    text = tenuto.model("order.bpmn").read_text().replace('targetRef="charge"', 'targetRef="gone"')
    path = tenuto.write("broken.bpmn", text)

    assert "f1" in tenuto.on_database("deploy", path, expect=2).stderr


def test_lint_finds_the_same_without_a_database(tenuto):
    """Lint reports refusals and ends with 1; a sound model ends with 0."""
    text = tenuto.model("order.bpmn").read_text().replace('targetRef="charge"', 'targetRef="gone"')
    path = tenuto.write("broken.bpmn", text)

    found = json.loads(tenuto("lint", path, "-o", "json", expect=1).stdout)

    assert only(found)["verdict"] == "refused"
    tenuto("lint", tenuto.model("order.bpmn"), tenuto.model("desk.dmn"))


def test_lint_finds_gaps_and_overlaps(tenuto):
    """A table whose rules overlap against its hit policy fails; a gap is a warning."""
    text = tenuto.model("desk.dmn").read_text()
    overlap = tenuto.write("overlap.dmn", text.replace("&lt; 1000", "&lt; 2000"))
    gap = tenuto.write("gap.dmn", text.replace("&lt; 1000", "&lt; 500"))

    found = json.loads(tenuto("lint", overlap, "-o", "json", expect=1).stdout)
    assert [one["code"] for one in only(found)["findings"]] == ["overlap"]
    found = json.loads(tenuto("lint", gap, "-o", "json").stdout)
    assert [one["code"] for one in only(found)["findings"]] == ["gap"]
    tenuto("lint", gap, "--strict", expect=1)


def test_lint_survives_what_is_no_model(tenuto):
    """A file that is no XML is a finding, not a failure of the command."""
    found = json.loads(tenuto("lint", tenuto.write("x.dmn", "no"), "-o", "json", expect=1).stdout)

    assert only(found)["verdict"] == "refused"


# --- start, ps, show


def test_start_prints_the_key_alone(orders):
    """The key of the new instance is all that is printed, for use in scripts."""
    key = orders.on_database("start", "order", "-v", "id=a", "-v", "amount=5").stdout.strip()

    assert only(orders.data("ps")["instances"])["instance"] == key


def test_start_reads_variables_as_declared(orders):
    """A document and single variables go together; declared ones get their type."""
    given = ("--variables", '{"id": "a", "amount": 1}', "-v", "amount=2", "-v", "day=2027-01-01")
    key = orders.on_database("start", "order", *given).stdout.strip()

    found = orders.data("show", key)["variables"]
    assert found == {"id": "a", "amount": 2, "day": "2027-01-01"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("-v", "id=a"), "`amount` is required"),
        (("-v", "id=a", "-v", "amount=x"), "expected a number"),
        (("-v", "id"), "expected NAME=VALUE"),
        (("--variables", "[1]"), "expected a JSON object"),
        (("--variables", "@gone.json"), "gone.json"),
        (("-v", 'id=@"soon"'), "expected a date, time or duration"),
    ],
)
def test_wrong_variables_start_nothing(orders, given, said):
    """A variable that does not fit is refused with what was expected."""
    assert said in orders.on_database("start", "order", *given, expect=2).stderr


def test_an_unknown_process_is_refused(orders):
    """Starting what is not deployed ends with 1."""
    assert "expected" in orders.on_database("start", "nothing", expect=1).stderr


def test_the_same_start_twice_is_one(orders):
    """An idempotency key makes a repeated start harmless."""
    given = ("start", "order", "-v", "id=a", "-v", "amount=1", "--idempotency-key", "k")

    assert orders.on_database(*given).stdout == orders.on_database(*given).stdout


def test_a_business_key_finds_its_instance(orders):
    """An instance is shown by its business key; a unique one is refused the second time."""
    given = ("start", "order", "-v", "id=a", "-v", "amount=1", "--business-key", "A-1", "--unique")
    key = orders.on_database(*given).stdout.strip()

    assert orders.data("show", "A-1")["instance"] == key
    assert "A-1" in orders.on_database(*given, expect=1).stderr


def test_ps_says_what_waits_and_for_whom(waiting):
    """Counts, what waits at which element for whom, and the newest instances."""
    found = waiting.data("ps")

    assert found["counts"] == [{"process": "order", "status": "active", "count": 1}]
    assert only(found["waiting"])["whom"] == "ops"
    said = waiting.on_database("ps").stdout
    assert "people: ops" in said
    assert waiting.data("ps", "--status", "completed")["instances"] == []


def test_ndjson_is_one_instance_a_line(waiting):
    """Programs read the instances line by line."""
    lines = waiting.on_database("ps", "-o", "ndjson").stdout.splitlines()

    assert json.loads(only(lines))["process"] == "order"


def test_show_tells_the_whole_story(waiting):
    """Path with times, variables, and what is waited for."""
    key = waiting.data("ps")["instances"][0]["instance"]

    found = waiting.data("show", key)

    assert [(visit["element"], visit["status"]) for visit in found["path"]] == [
        ("start", "passed"),
        ("charge", "completed"),
        ("big", "passed"),
        ("review", "active"),
    ]
    assert only(found["waiting"])["for"] == "ops"
    said = waiting.on_database("show", key).stdout
    assert "2027-01-02" in said
    assert "review" in said


def test_show_explains_decisions(tenuto):
    """A decision is shown with its inputs, the rule that fired, its annotation and its output."""
    tenuto.on_database("deploy", tenuto.model("approval.bpmn"), tenuto.model("desk.dmn"))
    given = ("-v", "case=c-1", "-v", "amount=1500")
    key = tenuto.on_database("start", "approval", *given).stdout.strip()

    made = only(only(tenuto.data("show", key)["decisions"])["made"])

    assert (made["decision"], made["inputs"], made["value"]) == (
        "desk",
        {"amount": 1500},
        "manager",
    )
    rule = only(made["rules"])
    assert (rule["number"], rule["id"], rule["annotation"]) == (2, "large", "Two signatures.")
    said = tenuto.on_database("show", key).stdout
    assert "rule 2 (Two signatures.) -> desk = manager" in said
    assert "message `papers received` with key `c-1`" in said


def test_an_unknown_instance_is_refused(orders):
    """Showing what does not exist ends with 1."""
    assert "neither" in orders.on_database("show", "12", expect=1).stderr


# --- people


def test_a_task_is_claimed_released_and_completed(waiting):
    """A person takes a task, gives it back, and completes it; the instance ends."""
    key = only(waiting.data("tasks", "--group", "ops"))["key"]

    waiting.on_database("tasks", "claim", key, "--assignee", "ann")
    assert only(waiting.data("tasks"))["assignee"] == "ann"
    waiting.on_database("tasks", "claim", key, "--assignee", "bob", expect=1)
    waiting.on_database("tasks", "release", key, "--assignee", "ann")
    assert only(waiting.data("tasks"))["assignee"] is None
    waiting.on_database("complete", key, "-v", "approved=true")

    assert waiting.data("tasks") == []
    instance = only(waiting.data("ps")["instances"])
    assert instance["status"] == "completed"
    assert waiting.data("show", instance["instance"])["variables"]["approved"] is True


@pytest.mark.parametrize(("key", "code"), [("x", 2), ("1-2", 1)])
def test_a_wrong_task_is_refused(waiting, key, code):
    """A key that is none ends with 2, one of nothing with 1."""
    waiting.on_database("complete", key, expect=code)


def test_a_job_is_completed_in_place_of_a_worker(orders):
    """A person can do what a worker would have done."""
    key = orders.on_database("start", "order", "-v", "id=a", "-v", "amount=5").stdout.strip()
    job = only(orders.data("show", key)["waiting"])["key"]

    orders.on_database("complete", job, "--job", "-v", "charged=5")

    assert orders.data("show", key)["status"] == "completed"


# --- messages, signals


def test_a_message_reaches_the_one_who_waits(tenuto):
    """A message says what became of it, and the instance goes on."""
    tenuto.on_database("deploy", tenuto.model("approval.bpmn"), tenuto.model("desk.dmn"))
    tenuto.on_database("start", "approval", "-v", "case=c-1", "-v", "amount=5")
    send = ("message", "papers received", "-k")

    assert tenuto.on_database(*send, "c-2").stdout == "expired\n"
    assert tenuto.on_database(*send, "c-2", "--keep", "PT1H").stdout == "buffered\n"
    assert tenuto.data(*send, "c-1")["status"] == "correlated"

    assert only(tenuto.data("ps")["instances"])["status"] == "completed"


def test_a_signal_needs_nobody(orders):
    """A signal that nobody awaits is broadcast all the same."""
    orders.on_database("signal", "closing time", "-v", "hour=18")


# --- repair


def test_an_incident_is_resolved_and_tried_again(stuck):
    """What was mended goes on; the job runs when its handler does."""
    found = only(stuck.data("incidents"))
    assert (found["element"], found["message"]) == ("charge", "no such card")

    stuck.on_database("incidents", "resolve", found["key"])

    assert stuck.data("incidents") == []
    assert only(stuck.data("ps")["waiting"])["what"] == "job:charge"


def test_all_incidents_are_resolved_at_once(stuck):
    """`--all` and keys exclude each other."""
    stuck.on_database("incidents", "resolve", expect=2)
    stuck.on_database("incidents", "resolve", "--all")

    assert stuck.data("incidents") == []


def test_incidents_are_shown_grouped_and_retried_with_other_variables(stuck):
    """What is stuck for one cause is one line, and one command tries it again."""
    incident = only(stuck.data("incidents"))
    group = only(stuck.data("incidents", "causes"))
    shown = stuck.data("incidents", "show", incident["key"])

    assert (group["count"], group["cause"], group["what"]) == (1, "job-failed", "stuck")
    assert only(shown["failed_attempts"])["message"] == group["message"] == "no such card"
    assert stuck.on_database("incidents", "show", "1-1", expect=1).stderr
    said = stuck.on_database("retry", "--where", "cause=job-failed", "-v", "id=mended").stdout

    assert said == "retried 1 of 1\n"
    assert stuck.data("incidents") == []
    assert stuck.data("show", incident["instance"])["variables"]["id"] == "mended"


def test_show_names_failed_attempts(stuck):
    """An instance that is stuck shows its incident and what was tried."""
    found = stuck.data("show", stuck.data("ps")["instances"][0]["instance"])

    assert only(found["incidents"])["code"] == "job-failed"
    assert only(found["failed_attempts"])["message"] == "no such card"


def test_a_canceled_instance_has_ended(waiting):
    """Canceling ends an instance; its history stays."""
    key = waiting.data("ps")["instances"][0]["instance"]
    waiting.on_database("cancel", key, "--reason", "ordered twice")

    assert waiting.data("show", key)["status"] == "terminated"
    assert waiting.data("ps")["waiting"] == []


def test_a_paused_instance_says_why_and_goes_on(waiting):
    """The reason is shown; a second pause is refused."""
    key = waiting.data("ps")["instances"][0]["instance"]
    waiting.on_database("pause", key, "--reason", "look")

    assert waiting.data("show", key)["paused"]["reason"] == "look"
    assert waiting.data("ps", "--status", "paused")["instances"][0]["instance"] == key
    assert "look" in waiting.on_database("show", key).stdout
    waiting.on_database("pause", key, expect=1)
    waiting.on_database("resume", key)

    assert waiting.data("show", key)["status"] == "active"


def test_many_instances_are_chosen_by_filters(waiting):
    """A dry run names them; then it is done to all, and those that refuse are named."""
    key = waiting.data("ps")["instances"][0]["instance"]
    chosen = ("--where", "state=active", "--where", "started-after=2001-01-01")
    named = waiting.on_database("pause", *chosen, "--dry-run").stdout.split()

    assert key in named
    done = waiting.on_database("pause", *chosen, "--reason", "all")
    assert done.stdout == f"paused {len(named)} of {len(named)}\n"
    started = ("--where", "started-after=2001-01-01")
    refused = waiting.on_database("pause", *started, expect=1)
    assert f"{key}: expected instance {key} to run" in refused.stderr
    assert "resumed" in waiting.on_database("resume", "--where", "state=paused").stdout
    assert waiting.data("show", key)["status"] == "active"


def test_filters_that_nobody_knows_are_refused(waiting):
    """Neither an instance nor a filter, or both, or a filter of another name."""
    assert "--where" in waiting.on_database("cancel", expect=2).stderr
    assert (
        "--where" in waiting.on_database("cancel", "x", "--where", "state=active", expect=2).stderr
    )
    assert (
        "got `sate=active`"
        in waiting.on_database("pause", "--where", "sate=active", expect=2).stderr
    )


def test_what_ended_is_deleted_and_every_proof_holds(waiting):
    """A dry run counts; running instances stay; verify and the audit pass."""
    key = waiting.data("ps")["instances"][0]["instance"]
    waiting.on_database("cancel", key)
    count = len(waiting.data("ps")["instances"])

    assert waiting.on_database("prune", "--older-than", "90d").stdout.startswith("0 that ended")
    dry = ("prune", "--older-than", "0s", "--dry-run")
    while waiting.on_database(*dry).stdout[0] != str(count):
        pass
    said = waiting.on_database("prune", "--older-than", "0s").stdout
    assert said.startswith(f"{count} that ended before ")
    assert said.endswith(" deleted\n")

    assert waiting.data("ps")["instances"] == []
    waiting.on_database("show", key, expect=1)
    waiting.on_database("verify")
    waiting.on_database("audit", "verify")


# --- decide


def decide(tenuto, *words, **options):
    """Evaluate the desk decision."""
    return tenuto("decide", tenuto.model("desk.dmn"), *words, **options)


def test_a_decision_is_made_without_a_database(tenuto):
    """The value alone is printed, for use in scripts."""
    assert decide(tenuto, "-v", "amount=5").stdout == "clerk\n"
    assert not tenuto.database.exists()


def test_a_decision_explains_itself(tenuto):
    """With --explain the inputs and the rule are shown."""
    said = decide(tenuto, "-v", "amount=5000", "--explain").stdout

    assert "amount: 5000" in said
    assert "rule 2 (Two signatures.) -> desk = manager" in said


def test_an_unknown_decision_is_named_with_the_known(tenuto):
    """A decision that the model lacks ends with 1."""
    assert "desk" in decide(tenuto, "--decision", "desc", expect=1).stderr


# --- proof


def test_a_sound_database_verifies(waiting):
    """Rows and journal agree, the chain is whole, and without a witness the tail is unproven."""
    assert "agree" in waiting.on_database("verify").stdout
    assert "unproven" in waiting.on_database("audit", "verify").stdout
    assert waiting.data("audit", "verify")["witness"] == "unproven"


def test_a_witness_proves_the_tail(waiting):
    """A database that contains what the witness saw is proven; an older copy of it is not."""
    older = waiting.database.read_bytes()
    waiting.on_database("signal", "more")
    paths = ("--key", waiting.folder / "k")
    waiting.on_database("audit", "checkpoint", "--to", waiting.folder / "witness.json", *paths)
    against = ("audit", "verify", "--against", waiting.folder / "witness.json")
    assert waiting.data(*against)["witness"] == "proven"

    waiting.database.write_bytes(older)

    assert "NOT AS WRITTEN" in waiting.on_database(*against, expect=4).stdout


def test_a_wrong_row_does_not_verify(waiting):
    """A row that its journal does not imply ends with 4 and is named."""
    change(waiting.database, "UPDATE user_task SET assignee = 'mallory'")

    assert "mallory" in waiting.on_database("verify", expect=4).stdout


def test_a_flipped_byte_is_found(waiting):
    """A journal that was altered ends with 4 and is named."""
    change(
        waiting.database,
        "UPDATE journal SET blob = CAST(substr(blob, 1, length(blob) - 1) || x'00' AS BLOB) "
        "WHERE aggregate > 0 AND version = 1",
    )

    assert "altered" in waiting.on_database("audit", "verify", expect=4).stdout


def change(database, text):
    """Alter a database behind the back of Tenuto."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(text)


# --- the machine


def test_doctor_looks_at_machine_and_database(waiting):
    """Every check has a name and a status; a sound machine ends with 0."""
    found = {check["name"]: check["status"] for check in waiting.data("doctor")}

    assert found["sqlite"] == "ok"
    assert {"python", "fsync", "free space", "file system", "held by", "format"} <= set(found)


def test_doctor_names_what_is_no_database(tenuto):
    """A file that is no database fails, with a remedy."""
    tenuto.write("test.db", "hello")

    assert "no database of Tenuto" in tenuto.on_database("doctor", expect=1).stdout


def test_bench_measures_beside_the_disk(tenuto):
    """The short measurement prints what the disk takes beside what starts take."""
    result = CliRunner().invoke(main, ["bench", "--quick", "-o", "json"])

    found = json.loads(result.stdout)
    assert set(found) == {"fsync_ms", "alone_p50_ms", "alone_max_ms", "together_per_second"}
