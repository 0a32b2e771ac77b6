"""A server, and workers with their own tokens, each a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.serving import Server, environment
from tests.worker.asking import Asked


@pytest.fixture
def server(request, tmp_path):
    """Serve a database without a handler, beside the `APP` of the tests' module."""
    (tmp_path / "app.py").write_text(request.module.APP)
    with Server(tmp_path) as made:
        yield made


@pytest.fixture
def ask(server):
    """Ask the server."""
    made = Asked(server)
    yield made
    made.http.close()


@pytest.fixture
def work(server, ask, tmp_path):
    """Begin workers with a token of their own; end those that live at the end."""
    begun = []

    def begin(*more, roles=("worker", "developer"), job_types=()):
        asked = {"name": "worker", "roles": list(roles), "job_types": list(job_types)}
        token = ask("POST", "tokens", asked)["token"]
        arguments = [sys.executable, "-m", "tenuto", "worker", "app", "--url", server.url, *more]
        made = subprocess.Popen(
            arguments,
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            env=environment(tmp_path, TENUTO_TOKEN=token),
        )
        begun.append(made)
        assert b"works" in made.stderr.readline()
        return made

    yield begin
    for one in begun:
        if one.poll() is None:
            one.kill()
        one.wait()
        one.stderr.close()
