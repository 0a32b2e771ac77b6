"""Asking a server that is a process of its own, as its operator."""

from __future__ import annotations

import httpx

from tenuto.assembly import reading
from tenuto.client.history import read_history


class Asked:
    """Asks a server as its operator."""

    def __init__(self, server):
        """Keep the server; its address and token change with each life."""
        self.server = server
        self.http = httpx.Client(timeout=30)

    def __call__(self, method, path, body=None):
        """Return what a route answers."""
        headers = {"authorization": f"Bearer {self.server.token}"}
        url = f"{self.server.url}/api/v1/{path}"
        answer = self.http.request(method, url, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def start(self, process, **variables):
        """Start an instance; return its key."""
        body = {"process": process, "variables": variables}
        return self("POST", "instances", body)["instance"]

    def status(self, instance):
        """Return the status of an instance."""
        return self("GET", f"instances/{instance}")["status"]


def until(condition):
    """Wait until something holds; the test's own time limit bounds it."""
    found = condition()
    while not found:
        found = condition()
    return found


def is_known(ask, workflow):
    """Tell whether a workflow is deployed."""
    return any(one["id"] == workflow for one in ask("GET", "processes")["items"])


def run(ask, workflow, **variables):
    """Run a workflow to its end; return its result."""
    until(lambda: is_known(ask, workflow))
    ended = ask("POST", "instances", {"process": workflow, "variables": variables, "wait": True})
    assert ended["status"] == "completed", ended
    return ended["variables"]["result"]


def start(ask, workflow, **variables):
    """Start a workflow as soon as it is known."""
    until(lambda: is_known(ask, workflow))
    return ask.start(workflow, **variables)


def result(ask, key):
    """Wait for the end of a workflow; return its result."""
    until(lambda: ask.status(key) == "completed")
    return ask("GET", f"instances/{key}")["variables"]["result"]


def outcomes(folder, key):
    """Return the keys of the outcomes of a workflow, in order."""
    with reading(folder / "served.db") as read:
        return [one.key for one in read_history(read, int(key), 1, 1).outcomes]
