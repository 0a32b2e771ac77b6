"""Deployments over HTTP: whole or not at all, with what was found in each model."""

from __future__ import annotations

import pytest

from tests.api.conftest import ONE_TASK, code_of
from tests.spec.models import end, flows, model, start, task

DECISION = """<definitions name="m" namespace="n" xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/">
<decision id="answer" name="The answer"><literalExpression><text>a * 7</text></literalExpression>
</decision></definitions>"""


def resources(*pairs):
    """Return the body that deploys sources as text."""
    return {"resources": [{"name": name, "source": source} for name, source in pairs]}


def test_models_come_as_text(api):
    """The answer says which processes and decisions there are now, and what they need."""
    answer = api.post("deployments", resources(("a.bpmn", ONE_TASK.decode()), ("a.dmn", DECISION)))

    made = answer.json()
    assert answer.status_code == 201
    assert (made["deployment"], made["changed"], made["mappings"]) == (1, True, 0)
    assert made["processes"] == [
        {"id": "p", "name": "", "version": 1, "job_types": {"work": ["w"]}}
    ]
    assert made["decisions"] == [{"id": "answer", "name": "The answer", "version": 1}]
    assert [(one["source"], one["verdict"]) for one in made["reports"]] == [
        ("a.bpmn", "accepted"),
        ("a.dmn", "accepted"),
    ]


def test_models_come_as_files_of_a_form(api):
    """A form that a browser or curl sends gives the same as text; bytes stay as they are."""
    latin = b'<?xml version="1.0" encoding="iso-8859-1"?>' + model(
        start() + task("w") + end() + flows("start>w", "w>end")
    ).replace(b'<process id="p"', b'<process id="p" name="Pr\xfcfung"')
    files = [("files", ("a.bpmn", latin)), ("files", ("über/b.dmn", DECISION.encode()))]

    answer = api.request("POST", "deployments", files=files)

    assert answer.status_code == 201, answer.text
    assert answer.json()["processes"][0]["name"] == "Prüfung"
    assert answer.json()["reports"][1]["source"] == "b.dmn"
    assert api.get("processes/p/xml").content == latin


def test_event_mappings_come_with_their_models(api):
    """A file of mappings is known by the end of its name, and its mappings are counted."""
    mappings = "events:\n  - {id: a, type: com.example.a, start: p}\n"

    answer = api.post(
        "deployments", resources(("a.bpmn", ONE_TASK.decode()), ("a.events.yaml", mappings))
    )

    assert answer.status_code == 201, answer.text
    assert answer.json()["mappings"] == 1
    assert api.get("deployments").json()["items"][0]["resources"][1]["kind"] == "events"


def test_deploying_the_newest_again_changes_nothing(api):
    """The number of the deployment stays; a changed model makes a version."""
    first = api.post("deployments", resources(("a.bpmn", ONE_TASK.decode()))).json()
    again = api.post("deployments", resources(("a.bpmn", ONE_TASK.decode()))).json()
    changed = api.post("deployments", resources(("b.bpmn", ONE_TASK.decode()))).json()

    assert (again["deployment"], again["changed"]) == (first["deployment"], False)
    assert changed["processes"][0]["version"] == 2
    listed = api.get("deployments", params={"limit": 1}).json()
    rest = api.get("deployments", params={"cursor": listed["next"]}).json()
    assert [one["deployment"] for one in listed["items"] + rest["items"]] == [2, 1]
    assert rest["next"] is None
    assert listed["items"][0]["resources"] == [{"name": "b.bpmn", "kind": "bpmn"}]


def test_a_model_that_cannot_run_is_refused_with_its_report(api):
    """Nothing is deployed, not even the model that could run, and the element is named."""
    broken = model(start() + '<serviceTask id="w"/>' + flows("start>w"), process="q").decode()

    answer = api.post("deployments", resources(("a.bpmn", ONE_TASK.decode()), ("b.bpmn", broken)))

    assert code_of(answer) == (422, "model-refused")
    reports = {one["source"]: one for one in answer.json()["reports"]}
    assert reports["a.bpmn"]["verdict"] == "accepted"
    assert reports["b.bpmn"]["findings"][0]["element"] == "w"
    assert api.get("processes").json()["items"] == []


def test_a_call_of_what_is_not_there_is_warned_of(api):
    """The warning is in the report of the model that calls."""
    call = '<callActivity id="c"><extensionElements><zeebe:calledElement processId="x"/>'
    body = model(start() + f"{call}</extensionElements></callActivity>" + flows("start>c"))

    answer = api.post("deployments", resources(("a.bpmn", body.decode())))

    finding = answer.json()["reports"][0]["findings"][-1]
    assert (finding["severity"], finding["code"]) == ("warning", "unknown-called-process")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="a"\r\n'),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; filename="\xff.bpmn"\r\n\r\nx\r\n--b--',
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; filename="a.exe"\r\n\r\nx\r\n--b--',
        ),
        ("application/json", b'{"resources": []}'),
        ("application/json", b'{"resources": [{"name": "a.bpmn", "source": "", "kind": "exe"}]}'),
    ],
)
def test_a_form_that_is_none_is_refused(api, content_type, body):
    """What is missing is said, and nothing is deployed."""
    answer = api.request(
        "POST", "deployments", content=body, headers={"content-type": content_type}
    )

    assert code_of(answer) == (400, "invalid-body")
    assert api.get("deployments").json()["items"] == []


def test_a_file_that_is_no_model_is_refused(api):
    """What does not parse names its file."""
    answer = api.post("deployments", resources(("a.bpmn", "<nonsense")))

    assert code_of(answer) == (422, "model-refused")


def test_a_process_shows_its_versions_and_its_counts(api):
    """A list has the newest version; one process has all, with its elements and job types."""
    api.deploy(ONE_TASK)
    api.deploy(ONE_TASK.replace(b'"p" isExec', b'"p" name="Again" isExec'))
    api.start()
    api.start()

    [listed] = api.get("processes").json()["items"]
    shown = api.get("processes/p").json()

    assert (listed["id"], listed["name"], listed["version"]) == ("p", "Again", 2)
    assert listed["job_types"] == {"work": ["w"]}
    assert listed["instances"] == {"active": 2}
    assert [one["version"] for one in shown["versions"]] == [1, 2]
    assert [one["type"] for one in shown["elements"]] == ["startEvent", "serviceTask", "endEvent"]
    assert b"Again" in api.get("processes/p/xml").content
    assert b"Again" not in api.get("processes/p/xml", params={"version": 1}).content
    assert code_of(api.get("processes/p/xml", params={"version": 3})) == (404, "not-found")
    assert code_of(api.get("processes/q")) == (404, "unknown-process")


def test_a_map_counts_what_waits_and_what_is_stuck_at_each_element(worked):
    """A job that failed for good is an incident at its element, which still stands there."""
    worked.start()
    worked.start()
    [job] = worked.post("jobs/activate", {"types": ["work"]}).json()["jobs"]
    worked.post(f"jobs/{job['job']}/fail", {"token": job["token"], "retry": False})

    found = worked.get("processes/p/map").json()

    assert found == {
        "elements": {"w": {"active": 2, "incidents": 1}},
        "instances": {"active": 2},
    }


def test_pages_of_processes_come_in_order_and_end(api):
    """Every process is on one page exactly."""
    api.deploy(*(model(start() + end() + flows("start>end"), process=f"p{n}") for n in range(5)))

    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = api.get("processes", params=query).json()
        seen += [one["id"] for one in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break

    assert seen == [f"p{n}" for n in range(5)]
