"""A real server and clients of it, in this process and over the wire."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import pytest

import tenuto
from tests.serving import Server
from tests.spec.models import end, flows, model, start, task, user

TASK = model(start() + user("ask") + end() + flows("start>ask", "ask>end"), process="asked")
JOB = model(start() + task("w") + end() + flows("start>w", "w>end"), process="worked")
AT_ONCE = model(start() + end() + flows("start>end"), process="quick")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Give a server with three processes: `asked`, `worked` and `quick`."""
    with Server(tmp_path_factory.mktemp("served")) as at:
        with tenuto.connect(at.url, at.token) as client:
            client.deploy_sources(
                [(f"{n}.bpmn", "bpmn", one) for n, one in enumerate((TASK, JOB, AT_ONCE))]
            )
        yield at


@pytest.fixture
def client(server):
    """Give a blocking client with every permission."""
    with tenuto.connect(server.url, server.token, patience_seconds=10) as one:
        yield one


@pytest.fixture
def remote(server):
    """Give a way to ask with the awaited client: a function of it is run to its end."""

    def ask(question):
        async def whole():
            async with tenuto.RemoteClient(server.url, server.token) as one:
                return await question(one)

        return asyncio.run(whole())

    return ask


class Wire:
    """A wire to a server that loses what it is told to: answers after the request was carried
    out.
    """

    def __init__(self, port):
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.lost = 0
        self.to_lose = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self):
        """Return where a client finds the server through this wire."""
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        """Accept nobody any more."""
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near):
        far = socket.create_connection(("127.0.0.1", self._target))
        threading.Thread(target=self._forward, args=(near, far), daemon=True).start()
        with near, far, contextlib.suppress(OSError):
            while data := far.recv(65536):
                if self.to_lose:
                    self.to_lose -= 1
                    self.lost += 1
                    near.shutdown(socket.SHUT_RDWR)
                    return
                near.sendall(data)

    def _forward(self, near, far):
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)


@pytest.fixture
def wire(server):
    """Give a wire to the server that can lose answers."""
    one = Wire(server.port)
    yield one
    one.close()
