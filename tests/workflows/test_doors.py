"""Workflows over HTTP and from the command line: started, told, forked, ended."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from tests.serving import Server, environment

APP = textwrap.dedent(
    """
    import asyncio
    from tenuto import step, workflow, wf

    @step(retries=1)
    async def work(text: str) -> str:
        if text == "bad":
            raise ValueError(text)
        return text.upper()

    @workflow
    async def talks(a: str) -> list:
        first = await work(a)
        said = await wf.Message("say").receive()
        return [first, said, await work(said["text"])]

    @workflow
    async def sleeps() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await work("cleaned")
    """
)


@pytest.fixture
def server(tmp_path):
    """Serve the workflows of a module."""
    (tmp_path / "app.py").write_text(APP)
    with Server(tmp_path, app="app") as made:
        yield made


def tenuto(server, tmp_path, *arguments):
    """Run a verb against the server; return what it prints."""
    more = {"TENUTO_URL": server.url, "TENUTO_TOKEN": server.token}
    env = {**environment(tmp_path, **more), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-m", "tenuto", *arguments],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def until_ended(server, tmp_path, key):
    """Return what `show` prints when an instance has ended."""
    text = ""
    while ", ended " not in text:
        text = tenuto(server, tmp_path, "show", key)
    return text


@pytest.mark.timeout(120)
def test_a_workflow_is_started_told_and_forked_by_command(server, tmp_path):
    """A dead letter is mended with other input and comes to its end."""
    key = tenuto(server, tmp_path, "start", "talks", "-v", "a=x")
    tenuto(server, tmp_path, "send", key, "say", '{"text": "bad"}')
    dead = until_ended(server, tmp_path, key)
    assert "talks" in dead
    assert "failed" in dead
    assert "work#2" in dead

    again = tenuto(server, tmp_path, "fork", key, "--from", "work#1", "-v", "a=y")
    tenuto(server, tmp_path, "send", again, "say", '{"text": "fine"}')

    assert '["Y",{"text":"fine"},"FINE"]' in until_ended(server, tmp_path, again)


@pytest.mark.timeout(120)
def test_a_workflow_is_canceled_or_ended_at_once_by_command(server, tmp_path):
    """The first cleans up, the second does not."""
    first = tenuto(server, tmp_path, "start", "sleeps")
    second = tenuto(server, tmp_path, "start", "sleeps")
    while "timer#1" not in tenuto(server, tmp_path, "show", second):
        pass
    tenuto(server, tmp_path, "cancel", first)
    tenuto(server, tmp_path, "cancel", second, "--at-once")

    assert "work#2" in until_ended(server, tmp_path, first)
    assert "work" not in until_ended(server, tmp_path, second)
