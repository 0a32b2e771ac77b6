"""Pages asked without a socket, by the server of the API tests."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.api.conftest import api

__all__ = ["api"]

CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')


class Browser:
    """A browser without JavaScript: it keeps cookies and sends forms."""

    def __init__(self, api):
        """Begin without a session."""
        self.api = api
        self.cookies = {}
        self.csrf = ""

    def send(self, method, path, data=None, headers=None):
        """Return the response to one request, its cookie kept."""

        async def go():
            transport = httpx.ASGITransport(self.api.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1", cookies=self.cookies
            ) as client:
                return await client.request(method, path, data=data, headers=headers)

        answer = self.api.runner.run(go())
        self.cookies |= dict(answer.cookies)
        found = CSRF.search(answer.text)
        if found:
            self.csrf = found[1]
        return answer

    def get(self, path):
        """Return a page."""
        return self.send("GET", path)

    def submit(self, path, **fields):
        """Send a form of a page that was loaded."""
        return self.send("POST", path, {"csrf": self.csrf, **fields})

    def log_in(self):
        """Use a one-time link."""
        code = self.api.service.links.issue(self.api.service.node.now())
        assert self.send("POST", "/login", {"code": code, "next": "/tasks"}).status_code == 303
        self.get("/")
        return self


@pytest.fixture
def browser(api):
    """Give a browser that is not logged in."""
    return Browser(api)
