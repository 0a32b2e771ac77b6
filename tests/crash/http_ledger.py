"""The same through HTTP: a real server is killed while a client of another process feeds it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx

from tenuto.store.crash_points import POINT, TESTING
from tenuto.store.sqlite_reader import SqliteReader
from tests.crash.ledger import Ledger, completed_steps, python_path

MODEL = Path(__file__).with_name("three_steps.bpmn")
IN_FLIGHT = 64
REPEATED = 50
GONE = (httpx.TransportError,)


class HttpLedger(Ledger):
    """Starts are asked over HTTP under idempotency keys; only a 201 is an acknowledgement."""

    def live(self, *, seed: int, point: str | None = None, seconds: float | None = None) -> bool:
        """Serve one life and feed it until it is killed, or until all work has ended."""
        environment = {**os.environ, "PYTHONPATH": python_path(), "PYTHONHASHSEED": str(seed)}
        if point is not None:
            environment |= {POINT: point, TESTING: "1"}
        beside = Path(f"{self.database}.serve.json")
        beside.unlink(missing_ok=True)
        arguments = ["serve", "tests.crash.steps", "--model", str(MODEL), "--port", "0"]
        process = subprocess.Popen(
            [sys.executable, "-m", "tenuto", *arguments, "--db", str(self.database)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=self.database.parent,
        )
        timer = threading.Timer(seconds or 120, process.send_signal, (signal.SIGKILL,))
        timer.start()
        said: list[bytes] = []
        assert process.stdout is not None, "the server's output is a pipe"
        for line in process.stdout:
            said.append(line)
            if line.startswith(b"Tenuto listens"):
                break
        lives = bool(said) and said[-1].startswith(b"Tenuto listens")
        reader = threading.Thread(target=lambda: said.append(process.stdout.read()))
        reader.start()
        ended = lives and asyncio.run(self._feed(json.loads(beside.read_text())))
        if ended:
            process.terminate()
        reader.join()
        _, errors = process.communicate()
        timer.cancel()
        assert process.returncode in (0, -signal.SIGKILL), errors.decode()[-2000:]
        self.take(b"".join(said).decode(errors="replace"))
        if self.database.exists():
            self.done_before = completed_steps(self.database)
        return ended

    async def _feed(self, server: dict[str, str]) -> bool:
        """Start every record that was not acknowledged, and some that were; tell whether the
        server lived to the end of all.
        """
        known = sorted(self.acknowledged)
        repeated = known[:: max(1, len(known) // REPEATED)][:REPEATED]
        wanted = [one for one in range(self.records) if one not in self.acknowledged]
        gate = asyncio.Semaphore(IN_FLIGHT)
        headers = {"authorization": f"Bearer {server['token']}"}
        limits = httpx.Limits(max_connections=IN_FLIGHT)
        async with httpx.AsyncClient(
            base_url=f"{server['url']}/api/v1", headers=headers, limits=limits, timeout=30
        ) as client:

            async def one(record: int) -> None:
                async with gate:
                    answer = await client.post(
                        "/instances",
                        json={"process": "three-steps", "variables": {"record": record}},
                        headers={"idempotency-key": f"record-{record}"},
                    )
                    assert answer.status_code in (201, 503), answer.text
                    if answer.status_code == 201:
                        self.acknowledge(record, answer.json()["instance"])

            results = await asyncio.gather(
                *(one(record) for record in [*repeated, *wanted]), return_exceptions=True
            )
            for result in results:
                if result is not None and not isinstance(result, GONE):
                    raise result
            if any(results) or len(self.acknowledged) < self.records:
                return False
            return await self._drain(client)

    async def _drain(self, client: httpx.AsyncClient) -> bool:
        """Wait until no instance is active; tell whether the server lived to see it."""
        reader = SqliteReader(self.database)
        try:
            while any(status == "active" for _, status in reader.count_instances()):
                await asyncio.sleep(0.02)
                await client.get("/health/live")
        except GONE:
            return False
        finally:
            reader.close()
        return True
