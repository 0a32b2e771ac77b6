"""The main job: one instance per record, whatever comes in and whatever happens meanwhile."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tenuto import assembly
from tenuto.errors import InputError, StoreError
from tenuto.store.port import InstanceQuery

ORDERS = "id,amount,day\na,10,2027-01-01\nb,2000,\nc,30,2027-01-03\n"


def rejects(path):
    """Return the lines of a rejects file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def count(tenuto):
    """Return how many instances a database holds."""
    with assembly.reading(tenuto.database) as read:
        return len(read.instances(InstanceQuery(limit=1_000_000)))


def test_each_record_becomes_an_instance(tenuto):
    """Records start instances, handlers work their jobs, the rest waits for people."""
    report = tenuto.run("--input", tenuto.write("orders.csv", ORDERS))

    assert report["records"] == report["started"] == 3
    assert report["instances"] == {"active": 1, "completed": 2}
    assert [(one["element"], one["what"], one["whom"]) for one in report["waiting"]] == [
        ("review", "user-task", "ops")
    ]
    assert report["rejects_file"] is None
    assert report["cycle_time_ms"]["p50"] >= 0


def test_columns_are_read_as_declared(tenuto):
    """Declared inputs become their type; other columns stay text."""
    content = "id,amount,day,extra\n007,12.50,2027-01-31,42\n"
    tenuto.run("--input", tenuto.write("orders.csv", content))

    instance = tenuto.data("ps")["instances"][0]["instance"]
    variables = tenuto.data("show", instance)["variables"]
    assert variables == {
        "id": "007",
        "amount": 12.5,
        "day": "2027-01-31",
        "extra": "42",
        "charged": 12.5,
    }


def test_bad_records_stand_in_nobodys_way(tenuto):
    """Bad rows are reported with line, reason and text; the others run."""
    content = 'id,amount,day\na,10,\nb,ten,\n,5,\nc\n"d,1,\ne,2,2027-02-30\nf,3,\n'
    path = tenuto.write("orders.csv", content)

    report = tenuto.run("--input", path)

    assert (report["started"], report["rejected"]) == (2, 5)
    found = rejects(tenuto.folder / "orders.csv.rejects.ndjson")
    assert [entry["line"] for entry in found] == [3, 4, 5, 6, 7]
    assert found[0]["reason"] == "`amount`: expected a number such as 12.50, got `ten`"
    assert found[0]["raw"] == "b,ten,"


def test_rejects_of_an_earlier_run_do_not_stay(tenuto):
    """The rejects file is that of the last run; a clean run leaves none."""
    path = tenuto.write("orders.csv", "id,amount\na,ten\nb,1\n")
    tenuto.run("--input", path)
    tenuto.write("orders.csv", "id,amount\na,10\nb,1\n")

    tenuto.run("--input", path)

    assert not (tenuto.folder / "orders.csv.rejects.ndjson").exists()


def test_a_strict_run_fails_for_bad_records(tenuto):
    """With --strict one bad record ends with 2; so does an input of bad records alone."""
    some = tenuto.write("some.csv", "id,amount\na,ten\nb,1\n")
    none = tenuto.write("none.csv", "id,amount\na,ten\n")

    tenuto.run("--input", some, "--strict", expect=2)
    tenuto.run("--input", none, expect=2)


def test_running_again_starts_nothing_twice(tenuto):
    """The same input is known again, also at another path, and its report is the same."""
    tenuto.run("--input", tenuto.write("orders.csv", ORDERS))

    report = tenuto.run("--input", tenuto.write("moved.csv", ORDERS))

    assert (report["started"], report["already_started"]) == (0, 3)
    assert report["instances"] == {"active": 1, "completed": 2}
    assert count(tenuto) == 3


def test_added_records_are_started_alone(tenuto):
    """Records at the end of a known input are new, those before them are not."""
    path = tenuto.write("orders.csv", ORDERS)
    tenuto.run("--input", path)
    tenuto.write("orders.csv", ORDERS + "d,40,\n")

    report = tenuto.run("--input", path)

    assert (report["started"], report["already_started"]) == (1, 3)


def test_equal_records_are_two(tenuto):
    """Two equal rows of one input are two instances."""
    report = tenuto.run("--input", tenuto.write("orders.csv", "id,amount\na,1\na,1\n"))

    assert report["started"] == 2


def test_a_batch_tells_equal_deliveries_apart(tenuto):
    """The same content under another batch name is started again."""
    path = tenuto.write("orders.csv", ORDERS)
    tenuto.run("--input", path, "--batch", "monday")

    assert tenuto.run("--input", path, "--batch", "tuesday")["started"] == 3


def test_a_limit_reads_the_first_records(tenuto):
    """After --limit the same input goes on where it stopped."""
    path = tenuto.write("orders.csv", ORDERS)

    assert tenuto.run("--input", path, "--limit", "1")["started"] == 1
    assert tenuto.run("--input", path)["started"] == 2


def test_json_lines_and_arrays_are_inputs(tenuto):
    """NDJSON and JSON start the same instances as CSV."""
    lines = '{"id": "a", "amount": 1}\n{"id": 7, "amount": 1}\n{"id": "b", "amount": "x"}\n'
    array = '[{"id": "c", "amount": 1.5, "day": "2027-01-01"}]'

    found = tenuto.run("--input", tenuto.write("orders.ndjson", lines))
    assert (found["started"], found["rejected"]) == (1, 2)
    assert tenuto.run("--input", tenuto.write("orders.json", array))["started"] == 1


def test_standard_input_is_an_input(tenuto):
    """`--input -` reads what is piped in, once its format is said."""
    given = ("run", tenuto.model("order.bpmn"), "--input", "-")
    assert "--format" in tenuto.on_database(*given, piped=ORDERS, expect=2).stderr

    assert tenuto.run("--input", "-", "--format", "csv", piped=ORDERS)["started"] == 3


def test_business_keys_come_from_a_column(tenuto):
    """A column names the instances; without a name the record is bad."""
    path = tenuto.write("orders.csv", "id,amount,ref\na,1,R-1\nb,2,\n")

    report = tenuto.run("--input", path, "--business-key", "ref")

    assert (report["started"], report["rejected"]) == (1, 1)
    assert tenuto.data("show", "R-1")["status"] == "completed"


def test_an_incident_is_counted_by_its_cause(tenuto):
    """What is stuck is named with its cause, and the run ends with 1."""
    path = tenuto.write("orders.csv", "id,amount\nbroken,1\nbroken,2\na,3\n")

    report = tenuto.run("--input", path, expect=1)

    assert [(one["element"], one["message"], one["count"]) for one in report["incidents"]] == [
        ("charge", "no such card", 2)
    ]


def test_without_a_handler_instances_wait_for_it(tenuto):
    """A job type that nobody works is warned of, and the report says who is missing."""
    path = tenuto.write("orders.csv", ORDERS)
    result = tenuto.on_database("run", tenuto.model("order.bpmn"), "--input", path)

    assert "no handler for job type `charge`" in result.stderr
    assert "a worker of `charge` (no handler was given)" in result.stdout


def test_a_later_run_works_what_waited(tenuto):
    """Jobs that waited for a worker are done by a run that brings it, without any input."""
    path = tenuto.write("orders.csv", ORDERS)
    tenuto.on_database("run", tenuto.model("order.bpmn"), "--input", path)

    tenuto.on_database("run", "--app", "shop", "--wait", "0")

    assert [one["what"] for one in tenuto.data("ps")["waiting"]] == ["user-task"]


def test_decisions_are_counted_by_rule(tenuto):
    """The report says how often each rule of each decision matched, with its annotation."""
    path = tenuto.write(
        "cases.ndjson", '{"case": "a", "amount": 5}\n' * 2 + '{"case":"b","amount":5000}\n'
    )
    models = (tenuto.model("approval.bpmn"), tenuto.model("desk.dmn"))

    report = tenuto.data("run", *models, "--input", path)

    assert {(one["rule"], one["count"]) for one in report["decisions"]} == {
        ("rule 1 (Below the limit.)", 2),
        ("rule 2 (Two signatures.)", 1),
    }
    assert tenuto.data("run", *models, "--input", path)["decisions"] == report["decisions"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,day\na,2027-01-01\n", "but amount is missing"),
        ("id,id\na,b\n", "a name of its own"),
    ],
)
def test_an_unusable_header_starts_nothing(tenuto, content, said):
    """A header that lacks a required column is refused before anything starts."""
    path = tenuto.write("orders.csv", content)
    given = ("--app", "shop", tenuto.model("order.bpmn"))

    result = tenuto.on_database("run", *given, "--input", path, expect=2)

    assert said in result.stderr


def test_an_unknown_process_is_named(tenuto):
    """A process that is not deployed is refused with those that are."""
    path = tenuto.write("orders.csv", ORDERS)
    given = (tenuto.model("order.bpmn"), "--process", "odrer", "--input", path)

    assert "deployed are order" in tenuto.on_database("run", *given, expect=2).stderr


def test_several_processes_have_to_be_told_apart(tenuto):
    """With several processes to start the user says which."""
    path = tenuto.write("orders.csv", ORDERS)
    models = [tenuto.model(name) for name in ("order.bpmn", "approval.bpmn", "desk.dmn")]

    result = tenuto.on_database("run", *models, "--input", path, expect=2)

    assert "order, approval; name it with --process" in result.stderr


@pytest.mark.parametrize("name", ["missing.csv", "orders.xlsx"])
def test_an_input_that_cannot_be_opened_makes_no_database(tenuto, name):
    """A wrong input is refused before a database is touched."""
    result = tenuto.on_database("run", tenuto.model("order.bpmn"), "--input", name, expect=2)

    assert name in result.stderr
    assert not tenuto.database.exists()


def test_a_run_with_nothing_to_do_says_so(tenuto):
    """Without models, input and handlers there is nothing to run."""
    assert "nothing to do" in tenuto.on_database("run", expect=2).stderr


def test_the_report_reads_well(tenuto):
    """For people the report says what came in, what became of it, and how fast."""
    path = tenuto.write("orders.csv", ORDERS + "d,ten,\n")
    given = ("--app", "shop", tenuto.model("order.bpmn"), "--wait", "0")

    said = tenuto.on_database("run", *given, "--input", path).stdout

    assert "order: 4 records, 3 started, 1 rejected (see " in said
    assert "instances: 1 active, 2 completed" in said
    assert "people: ops" in said
    assert "p95" in said


def many_orders(tenuto, number):
    """Write orders of which every tenth needs a person; return the path."""
    rows = (f"o{n},{5000 if n % 10 == 0 else 1}" for n in range(number))
    return tenuto.write("orders.csv", "id,amount\n" + "\n".join(rows) + "\n")


def wait_until_started(tenuto, number):
    """Wait until a database holds so many instances."""
    ends = time.monotonic() + 15
    while time.monotonic() < ends:
        # The file is there a moment before its tables are.
        with contextlib.suppress(InputError, StoreError):
            if count(tenuto) >= number:
                return
    raise AssertionError("the run did not get so far")


@pytest.mark.crash
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_goes_on(tenuto, python, number):
    """Interrupted by hand, by a supervisor or by force, a run that is run again starts the rest
    and nothing twice.
    """
    path = many_orders(tenuto, 4000)
    given = ("--app", "shop", tenuto.model("order.bpmn"), "--db", tenuto.database, "--wait", "5")
    first = python("-m", "tenuto", "run", *given, "--input", path, SHOP_SECONDS="0.05")
    wait_until_started(tenuto, 200)
    first.send_signal(number)
    _, err = first.communicate(timeout=15)

    report = tenuto.run("--input", path)

    assert first.returncode == (-9 if number is signal.SIGKILL else 130), err
    if number is not signal.SIGKILL:
        assert "run the same command again" in err
    assert report["already_started"] >= 200
    assert report["started"] + report["already_started"] == 4000
    assert report["instances"] == {"active": 400, "completed": 3600}
    assert count(tenuto) == 4000
    tenuto.on_database("verify")
    tenuto.on_database("audit", "verify")


def test_a_terminal_shows_progress(tenuto):
    """On a terminal the records, the rate and the remaining time are drawn while it runs."""
    path = many_orders(tenuto, 2000)
    given = ["run", "--app", "shop", tenuto.model("order.bpmn"), "--db", tenuto.database]
    screen, end = pty.openpty()

    words = [sys.executable, "-m", "tenuto", *map(str, given), "--input", str(path)]
    source = str(Path(assembly.__file__).parents[1])
    variables = os.environ | {"PYTHONPATH": source, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=end, env=variables) as process:
        os.close(end)
        drawn = b""
        # Linux ends a terminal that its other side has closed with an error.
        with contextlib.suppress(OSError):
            while part := os.read(screen, 65_536):
                drawn += part
    os.close(screen)

    assert process.returncode == 0
    assert b"records" in drawn
    assert b"/s" in drawn
