"""The pages without a browser: who gets in, what is shown as text, what a form may do."""

from __future__ import annotations

import pytest

from tenuto.console.answers import questions
from tenuto.deploy import prepare, read_files
from tests.spec.models import end, flows, model, start, user
from tidy.sources import ROOT

EVIL = "<script>alert(1)</script>"
REVIEW = model(
    start()
    + user("u")
    + '<exclusiveGateway id="g" default="g_no"/>'
    + end("yes")
    + end("no")
    + flows("start>u", "u>g", 'g>yes?verdict = "good"', "g>no")
)
PAGES = ("/", "/processes/p", "/instances", "/tasks")


@pytest.fixture
def review(api):
    """Deploy a process with a task, and start it with names that are markup."""
    api.deploy(REVIEW)
    return api.start(variables={"note": EVIL, EVIL: 1}, business_key=EVIL)


def task_of(api):
    """Return the key of the one task."""
    return api.get("tasks").json()["items"][0]["task"]


@pytest.mark.parametrize("path", [*PAGES, "/instances/1", "/tasks/1-1"])
def test_a_stranger_is_sent_to_the_login_page(browser, path):
    """A page leads to the login page and back."""
    answer = browser.get(path)

    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next={path}"


def test_a_link_is_used_up_by_its_form_only(browser):
    """Looking at a link, as scanners of mail do, lets nobody in and spoils nothing."""
    code = browser.api.service.links.issue(browser.api.service.node.now())

    looked = browser.get(f"/login?code={code}")
    first = browser.send("POST", "/login", {"code": code})
    second = browser.send("POST", "/login", {"code": code})

    assert looked.status_code == 200
    assert (first.status_code, first.headers["location"]) == (303, "/")
    assert "HttpOnly" in first.headers["set-cookie"]
    assert "Secure" not in first.headers["set-cookie"]
    assert second.status_code == 401
    assert "used already" in second.text


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "x"]
)
def test_a_login_leads_to_this_site_only(browser, target):
    """A path that leads elsewhere leads to the overview."""
    code = browser.api.service.links.issue(browser.api.service.node.now())

    answer = browser.send("POST", "/login", {"code": code, "next": target})

    assert answer.headers["location"] == "/"


def test_values_are_text_on_every_page(browser, review):
    """Markup in keys, names and values is shown, never run."""
    browser.log_in()
    key = task_of(browser.api)
    browser.submit(f"/tasks/{key}/claim")

    for path in (*PAGES, f"/instances/{review}", f"/tasks/{key}"):
        page = browser.get(path)
        assert page.status_code == 200, page.text
        assert EVIL not in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "&lt;script&gt;" in browser.get(f"/instances/{review}").text


def test_a_person_takes_and_completes_a_task(browser, review):
    """The form asks what the process reads next; the answer goes the way that it says."""
    browser.log_in()
    key = task_of(browser.api)
    assert browser.submit(f"/tasks/{key}/claim").status_code == 303
    page = browser.get(f"/tasks/{key}")
    assert 'name="answer.verdict" value="&#34;good&#34;"' in page.text

    done = browser.submit(f"/tasks/{key}/complete", **{"answer.verdict": '"good"', "name.0": "n"})

    assert done.status_code == 303
    shown = browser.api.get(f"instances/{review}").json()
    assert (shown["status"], shown["variables"]["verdict"]) == ("completed", "good")
    assert shown["variables"]["n"] == ""


def test_a_form_of_another_session_is_refused(browser, review):
    """Without the proof of its page a form changes nothing."""
    browser.log_in()
    key = task_of(browser.api)
    browser.csrf = "0" * 64

    assert browser.submit(f"/tasks/{key}/claim").status_code == 403
    assert browser.api.get(f"tasks/{key}").json()["assignee"] is None


def test_a_form_of_another_site_is_refused(browser, review):
    """A browser says where a form comes from."""
    browser.log_in()
    data = {"csrf": browser.csrf}

    answer = browser.send("POST", "/logout", data, {"origin": "https://evil.example"})

    assert answer.status_code == 403


def test_logging_out_ends_the_session(browser):
    """The cookie that was used lets nobody in any more."""
    browser.log_in()
    kept = dict(browser.cookies)

    browser.submit("/logout")
    browser.cookies = kept

    assert browser.get("/").status_code == 303


def test_what_is_not_there_is_a_page(browser):
    """An unknown instance is told on a page, with its status."""
    browser.log_in()

    answer = browser.get("/instances/17")

    assert answer.status_code == 404
    assert "<h1>" in answer.text


def test_an_empty_server_says_what_to_do(browser):
    """Nothing deployed is a beginning, not an error."""
    browser.log_in()

    assert "tenuto deploy" in browser.get("/").text


def test_an_instance_is_ended_with_a_reason(browser, review):
    """Ending asks why, and says so in the journal."""
    browser.log_in()
    browser.get(f"/instances/{review}")

    browser.submit(f"/instances/{review}/cancel", reason="a mistake")

    assert browser.api.get(f"instances/{review}").json()["status"] == "terminated"


def test_an_instance_is_paused_and_goes_on(browser, review):
    """The page says why it stands still, and lets it go on."""
    browser.log_in()
    browser.get(f"/instances/{review}")

    browser.submit(f"/instances/{review}/pause", reason="look first")

    assert "look first" in browser.get(f"/instances/{review}").text
    browser.submit(f"/instances/{review}/resume")
    assert browser.api.get(f"instances/{review}").json()["status"] == "active"


@pytest.mark.parametrize("name", ["tenuto.css", "map.js", "bpmn-js.LICENSE.txt"])
def test_files_of_the_page_are_public(browser, name):
    """Styles and scripts come without a session."""
    assert browser.get(f"/static/{name}").status_code == 200


@pytest.mark.parametrize("name", ["../routes.py", "%2e%2e%2froutes.py", "routes.py", "nothing.css"])
def test_nothing_else_is_public(browser, name):
    """No path leads out of the folder of the page's files."""
    assert browser.get(f"/static/{name}").status_code == 404


def test_a_form_that_is_sent_twice_does_once_what_it_asks(browser, review):
    """A double click completes the task and then leads on, as the first one did."""
    browser.log_in()
    key = task_of(browser.api)
    browser.submit(f"/tasks/{key}/claim")
    browser.get(f"/tasks/{key}")

    answers = [
        browser.submit(f"/tasks/{key}/complete", once="a", **{"answer.verdict": '"good"'})
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [303, 303]


def test_a_form_after_the_session_leads_back_to_its_page(browser, review):
    """Whoever logs in again finds the task, not an address that only takes forms."""
    key = task_of(browser.api)

    answer = browser.send(
        "POST", f"/tasks/{key}/claim", {}, {"referer": f"http://127.0.0.1/tasks/{key}"}
    )

    assert answer.headers["location"] == f"/login?next=/tasks/{key}"


def test_what_an_earlier_answer_set_is_asked_again():
    """The gateway right after a task decides by this task's answer, whatever was said before."""
    graph = prepare([("p.bpmn", "bpmn", REVIEW)]).compiled.graphs[0]

    [asked] = questions(graph, "u", {"verdict": "bad"})

    assert (asked.name, asked.choices, asked.now) == ("verdict", ['"good"'], "bad")


def test_the_gateway_after_a_subprocess_is_asked_from_within():
    """A task at the end of a subprocess answers what is read behind it."""
    graphs = prepare(read_files([ROOT / "examples" / "claims" / "claims.bpmn"])).compiled.graphs

    known = {"suspicious": True, "route": {}, "documents": "complete"}
    asked = questions(graphs[0], "investigate", known)

    assert [(one.name, one.choices) for one in asked] == [("fraudConfirmed", ["true", "false"])]
