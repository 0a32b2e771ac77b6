"""Webhooks: URLs that are told what happens, in order, signed, until they say that they are gone.

The journal is the outbox. A sender follows the feed from the cursor that was persisted last and
advances it after a receiver took what was sent; after a crash a receiver may get a few events
again, with the same ids. Signatures are those of Standard Webhooks 1.0.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import httpx
import msgspec
import structlog

from tenuto.engine import commands as c
from tenuto.engine.registry import REGISTRY
from tenuto.engine.settings import ACTIVE, Webhook
from tenuto.errors import StoreError
from tenuto.events.lifecycle import Cursor, LifeCycle, Page, Told, decode_cursor, encode_cursor
from tenuto.events.outgoing import AddressRefused, guarded_client
from tenuto.keys import Kind, named_key
from tenuto.runtime.clock import seconds
from tenuto.runtime.jitter import draw_jitter
from tenuto.runtime.requests import Request

if TYPE_CHECKING:
    from tenuto.client.client import Client
    from tenuto.governance.master import MasterKey
    from tenuto.runtime.node import Node

log = structlog.get_logger("tenuto.webhooks")

PAGE_TURNS: Final = 256
IDLE_SECONDS: Final = 0.5
ADVANCE_SECONDS: Final = 1.0
BACK_OFF_FIRST: Final = 1.0
BACK_OFF_MAX: Final = 3_600.0
GIVE_UP_SECONDS: Final = 86_400.0
RETRY_AFTER_MAX: Final = 3_600.0
GONE: Final = 410


def signing_secret(master: MasterKey, id: str) -> str:
    """Return what a webhook's receiver verifies signatures with: `whsec_` and base64."""
    return "whsec_" + base64.b64encode(master.derive("webhook", id)).decode()


def sign(master: MasterKey, webhook: str, message: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message: version and base64 of HMAC-SHA256."""
    signed = f"{message}.{timestamp}.".encode() + body
    digest = hmac.new(master.derive("webhook", webhook), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


class Sender:
    """Tells all webhooks of a node; each at its own pace."""

    def __init__(
        self,
        node: Node,
        client: Client,
        master: MasterKey,
        *,
        open_client: Callable[[bool], httpx.AsyncClient] | None = None,
        first_back_off: float = BACK_OFF_FIRST,
    ) -> None:
        """Send from `node`; `run` does it."""
        self._node = node
        self._client = client
        self._master = master
        self._open = open_client or (lambda private: guarded_client(allow_private=private))
        self._first_back_off = first_back_off
        self._life = LifeCycle(client.read)
        self._readers = ThreadPoolExecutor(1, thread_name_prefix="tenuto-webhooks")

    async def run(self) -> None:
        """Send until cancelled."""
        tasks: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                active = {
                    id: webhook
                    for id, webhook in self._node.world.webhooks.items()
                    if webhook.status == ACTIVE
                }
                for id in [id for id in tasks if id not in active]:
                    tasks.pop(id).cancel()
                for id, webhook in active.items():
                    if id not in tasks or tasks[id].done():
                        tasks[id] = asyncio.create_task(self._follow(webhook))
                await asyncio.sleep(IDLE_SECONDS)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
            self._readers.shutdown(wait=False)

    async def _follow(self, webhook: Webhook) -> None:
        """Tell one webhook until it is gone."""
        try:
            async with self._open(webhook.allow_private) as http:
                await _Follower(self, webhook, http).run()
        except StoreError as error:
            log.warning("webhook waits", webhook=webhook.id, reason=str(error))

    async def read(self, webhook: Webhook, cursor: Cursor | None) -> Page:
        """Return a page of what a webhook wants, from where it was told last or a cursor."""

        def ask() -> Page:
            read = self._client.read
            begin = cursor
            if begin is None:
                begin = decode_cursor(read.webhook_cursor(webhook.id) or webhook.cursor)
            wanted = (lambda name: name in webhook.types) if webhook.types else bool
            page = self._life.page(begin, PAGE_TURNS, wanted)
            if not webhook.processes:
                return page
            told = [one for one in page.told if one.process in webhook.processes]
            return page._replace(told=told)

        return await asyncio.get_running_loop().run_in_executor(self._readers, ask)

    async def advance(self, webhook: Webhook, cursor: Cursor) -> None:
        """Keep how far a webhook has been told."""
        command = c.AdvanceWebhook(webhook.id, encode_cursor(cursor))
        receiver = named_key(Kind.WEBHOOK, webhook.id)
        await self._client.ask_all([Request(receiver, command)])

    async def end(self, webhook: Webhook, reason: str) -> None:
        """Tell a webhook no more."""
        log.warning("webhook ended", webhook=webhook.id, reason=reason)
        await self._client.ask_all([Request(REGISTRY, c.EndWebhook(webhook.id, reason))])

    async def send(self, webhook: Webhook, http: httpx.AsyncClient, told: Told) -> float | None:
        """Send one event; return nothing when it was taken, else in how many seconds to try again
        (0: by the back-off). Raises `Gone` when the receiver is.
        """
        body = msgspec.json.encode(told.cloud_event())
        timestamp = self._node.now() // 1000
        headers = {
            "content-type": "application/cloudevents+json",
            "user-agent": "tenuto",
            "webhook-id": told.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self._master, webhook.id, told.id, timestamp, body),
        }
        if self._client.traces is not None:
            headers["traceparent"] = self._client.traces.traceparent(int(told.instance))
        try:
            async with http.stream("POST", webhook.url, content=body, headers=headers) as answer:
                if answer.status_code == GONE:
                    raise Gone("the receiver answered 410 Gone")
                if answer.is_success:
                    return None
                return _retry_after(answer)
        except AddressRefused as error:
            log.warning("webhook refused", webhook=webhook.id, reason=str(error))
        except (httpx.HTTPError, OSError) as error:
            log.info("webhook failed", webhook=webhook.id, reason=repr(error))
        return 0.0

    @property
    def first_back_off(self) -> float:
        """Return the seconds before the second attempt."""
        return self._first_back_off


class Gone(Exception):  # a fact: the receiver wants no more
    """A receiver wants to be told no more."""


class _Follower:
    """One webhook: its place in the feed and its back-off."""

    def __init__(self, sender: Sender, webhook: Webhook, http: httpx.AsyncClient) -> None:
        self._sender = sender
        self._webhook = webhook
        self._http = http

    async def run(self) -> None:
        cursor: Cursor | None = None
        unkept, kept_at = 0, seconds()
        try:
            while True:
                page = await self._sender.read(self._webhook, cursor)
                for one in page.told:
                    await self._deliver(one)
                cursor = page.after
                unkept += page.of_instances
                # What was told is kept at once, what told nothing now and then. The turns that keep
                # it are read too; they are nothing to keep.
                if page.told or (unkept and seconds() - kept_at >= ADVANCE_SECONDS):
                    await self._sender.advance(self._webhook, cursor)
                    unkept, kept_at = 0, seconds()
                if not page.turns:
                    await asyncio.sleep(IDLE_SECONDS)
        except Gone as gone:
            await self._sender.end(self._webhook, str(gone))

    async def _deliver(self, told: Told) -> None:
        """Send one event until it is taken."""
        began = seconds()
        back_off = self._sender.first_back_off
        while True:
            wait = await self._sender.send(self._webhook, self._http, told)
            if wait is None:
                return
            if seconds() - began > GIVE_UP_SECONDS:
                raise Gone("the receiver took nothing for a day")
            await asyncio.sleep(wait or back_off * (0.5 + draw_jitter()))
            back_off = min(back_off * 2, BACK_OFF_MAX)


def _retry_after(answer: httpx.Response) -> float:
    """Return the seconds that a receiver asks to be left alone, 0 when it does not say."""
    if answer.status_code not in {429, 503}:
        return 0.0
    text = answer.headers.get("retry-after", "")
    return min(float(text), RETRY_AFTER_MAX) if text.isdigit() else 0.0
