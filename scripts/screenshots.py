"""Draw the pages of the claims example into docs/images."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
CLAIMS = "examples/claims"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
]


def main() -> None:
    """Feed some claims, serve them, and draw."""
    with tempfile.TemporaryDirectory() as folder:
        database = str(Path(folder) / "claims.db")
        tenuto = [sys.executable, "-m", "tenuto"]
        models = [f"{CLAIMS}/claims.bpmn", f"{CLAIMS}/claims.dmn"]
        feed = [*tenuto, "run", *models, "--app", "examples.claims.handlers", "--limit", "600"]
        rejects = ["--rejects", str(Path(folder) / "rejects")]
        source = ["--input", f"{CLAIMS}/claims.csv", "--db", database]
        subprocess.run([*feed, *source, *rejects], cwd=ROOT, check=False, capture_output=True)
        serve = [*tenuto, "serve", "examples.claims.handlers", "--port", "0", "--db", database]
        process = subprocess.Popen(serve, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None, "the server's output is a pipe"
            link = None
            while link is None:
                link = re.search(r"http\S+code=\S+", process.stdout.readline())
            draw(link[0])
        finally:
            process.terminate()
            process.wait()


def draw(link: str) -> None:
    """Log in and draw each page."""
    base = link.split("/login")[0]
    unpacked = ROOT / ".cache" / "browser" / "chromium"
    executable = shutil.which("chromium") or str(unpacked)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=ARGUMENTS)
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()

        def keep(name: str) -> None:
            page.screenshot(path=IMAGES / f"{name}.png")

        page.goto(link)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{base}/")
        keep("overview")
        page.goto(f"{base}/processes/claim")
        page.wait_for_selector("#map[data-drawn]")
        keep("process")
        page.goto(f"{base}/tasks")
        page.locator("tbody a").first.click()
        page.get_by_role("button", name="Take this task").click()
        keep("task")
        page.locator(".crumbs a").nth(1).click()
        page.wait_for_selector("#map[data-drawn]")
        keep("instance")
        browser.close()


if __name__ == "__main__":
    main()
