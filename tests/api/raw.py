"""Requests as no well-behaved client sends them: the path and the headers go as they are."""

from __future__ import annotations

import asyncio
import json
from typing import NamedTuple


class Answer(NamedTuple):
    """What came back: the status, the headers and the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self):
        """Return the code of the problem, or nothing."""
        if self.headers.get("content-type") != "application/problem+json":
            return None
        return json.loads(self.body)["code"]


async def call(app, method, target, headers=(), parts=(b"",)):
    """Return what an application answers to a request of raw parts; the client stays."""
    path, _, query = target.partition(b"?")
    coming = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    coming[-1]["more_body"] = False
    return await converse(app, method, path, query, list(headers), iter(coming))


async def converse(app, method, path, query, headers, coming):
    """Return what an application answers to messages of a server; after them the client waits."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "headers": headers,
    }
    sent = []

    async def receive():
        for message in coming:
            return message
        return await asyncio.get_running_loop().create_future()

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    if not sent:
        return None
    found = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], found, body)


def headers_of(token="", host="127.0.0.1", **more):
    """Return raw headers; names have hyphens for underscores."""
    named = [("host", host)]
    if token:
        named.append(("authorization", f"Bearer {token}"))
    named += [(name.replace("_", "-"), value) for name, value in more.items()]
    return [(name.encode(), value.encode("latin-1")) for name, value in named]
