"""Webhooks: told in order, signed, again after a failure, no more after 410."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import threading

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tenuto.assembly import running
from tenuto.engine import commands as c
from tenuto.engine.registry import REGISTRY
from tenuto.errors import InputError
from tenuto.events.lifecycle import cursor_text, encode_cursor, parse_cursor, present
from tenuto.events.outgoing import AddressRefused, GuardedTransport, check_address, check_url
from tenuto.events.webhooks import Sender, signing_secret
from tenuto.governance.master import ephemeral_key
from tenuto.runtime.requests import Request
from tenuto.workflows.tracing import Traces
from tests.spec.models import end, flows, model, start, user

SOURCES = (("r.bpmn", "bpmn", model(start() + user("u") + end() + flows("start>u", "u>end"))),)
INSTANCE = "tenuto.instance"


class Receiver:
    """A real HTTP server that answers what it is told to and keeps what it got."""

    def __init__(self):
        """Listen on a free port."""
        self.got = []
        self.answers = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
                if status < 300:
                    receiver.got.append((dict(self.headers), body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def events(self):
        """Return the events that were taken."""
        return [json.loads(body) for _, body in self.got]

    def close(self):
        """Listen no more."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    """Give a receiver and end it."""
    made = Receiver()
    yield made
    made.close()


async def until(condition):
    """Wait until something holds; the test's own time limit bounds it."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def subscribe(at, url, *, types=(), processes=(), id="w1"):
    """Subscribe a URL from now on."""
    cursor = encode_cursor(present(at.client.read.reader))
    command = c.SubscribeWebhook(id, url, types, processes, True, cursor)
    await at.client.ask_all([Request(REGISTRY, command)])


@contextlib.asynccontextmanager
async def sending(at, master=None):
    """Send while the block runs."""
    sender = Sender(at.node, at.client, master or ephemeral_key(), first_back_off=0.01)
    task = asyncio.create_task(sender.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def play(path, scenario):
    """Run a scenario on a node that has the model."""

    async def whole(at):
        await at.client.deploy_sources(SOURCES)
        return await scenario(at)

    with running(path) as at:
        return asyncio.run(whole(at))


async def one_instance(at):
    """Run one instance from its start to its end."""
    await at.client.start("p", {"n": 1}, business_key="B1")
    [task] = at.client.read.tasks()
    await at.client.claim_task(task.key, "ann")
    await at.client.complete_task(task.key)


def test_what_happens_is_told_in_order(tmp_path, receiver):
    """Start, task and end arrive as CloudEvents, in the order of the journal."""

    async def scenario(at):
        await subscribe(at, receiver.url)
        async with sending(at):
            await one_instance(at)
            await until(lambda: len(receiver.got) >= 5)

    play(tmp_path / "t.db", scenario)

    names = [event["type"].removeprefix("io.tenuto.") for event in receiver.events]
    assert names == [
        "instance.started",
        "task.created",
        "task.claimed",
        "task.completed",
        "instance.completed",
    ]
    created = receiver.events[1]
    assert created["source"] == "/processes/p"
    assert created["data"]["business_key"] == "B1"
    assert created["data"]["element"] == "u"
    assert len({event["id"] for event in receiver.events}) == 5


def test_the_signature_is_that_of_standard_webhooks(tmp_path, receiver):
    """A receiver verifies `id.timestamp.body` with the secret that it was given."""
    master = ephemeral_key()

    async def scenario(at):
        await subscribe(at, receiver.url, types=("io.tenuto.instance.started",))
        async with sending(at, master):
            await at.client.start("p")
            await until(lambda: receiver.got)

    play(tmp_path / "t.db", scenario)

    headers, body = receiver.got[0]
    headers = {name.lower(): value for name, value in headers.items()}
    secret = base64.b64decode(signing_secret(master, "w1").removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert [event["type"] for event in receiver.events] == ["io.tenuto.instance.started"]


def test_a_receiver_goes_on_with_the_trace_of_the_instance(tmp_path, receiver):
    """Where traces are written: below the start, to which the client's own span is linked."""
    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))

    async def scenario(at):
        await subscribe(at, receiver.url)
        await one_instance(at)
        async with sending(at):
            await until(lambda: receiver.got)
        at.client.traces = Traces(provider)
        at.client.traces.describe = lambda _: (None, False)  # called by nobody, and no workflow
        await one_instance(at)
        (start,) = memory.get_finished_spans()
        async with sending(at):
            await until(lambda: receiver.events[-1]["subject"] == start.attributes[INSTANCE])
        return start

    start = play(tmp_path / "t.db", scenario)

    told = [{name.lower(): value for name, value in headers.items()} for headers, _ in receiver.got]
    trace, span = start.context.trace_id, start.context.span_id
    assert "traceparent" not in told[0]
    assert told[-1]["traceparent"] == f"00-{trace:032x}-{span:016x}-01"


def test_a_receiver_that_fails_is_asked_again_and_loses_nothing(tmp_path, receiver):
    """A 500, a redirect and a 429 are no end; the order stays."""
    receiver.answers = [(500, {}), (302, {"location": "/x"}), (429, {"retry-after": "0"})]

    async def scenario(at):
        await subscribe(at, receiver.url)
        async with sending(at):
            await one_instance(at)
            await until(lambda: len(receiver.got) >= 5)

    play(tmp_path / "t.db", scenario)

    assert receiver.events[0]["type"] == "io.tenuto.instance.started"
    assert len(receiver.got) == 5


def test_a_receiver_that_is_gone_is_told_no_more(tmp_path, receiver):
    """410 ends the subscription, durably."""
    receiver.answers = [(410, {})]

    async def scenario(at):
        await subscribe(at, receiver.url)
        async with sending(at):
            await one_instance(at)
            await until(lambda: at.node.world.webhooks["w1"].status == "ended")
        return at.node.world.webhooks["w1"].reason

    assert "410" in play(tmp_path / "t.db", scenario)
    assert receiver.got == []
    with running(tmp_path / "t.db") as at:
        assert at.node.world.webhooks["w1"].status == "ended"


def test_the_next_life_goes_on_where_the_last_one_was(tmp_path, receiver):
    """What was told is not told again after a clean end; what was not, is."""

    async def first(at):
        await subscribe(at, receiver.url)
        async with sending(at):
            await at.client.start("p")
            await until(lambda: at.client.read.webhook_cursor("w1"))
        await at.client.start("p")

    async def second(at):
        async with sending(at):
            await until(lambda: len(receiver.got) >= 4)

    play(tmp_path / "t.db", first)
    play(tmp_path / "t.db", second)

    assert len({event["subject"] for event in receiver.events}) == 2
    assert len({event["id"] for event in receiver.events}) == len(receiver.got) == 4


def test_a_dead_receiver_delays_nobody_else(tmp_path, receiver):
    """Each webhook has a pace of its own."""

    async def scenario(at):
        await subscribe(at, "http://127.0.0.1:9/nobody", id="dead")
        await subscribe(at, receiver.url, id="alive")
        async with sending(at):
            await one_instance(at)
            await until(lambda: len(receiver.got) >= 5)

    play(tmp_path / "t.db", scenario)


def test_an_idle_webhook_commits_nothing(tmp_path, receiver):
    """Keeping how far it was told is nothing to tell or to keep."""

    async def scenario(at):
        await subscribe(at, receiver.url)
        async with sending(at):
            await at.client.start("p")
            await until(lambda: at.client.read.webhook_cursor("w1"))
            before = at.node.corridor.head.seq
            await asyncio.sleep(1.7)
            return at.node.corridor.head.seq - before

    assert play(tmp_path / "t.db", scenario) == 0


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "100.64.0.1",
    ],
)
def test_addresses_that_are_not_public_are_refused(address):
    """Loopback, private, link-local, metadata, multicast, and their disguises."""
    with pytest.raises(AddressRefused):
        check_address(address, allow_private=False)


def test_metadata_addresses_are_refused_even_where_private_ones_are_allowed():
    """What an administrator allows are the addresses of a network, not its keys."""
    check_address("10.0.0.1", allow_private=True)
    with pytest.raises(AddressRefused):
        check_address("169.254.169.254", allow_private=True)


def test_the_connection_goes_to_the_address_that_was_checked():
    """A name is resolved once: what it says the second time does not matter."""
    asked = []

    async def resolve(host, port):
        asked.append(host)
        return ["203.0.113.7"] if len(asked) == 1 else ["127.0.0.1"]

    class Inner(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            assert request.url.host == "203.0.113.7"
            assert request.headers["host"] == "shop.example"
            assert request.extensions["sni_hostname"] == "shop.example"
            return httpx.Response(204)

    async def scenario():
        transport = GuardedTransport(resolve=resolve, inner=Inner())
        async with httpx.AsyncClient(transport=transport) as client:
            await client.post("https://shop.example/hook")
            with pytest.raises(AddressRefused):
                await client.post("https://shop.example/hook")

    with pytest.MonkeyPatch.context() as patch:
        # 203.0.113.0/24 is kept for documentation, so it counts as private.
        patch.setattr("ipaddress.IPv4Address.is_global", property(lambda one: not one.is_loopback))
        asyncio.run(scenario())


@pytest.mark.parametrize(
    "url",
    ["ftp://a.example", "https://", "http://u:p@a.example", "javascript:1", "http://[::1", "//a"],
)
def test_a_url_that_cannot_be_asked_is_refused(url):
    """Only http and https URLs of a host, without credentials."""
    with pytest.raises(InputError):
        check_url(url)


def test_a_cursor_is_a_text_and_back():
    """What is no cursor is refused."""
    assert parse_cursor(cursor_text({7: 9, 1: 2})) == {7: 9, 1: 2}
    with pytest.raises(InputError):
        parse_cursor("nonsense!")
