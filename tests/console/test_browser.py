"""A real browser on a real server: a claim from its arrival to a completed review."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from tidy.sources import ROOT

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CLAIM = {
    "claimId": "C-2026-00001",
    "policy": "P-0000002",
    "lossDate": "2026-03-02",
    "kind": "motor",
    "cause": "collision",
    "amount": 3200,
    "currency": "EUR",
    "injury": "none",
    "country": "DE",
    "reportedBy": "Anna Weber",
    "reportedAt": "2026-03-03T09:30:00Z",
    "channel": "app",
    "documents": "complete",
    "account": "DE00000000000000000000",
    "note": "Bumper",
}


def chromium():
    """Return where Chromium is; `scripts/browser` has found or installed it."""
    unpacked = ROOT / ".cache" / "browser" / "chromium"
    found = shutil.which("chromium") or (str(unpacked) if unpacked.exists() else None)
    assert found is not None, "expected chromium: run `bash scripts/browser`"
    return found


@pytest.fixture
def server(tmp_path):
    """Serve the claims example; give its address, its token and the printed login link."""
    database = tmp_path / "claims.db"
    arguments = ["serve", "examples.claims.handlers", "--model", "examples/claims", "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tenuto", *arguments, "--db", str(database)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
    )
    try:
        link = None
        while link is None:
            line = process.stdout.readline().decode()
            assert line, "the server ended before it said where it listens"
            link = re.search(r"http\S+code=\S+", line)
        beside = json.loads((tmp_path / "claims.db.serve.json").read_text())
        yield beside["url"], beside["token"], link[0]
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture
def page():
    """Give a page of a browser that tells everything it complains about."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        made = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        made.complaints = []
        made.on("console", lambda said: made.complaints.append(said.text))
        made.on("pageerror", lambda error: made.complaints.append(str(error)))
        yield made
        browser.close()


@pytest.mark.timeout(120)
def test_a_claim_goes_from_its_arrival_to_a_completed_review(server, page):
    """Log in by the link, see the claim wait on the map, take its task, answer, see why and the
    end.
    """
    url, token, link = server
    started = httpx.post(
        f"{url}/api/v1/instances",
        json={"process": "claim", "variables": CLAIM},
        headers={"authorization": f"Bearer {token}"},
    )
    assert started.status_code == 201, started.text

    page.goto(link)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.get_by_role("link", name="Claim", exact=True).click()
    badge = page.locator('[data-container-id="review"] .count')
    expect(badge).to_have_text("1")
    expect(page.locator(".bjs-powered-by")).to_be_visible()

    page.get_by_role("link", name="Tasks").click()
    page.get_by_role("link", name="Review claim").click()
    page.get_by_role("button", name="Take this task").click()
    page.get_by_label("approved").check()
    page.get_by_role("button", name="Complete").click()

    expect(page.get_by_role("heading", name="C-2026-00001")).to_be_visible()
    expect(page.locator(".why .annotation").first).not_to_be_empty()
    expect(page.locator(".why", has_text="rule-motor-collision").first).to_be_visible()
    expect(page.locator("#map[data-drawn=path]")).to_be_visible()
    for _ in range(20):
        if page.locator("h1 .chip").inner_text() == "completed":
            break
        page.reload()
    expect(page.locator("h1 .chip")).to_have_text("completed")
    assert page.locator(".djs-element.passed").count() > 5
    assert page.complaints == []


@pytest.mark.timeout(120)
def test_everything_that_can_be_used_has_a_name(server, page):
    """Each input has a label, each button and link a text, each page one main heading."""
    _, _, link = server
    page.goto(link)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")

    for path in ("/", "/processes/claim", "/instances", "/tasks"):
        page.goto(link.split("/login")[0] + path)
        unnamed = page.eval_on_selector_all(
            "input:not([type=hidden]), select",
            "all => all.filter(one => !one.labels || !one.labels.length).map(one => one.name)",
        )
        silent = page.eval_on_selector_all(
            "main a, main button, header a, header button",
            "all => all.filter(one => !one.title && "
            "!one.innerText.trim()).map(one => one.outerHTML)",
        )
        assert (unnamed, silent) == ([], [])
        assert page.locator("h1").count() == 1
        assert page.locator("html[lang=en]").count() == 1


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_map_is_as_light_or_dark_as_the_page(server, page, scheme):
    """The canvas, the shapes on it and the mark of bpmn.io, which stays visible."""
    _, _, link = server
    page.emulate_media(color_scheme=scheme)
    page.goto(link)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Claim", exact=True).click()
    expect(page.locator("#map[data-drawn=counts]")).to_be_visible()

    ground = page.evaluate("getComputedStyle(document.getElementById('map')).backgroundColor")
    shapes = page.evaluate(
        "getComputedStyle(document.querySelector('#map .djs-container > svg')).filter"
    )
    shade = sum(int(part) for part in re.findall(r"\d+", ground)[:3]) / 3
    assert (shade > 230) if scheme == "light" else (shade < 40)
    assert ("invert" in shapes) is (scheme == "dark")
    expect(page.locator(".bjs-powered-by")).to_be_visible()
    assert page.complaints == []
