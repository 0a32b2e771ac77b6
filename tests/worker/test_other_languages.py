"""The protocol is enough: workers in bash and TypeScript perform jobs of a real server."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.serving import Server, environment
from tests.spec.models import end, flows, model, start, task
from tests.worker.asking import Asked, until
from tidy.sources import ROOT

WORKERS = ROOT / "examples" / "workers"
LINES_MAX = 40
GREET = model(start() + task("w", "greet") + end() + flows("start>w", "w>end"), process="greet")


@pytest.fixture
def server(tmp_path):
    """Serve the process that greets."""
    (tmp_path / "greet.bpmn").write_bytes(GREET)
    with Server(tmp_path, models=[tmp_path / "greet.bpmn"]) as made:
        yield made


def bash(tmp_path):
    """Return the command of the worker in bash."""
    return ["bash", str(WORKERS / "worker.sh")]


def typescript(tmp_path):
    """Compile the worker in TypeScript; return its command."""
    assert (WORKERS / "node_modules" / ".bin" / "tsc").exists(), "run `bash scripts/typescript`"
    (tmp_path / "package.json").write_text('{"type": "module"}')
    build = ["npm", "run", "--silent", "build", "--", "--outDir", str(tmp_path)]
    subprocess.run(build, cwd=WORKERS, check=True, capture_output=True)
    node = shutil.which("node")
    assert node is not None, "expected node: apt-get install nodejs"
    return [node, str(tmp_path / "worker.js")]


@pytest.mark.timeout(90)
@pytest.mark.parametrize("language", [bash, typescript])
def test_a_worker_in_another_language_performs_jobs(server, tmp_path, language):
    """It completes what it can, fails what it cannot, and needs no more than forty lines."""
    ask = Asked(server)
    token = ask("POST", "tokens", {"name": "other", "roles": ["worker"], "job_types": ["greet"]})
    more = {"TENUTO_URL": server.url, "TENUTO_TOKEN": token["token"]}
    process = subprocess.Popen(
        language(tmp_path),
        env=environment(tmp_path, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        named = [ask.start("greet", name=name) for name in ("Ann", 'Ümit "x"')]
        nobody = ask.start("greet")
        until(lambda: all(ask.status(one) == "completed" for one in named))
        [incident] = until(lambda: ask("GET", f"incidents?instance={nobody}")["items"])
    finally:
        process.kill()
        process.communicate()

    greetings = [ask("GET", f"instances/{one}")["variables"]["greeting"] for one in named]
    ask.http.close()
    assert greetings == ["Hello, Ann", 'Hello, Ümit "x"']
    assert incident["message"] == "expected a name"


def test_the_examples_are_short():
    """The protocol is small enough for forty lines."""
    for name in ("worker.sh", "worker.ts"):
        assert len((WORKERS / name).read_text().splitlines()) <= LINES_MAX
