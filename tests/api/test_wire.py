"""The socket: clients that are slow, endless, confused or gone cost the server nothing for long."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from tenuto.assembly import serving
from tests.api.conftest import ONE_TASK

HEADERS = [f"x-{number}: {'y' * 1000}\r\n".encode() for number in range(50_000)]


class Wire:
    """A server on a port of this machine."""

    def __init__(self, at):
        self.at = at
        self.port = at.socket.getsockname()[1]
        self.token = at.service.local_token()

    def connect(self):
        """Return a connection whose reads end after five seconds."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def head(self, method, path, **headers):
        """Return the head of a request."""
        named = {"host": f"127.0.0.1:{self.port}", "authorization": f"Bearer {self.token}"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {v}" for name, v in named.items())]
        return "\r\n".join([*lines, "", ""]).encode()

    def ask(self, method, path, body=None):
        """Return status and data of one request on a connection of its own."""
        sent = json.dumps({} if body is None else body).encode()
        length = {"content_length": str(len(sent)), "content_type": "application/json"}
        with self.connect() as one:
            one.sendall(self.head(method, path, connection="close", **length) + sent)
            head, _, data = read_all(one).partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(data or b"null")


def send_until_cut(connection, parts):
    """Send until the server closes; tell how many parts went."""
    sent = 0
    try:
        for part in parts:
            connection.sendall(part)
            sent += 1
    except (BrokenPipeError, ConnectionResetError):
        return sent
    raise AssertionError(f"expected the server to close, but it took {sent} parts")


def read_all(connection):
    """Return what comes until the server closes."""
    parts = []
    while True:
        try:
            part = connection.recv(65_536)
        except ConnectionResetError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


@pytest.fixture
def wire(tmp_path):
    """Give a server at work with a process `p` that has one job."""
    with serving(tmp_path / "t.db") as at:
        thread = threading.Thread(target=at.server.run, args=([at.socket],))
        thread.start()
        try:
            one = Wire(at)
            source = {"name": "p.bpmn", "source": ONE_TASK.decode()}
            status, _ = one.ask("POST", "/api/v1/deployments", {"resources": [source]})
            assert status == 201
            yield one
        finally:
            at.server.should_exit = True
            thread.join(15)
            assert not thread.is_alive()


BEGUN = (
    b"",
    b"G",
    b"GET /api/v1/health/live HTTP/1.1\r\nHost: ",
    b"\r\n",
    b"POST /api/v1/instances HTTP/1.1\r\nHost: 127.0.0.1\r\nX: y\r\n",
)


def test_a_client_that_does_not_end_its_headers_is_let_go(wire, monkeypatch):
    """Whatever it has sent, after the time for headers the connection is closed."""
    monkeypatch.setattr("tenuto.api.server.HEADER_SECONDS_MAX", 0.05)

    for begun in BEGUN:
        with wire.connect() as one:
            one.sendall(begun)
            assert read_all(one) == b"", begun

    assert wire.ask("GET", "/api/v1/health/ready")[0] == 200


def test_a_second_request_on_a_connection_is_hurried_too(wire, monkeypatch):
    """The time begins again with each request."""
    monkeypatch.setattr("tenuto.api.server.HEADER_SECONDS_MAX", 0.05)

    with wire.connect() as one:
        one.sendall(wire.head("GET", "/api/v1/health/live"))
        assert one.recv(65_536).startswith(b"HTTP/1.1 200")
        one.sendall(b"GET /api/v1/he")
        assert read_all(one) == b""


def test_headers_without_end_are_cut(wire):
    """64 KiB of headers are enough; the rest is not read."""
    with wire.connect() as one:
        one.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n")
        send_until_cut(one, HEADERS)

    assert wire.ask("GET", "/api/v1/health/ready")[0] == 200


def test_headers_without_end_behind_a_request_at_work_are_cut(wire):
    """A client that waits for jobs cannot send for ever meanwhile."""
    asked = json.dumps({"types": ["work"], "wait": 60}).encode()
    head = wire.head(
        "POST",
        "/api/v1/jobs/activate",
        content_type="application/json",
        content_length=str(len(asked)),
    )
    with wire.connect() as one:
        one.sendall(head + asked + b"GET / HTTP/1.1\r\n")
        send_until_cut(one, HEADERS)

    wire.ask("POST", "/api/v1/instances", {"process": "p"})
    status, leased = wire.ask("POST", "/api/v1/jobs/activate", {"types": ["work"], "wait": 5})
    assert (status, len(leased["jobs"])) == (200, 1)


def test_a_body_without_end_is_cut(wire):
    """A stranger who sends for ever is refused once and the connection is closed."""
    head = (
        b"POST /api/v1/instances HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n"
        b"content-type: application/json\r\n\r\n"
    )
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    with wire.connect() as one:
        one.sendall(head)
        send_until_cut(one, [chunk] * 10_000)

    assert wire.ask("GET", "/api/v1/health/ready")[0] == 200


NO_HTTP = (
    b"GET / HTTP/1.1\r\nhost : 127.0.0.1\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 5\r\n"
    b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcde",
    b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n"
    b"\r\nffffffffffffffff1\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)


def test_what_is_no_http_is_refused_and_closed(wire):
    """Two readings of one request are none: lengths that disagree are refused."""
    for request in NO_HTTP:
        with wire.connect() as one:
            one.sendall(request)
            one.shutdown(socket.SHUT_WR)
            answer = read_all(one)
        assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505")), answer

    assert wire.ask("GET", "/api/v1/health/ready")[0] == 200


def test_jobs_of_a_client_that_has_gone_go_to_the_next(wire):
    """A worker that is killed while it waits takes no job with it."""
    asked = json.dumps({"types": ["work"], "wait": 60, "lease": 3600}).encode()
    head = wire.head(
        "POST",
        "/api/v1/jobs/activate",
        content_type="application/json",
        content_length=str(len(asked)),
    )
    for _ in range(3):
        with wire.connect() as one:
            one.sendall(head + asked)
            wire.ask("GET", "/api/v1/health/live")

    wire.ask("POST", "/api/v1/instances", {"process": "p"})
    status, leased = wire.ask("POST", "/api/v1/jobs/activate", {"types": ["work"], "wait": 5})
    assert (status, len(leased["jobs"])) == (200, 1)


def test_two_requests_in_one_packet_are_answered_in_order(wire):
    """Pipelining works, and the second is not lost."""
    with wire.connect() as one:
        one.sendall(
            wire.head("GET", "/api/v1/health/live")
            + wire.head("GET", "/api/v1/processes", connection="close")
        )
        answer = read_all(one)

    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.index(b'"status"') < answer.index(b'"items"')
