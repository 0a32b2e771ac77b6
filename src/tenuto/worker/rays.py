"""Steps on a Ray cluster, the extra `tenuto[ray]`.

An attempt is a detached actor that is named by the step's idempotency key and the attempt. Whoever
asks for that name gets the same actor: a node that was killed finds the computation that goes on
without it, and takes its result. Nothing durable is in Ray: the outcome is recorded by the engine,
and only then the actor is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tenuto.errors import InputError
from tenuto.worker.orders import Answer, Call, Order, order_of, value_of
from tenuto.worker.pool_child import perform
from tenuto.workflows.context import StepContext
from tenuto.workflows.failures import StepKilled

NAMESPACE: Final = "tenuto"
LOOK_SECONDS: Final = 5.0
AGAIN_SECONDS: Final = 1.0
UNCLAIMED_SECONDS: Final = 86_400.0


class Computation:
    """The actor: it performs one call, once, and keeps the answer until it is ended."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self._answer: Answer | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def is_here(self) -> bool:
        """Tell that the actor has its place on the cluster."""
        return True

    def begin(self, order: Order) -> bool:
        """Perform a call, unless that has begun; tell whether it begins now."""
        if self._thread is not None:
            return False
        self._thread = threading.Thread(target=self._perform, args=(order,), daemon=True)
        self._thread.start()
        return True

    def look(self, seconds: float) -> Answer | None:
        """Return the answer if there is one within a time."""
        self._ended.wait(seconds)
        return self._answer

    def _perform(self, order: Order) -> None:
        self._answer = perform(order, order.seat.context())
        self._ended.set()
        threading.Event().wait(UNCLAIMED_SECONDS)
        os._exit(0)


class RayRoom:
    """Performs steps as actors. Used on the worker's loop; what waits for Ray has a thread."""

    def __init__(self) -> None:
        """Prepare; the cluster is looked for when the first step needs it."""
        self._ray: Any = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tenuto-ray")

    async def run(self, call: Call, context: StepContext) -> bytes:
        """Perform a step, or find it at work; return the bytes of its result, or raise what it
        raised. Raises `StepKilled` when its actor ends.
        """
        name = name_of(context)
        loop = asyncio.get_running_loop()
        try:
            actor = await loop.run_in_executor(self._thread, self._actor, name)
            answer = await self._answer(actor, call)
        except (
            Exception,
            asyncio.CancelledError,
        ) as error:  # not what closes this: a node that stops
            self.end(name)
            if self._ray is None or not isinstance(error, self._ray.exceptions.RayError):
                raise
            told = str(error).partition("\n")[0]
            raise StepKilled(f"step `{call.step.name}`: its actor `{name}`: {told}") from None
        return value_of(answer, call.step)

    def end(self, name: str) -> None:
        """End the actor of an attempt, whatever it does; called when nobody needs it any more."""
        self._thread.submit(self._kill, name)

    def close(self) -> None:
        """Let go of the cluster; what computes there goes on."""
        self._thread.shutdown(wait=False)

    async def _answer(self, actor: Any, call: Call) -> Answer:
        await asyncio.wrap_future(actor.is_here.remote().future())
        order = order_of(call.step, call.arguments, call.begin())
        await asyncio.wrap_future(actor.begin.remote(order).future())
        while True:
            try:
                looked = actor.look.remote(LOOK_SECONDS).future()
                answer: Answer | None = await asyncio.wrap_future(looked)
            except self._ray.exceptions.ActorUnavailableError:
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if answer is not None:
                return answer

    # --- on the thread

    def _actor(self, name: str) -> Any:
        """Return the actor of a name, which is made if there is none."""
        ray = self._connected()
        made = ray.remote(Computation).options(
            name=name,
            namespace=NAMESPACE,
            lifetime="detached",
            get_if_exists=True,
            num_cpus=1,
            max_restarts=0,
        )
        return made.remote()

    def _connected(self) -> Any:
        """Return Ray, connected to the cluster that RAY_ADDRESS names or that runs here."""
        if self._ray is None:
            try:
                self._ray = importlib.import_module("ray")
            except ImportError:
                raise InputError(
                    'expected Ray for a step with on="ray", but it is not installed: '
                    "pip install 'tenuto[ray]'"
                ) from None
        if not self._ray.is_initialized():
            self._ray.init(namespace=NAMESPACE, log_to_driver=False)
        return self._ray

    def _kill(self, name: str) -> None:
        if self._ray is None or not self._ray.is_initialized():
            return
        with contextlib.suppress(ValueError, self._ray.exceptions.RayError):
            self._ray.kill(self._ray.get_actor(name, namespace=NAMESPACE))


def name_of(context: StepContext) -> str:
    """Return the name of the actor of an attempt."""
    return f"{context.idempotency_key}/{context.attempt}"
