"""The stream of events: nothing is lost between two connections, and nobody waits for the slow."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from tenuto.assembly import serving
from tests.api.conftest import ONE_TASK, Api
from tests.api.raw import headers_of
from tests.spec.models import end, flows, model, start

STARTED, COMPLETED = "io.tenuto.instance.started", "io.tenuto.instance.completed"
PLAIN = model(start() + end() + flows("start>end"))


class Listener:
    """A client of the stream: what came, and how it goes away."""

    def __init__(self, api, *, query="", token=None, last=None, takes=True):
        self.status = 0
        self.events = []
        self.ids = []
        self.comments = 0
        self.last = last
        self._came = asyncio.Event()
        self._gone = asyncio.Event()
        self._takes = takes
        more = {} if last is None else {"last_event_id": last}
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/api/v1/events/stream",
            "raw_path": b"/api/v1/events/stream",
            "query_string": query.encode(),
            "headers": headers_of(api.token if token is None else token, **more),
        }
        self.body = b""
        self.task = asyncio.create_task(api.app(scope, self._receive, self._send))

    async def _receive(self):
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = dict(message["headers"])
        elif not self._takes:
            await asyncio.get_running_loop().create_future()
        else:
            self.body += message.get("body", b"")
            *blocks, self.body = self.body.split(b"\n\n")
            for block in blocks:
                self._read(block.decode())
        self._came.set()

    def _read(self, block):
        fields = [line.partition(": ") for line in block.splitlines()]
        self.comments += sum(1 for name, _, _ in fields if not name)
        found = {name: value for name, _, value in fields}
        self.last = found.get("id", self.last)
        if "data" in found:
            told = json.loads(found["data"])
            assert found["event"] == told["type"]
            self.events.append(told)
            self.ids.append(self.last)

    async def until(self, condition):
        """Wait until a condition of this client holds."""
        async with asyncio.timeout(5):
            while not condition(self):
                self._came.clear()
                await self._came.wait()
        return self

    async def leave(self):
        """Disconnect, and wait until the server has noticed."""
        self._gone.set()
        async with asyncio.timeout(5):
            await self.task


async def listening(api, **more):
    """Return a client that is being told what happens."""
    return await Listener(api, **more).until(lambda one: one.last or one.status not in {0, 200})


async def begin(api, count=1, process="p"):
    """Start instances; return their keys."""
    return [
        (await api.ask("POST", "instances", json={"process": process})).json()["instance"]
        for _ in range(count)
    ]


def subjects(client, kind=STARTED):
    """Return the instances that a client was told of."""
    return [told["subject"] for told in client.events if told["type"] == kind]


@pytest.fixture
def plain(api):
    """Give a server with a process that ends at once."""
    api.deploy(PLAIN)
    return api


def test_a_client_is_told_what_happens_from_now_on(plain):
    """Events are CloudEvents, in order; what was before is not told."""

    async def scenario():
        await begin(plain)
        client = await listening(plain)
        keys = await begin(plain, 3)
        await client.until(lambda one: len(one.events) == 6)
        await client.leave()
        return keys, client

    keys, client = plain.runner.run(scenario())
    assert client.headers[b"content-type"] == b"text/event-stream"
    assert client.headers[b"cache-control"] == b"no-store"
    assert [told["type"] for told in client.events] == [STARTED, COMPLETED] * 3
    assert subjects(client) == keys
    assert client.events[0]["data"]["process"] == "p"
    assert plain.service.stream.count == 0


def test_a_client_that_comes_back_has_missed_nothing(plain):
    """After each event the connection breaks; the next goes on exactly after it."""

    async def scenario():
        client = await listening(plain)
        last, told = client.last, []
        await client.leave()
        keys = await begin(plain, 3)
        for _ in range(6):
            one = await Listener(plain, last=last).until(lambda one: one.events)
            told.append(one.events[0])
            # What came with it in one packet is given up, as if the connection had broken there.
            last = one.ids[0]
            await one.leave()
        return keys, told

    keys, told = plain.runner.run(scenario())
    assert [one["type"] for one in told] == [STARTED, COMPLETED] * 3
    assert [one["subject"] for one in told[::2]] == keys
    assert len({one["id"] for one in told}) == 6


def test_a_place_is_good_in_the_next_life_of_the_server(tmp_path):
    """The id of an event leads on after a restart, and costs no more after many."""

    async def first(api):
        client = await listening(api)
        [key] = await begin(api)
        await client.until(lambda one: len(one.events) == 2)
        await client.leave()
        await begin(api)
        return client.last, key

    async def later(api, last):
        client = await Listener(api, last=last).until(lambda one: len(one.events) >= 2)
        [key] = await begin(api)
        await client.until(lambda one: subjects(one)[-1:] == [key])
        await client.until(lambda one: one.events[-1]["type"] == COMPLETED)
        await client.leave()
        await begin(api)
        return client

    with asyncio.Runner() as runner:
        with serving(tmp_path / "t.db") as at:
            api = Api(at, runner)
            api.deploy(PLAIN)
            last, _ = runner.run(first(api))
        for _ in range(5):
            with serving(tmp_path / "t.db") as at:
                client = runner.run(later(Api(at, runner), last))
                assert len(client.events) == 4
                assert len(client.last) <= len(last) + 16
                last = client.last


def test_events_are_filtered_by_type_and_process(plain):
    """A client is told of what it wants alone."""

    async def scenario():
        query = f"type={COMPLETED}&process=q&process=r"
        client = await listening(plain, query=query)
        await begin(plain, 2)
        [key] = await begin(plain, 1, "q")
        await client.until(lambda one: one.events)
        await client.leave()
        return key, client

    plain.deploy(model(start() + end() + flows("start>end"), process="q"))
    key, client = plain.runner.run(scenario())
    assert [(told["type"], told["subject"]) for told in client.events] == [(COMPLETED, key)]


def test_a_client_that_catches_up_meets_the_others_without_a_gap(plain, monkeypatch):
    """While instances start, one client reads what it missed page by page, then goes on live."""
    monkeypatch.setattr("tenuto.api.stream.PAGE_TURNS", 3)

    async def scenario():
        live = await listening(plain)
        begun = live.last
        keys = await begin(plain, 10)
        late = Listener(plain, last=begun)
        keys += await begin(plain, 20)
        for client in (live, late):
            await client.until(lambda one: len(one.events) >= 60)
            await client.leave()
        return keys, live, late

    keys, live, late = plain.runner.run(scenario())
    assert subjects(live) == keys
    assert subjects(late) == keys
    assert late.events == live.events


def test_a_client_that_takes_nothing_is_ended(plain, monkeypatch):
    """Its queue is bounded and its connection ends; the others are told all."""
    monkeypatch.setattr("tenuto.api.stream.QUEUE_MAX", 4)
    monkeypatch.setattr("tenuto.api.app.SEND_SECONDS_MAX", 0.2)

    async def scenario():
        stuck = Listener(plain, takes=False)
        await stuck.until(lambda one: one.status)
        well = await listening(plain)
        keys = []
        for count in range(1, 11):
            keys += await begin(plain)
            await well.until(lambda one, count=count: len(subjects(one)) == count)
        async with asyncio.timeout(5):
            await stuck.task
        await well.leave()
        return subjects(well) == keys, plain.service.stream.count

    assert plain.runner.run(scenario()) == (True, 0)


def test_a_queue_that_is_full_ends_its_client(plain, monkeypatch):
    """More events than fit come in one commit: the client is ended, to come back."""
    monkeypatch.setattr("tenuto.api.stream.QUEUE_MAX", 1)

    async def scenario():
        client = await listening(plain)
        await begin(plain)
        async with asyncio.timeout(5):
            await client.task
        again = await Listener(plain, last=client.last).until(lambda one: len(one.events) == 2)
        await again.leave()
        return again

    assert len(plain.runner.run(scenario()).events) == 2


def test_a_silent_stream_says_that_it_lives_and_where_it_is(plain, monkeypatch):
    """A comment keeps proxies awake; the id with it leads past what was not wanted."""
    monkeypatch.setattr("tenuto.api.stream.HEARTBEAT_SECONDS", 0.01)

    async def scenario():
        client = await listening(plain, query=f"type={COMPLETED}&process=nobody")
        await begin(plain, 3)
        head = plain.service.node.corridor.head
        places = plain.service.stream._places
        await client.until(lambda one: places.read(one.last).cursor[head.log] == head.seq)
        await client.until(lambda one: one.comments > 3)
        await client.leave()
        return client.events

    assert plain.runner.run(scenario()) == []


def test_a_token_that_is_revoked_is_told_nothing_more(plain, monkeypatch):
    """The stream ends with the right to it."""
    monkeypatch.setattr("tenuto.api.stream.HEARTBEAT_SECONDS", 0.05)
    token = plain.issue("operator")

    async def scenario():
        client = await listening(plain, token=token)
        await plain.ask("DELETE", f"tokens/{token.split('_')[1]}")
        async with asyncio.timeout(5):
            await client.task
        return client.status

    assert plain.runner.run(scenario()) == 200


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"last": "x"}, 400),
        ({"last": ""}, 400),
        ({"query": "type=nonsense"}, 400),
        ({"query": "process="}, 400),
        ({"query": "since=1"}, 400),
        ({"token": ""}, 401),
    ],
)
def test_what_cannot_be_streamed_is_refused(plain, more, status):
    """Before anything is sent, with a problem."""

    async def scenario():
        client = Listener(plain, **more)
        async with asyncio.timeout(5):
            await client.task
        return client

    client = plain.runner.run(scenario())
    assert client.status == status
    assert json.loads(client.body)["status"] == status


def test_a_cursor_of_a_list_is_no_place_in_the_feed(plain):
    """What was sealed for another purpose does not open here."""
    plain.start()
    plain.start()
    cursor = plain.get("instances", params={"limit": 1}).json()["next"]

    answer = plain.get("events/stream", headers={"last-event-id": cursor})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-cursor")


def test_streams_have_a_number_that_is_enough(plain, monkeypatch):
    """One above is refused, and may come when another has gone."""
    monkeypatch.setattr("tenuto.api.stream.CLIENTS_MAX", 1)

    async def scenario():
        first = await listening(plain)
        second = await listening(plain)
        await first.leave()
        third = await listening(plain)
        await third.leave()
        return [one.status for one in (first, second, third)]

    assert plain.runner.run(scenario()) == [200, 429, 200]


def test_a_reader_that_fails_ends_its_clients_and_begins_again(plain, monkeypatch):
    """Whoever comes back is told what it missed."""
    from tenuto.errors import StoreError
    from tenuto.events.lifecycle import LifeCycle

    def broken(*_):
        raise StoreError("the disk is away")

    async def scenario():
        client = await listening(plain)
        with monkeypatch.context() as failing:
            failing.setattr(LifeCycle, "page", broken)
            await begin(plain)
            async with asyncio.timeout(5):
                await client.task
        again = await Listener(plain, last=client.last).until(lambda one: len(one.events) == 2)
        await again.leave()
        return client.events

    assert plain.runner.run(scenario()) == []


def test_a_server_that_stops_ends_streams_and_polls_at_once(api):
    """Whoever waits is let go, and jobs that nobody took stay ready."""
    api.deploy(ONE_TASK)

    async def scenario():
        client = await listening(api)
        asked = {"types": ["work"], "wait": 60}
        poll = asyncio.create_task(api.ask("POST", "jobs/activate", json=asked))
        run = asyncio.create_task(api.ask("POST", "instances", json={"process": "p", "wait": True}))
        await client.until(lambda one: one.events)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.shield(poll)
        api.service.begin_to_stop()
        async with asyncio.timeout(5):
            await client.task
            return await run, await poll

    run, poll = api.runner.run(scenario())
    assert (run.status_code, run.json()["code"]) == (503, "stopping")
    assert poll.status_code in {200, 503}
