"""A server in this process: a node in memory behind the application, asked without a socket."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tenuto.assembly import serving
from tenuto.client import requests as ask
from tenuto.governance.tokens import mint_token
from tests.spec.models import end, flows, model, start, task

ONE_TASK = model(start() + task("w") + end() + flows("start>w", "w>end"))


class Api:
    """Asks a server as a caller with a token; the admin's unless another is given."""

    def __init__(self, at, runner):
        self.at = at
        self.runner = runner
        self.app = at.server.config.app
        self.service = at.service
        self.token = at.service.local_token()

    def request(self, method, path, *, token=None, **more):
        """Return the response to one request."""
        return self.runner.run(self.ask(method, path, token=token, **more))

    async def ask(self, method, path, *, token=None, **more):
        """Return the response to one request."""
        text = self.token if token is None else token
        headers = {"authorization": f"Bearer {text}"} if text else {}
        headers.update(more.pop("headers", {}))
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            url = path if path.startswith("/") else f"/api/v1/{path}"
            return await client.request(method, url, headers=headers, **more)

    def get(self, path, **more):
        """Return the response to a GET."""
        return self.request("GET", path, **more)

    def post(self, path, json=None, **more):
        """Return the response to a POST of JSON."""
        return self.request("POST", path, json={} if json is None else json, **more)

    def patch(self, path, json, **more):
        """Return the response to a PATCH of JSON."""
        return self.request("PATCH", path, json=json, **more)

    def delete(self, path, **more):
        """Return the response to a DELETE."""
        return self.request("DELETE", path, **more)

    def deploy(self, *sources):
        """Deploy BPMN sources through the client of this process."""
        files = [(f"m{n}.bpmn", "bpmn", source) for n, source in enumerate(sources)]
        self.runner.run(self.at.running.client.deploy_sources(files))

    def start(self, process="p", variables=None, **more):
        """Start an instance; return its key."""
        answer = self.post("instances", {"process": process, "variables": variables or {}, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()["instance"]

    def issue(self, *roles, groups=(), job_types=(), name="ann", expires_at=None):
        """Return the text of a new token."""
        minted = mint_token()
        request = ask.TokenRequest(
            minted.id, name, "api", roles, groups, job_types, minted.digest, expires_at
        )
        self.runner.run(self.at.running.client.issue_token(request))
        return minted.text


def code_of(response):
    """Return the status and code of a problem document."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    document = response.json()
    assert document["type"] == f"urn:tenuto:problem:{document['code']}"
    assert document["status"] == response.status_code
    return response.status_code, document["code"]


@pytest.fixture
def api():
    """Give a server on a database in memory."""
    with asyncio.Runner() as runner, serving(":memory:", operator="op") as at:
        yield Api(at, runner)


@pytest.fixture
def worked(api):
    """Give a server that has a process `p` with one job of the type `work`."""
    api.deploy(ONE_TASK)
    return api
