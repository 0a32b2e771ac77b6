"""A handle: one instance of a workflow, typed by what it returns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from tenuto.errors import TenutoError
from tenuto.workflows import codec
from tenuto.workflows.chance import any_uuid
from tenuto.workflows.failures import QueueRefused, StepFailed, revive

if TYPE_CHECKING:
    from tenuto.client.reading import Reading
    from tenuto.client.streams import StreamPage
    from tenuto.client.views import UpdateAnswer
    from tenuto.runtime.requests import Ended
    from tenuto.workflows.awaitables import Message, State
    from tenuto.workflows.define import Workflow
    from tenuto.workflows.dialogue import Stream, Update

EXISTING: Final = "existing"
R = TypeVar("R")
T = TypeVar("T")
A = TypeVar("A")
LOOK_SECONDS: Final = 0.01
LOOK_SECONDS_MAX: Final = 0.25


class WorkflowCanceled(TenutoError):
    """The instance was canceled or terminated: it has no result."""


class Asked(Protocol):
    """The client of a handle."""

    read: Reading

    async def wait_encoded(self, instance: str) -> Ended:
        """Wait for the end of an instance."""

    async def send(
        self, instance: str, name: str, value: bytes, *, message_id: str | None = None
    ) -> None:
        """Send a message to an instance."""

    async def update(
        self, instance: str, name: str, value: bytes, *, id: str, until_accepted: bool = False
    ) -> UpdateAnswer:
        """Ask an instance for something."""

    async def stream(
        self, instance: str, name: str, *, start: int = 0, after_version: int = 0
    ) -> StreamPage:
        """Read what an instance wrote."""

    async def cancel(self, instance: str, *, reason: str = "") -> None:
        """Ask an instance to end."""

    async def terminate(self, instance: str, *, reason: str = "") -> None:
        """End an instance."""


class AcceptedUpdate(Generic[T]):
    """An update that a workflow has accepted; its `id` finds it again from anywhere."""

    def __init__(self, id: str, result: Callable[[], Awaitable[T]]) -> None:
        """Point to it."""
        self.id = id
        self._result = result

    async def result(self) -> T:
        """Return the answer."""
        return await self._result()


class Handle(Generic[R]):
    """An instance of a workflow. `key` names it everywhere; `is_new` tells whether this start made
    it.
    """

    def __init__(
        self, client: Asked, workflow: Workflow[..., Any], key: str, *, is_new: bool = True
    ) -> None:
        """Point to an instance."""
        self._client = client
        self._workflow = workflow
        self.key = key
        self.is_new = is_new

    async def result(self, timeout: float | None = None) -> R:  # noqa: ASYNC109  (a caller's patience)
        """Return what the workflow returned, or raise what it raised, by type.

        A duplicate that its queue let another instance stand for has the result of that one.

        Raises `WorkflowCanceled`, and `TimeoutError` after `timeout` seconds.
        """
        async with asyncio.timeout(timeout):
            return await self._result(self.key)

    async def _result(self, key: str) -> R:
        ended = await self._client.wait_encoded(key)
        if ended.status == "completed":
            found: R = self._workflow.read_result(ended.variables["result"])
            return found
        if ended.status == "failed":
            error = revive(codec.decode(ended.variables["error"]), self._workflow.known_names)
            if isinstance(error, QueueRefused) and error.reason == EXISTING and error.existing:
                return await self._result(error.existing)
            raise error
        raise WorkflowCanceled(f"expected instance {self.key} to return, but it was {ended.status}")

    async def status(self) -> str:
        """Return active, completed, failed or terminated."""
        return self._client.read.find(self.key).status

    async def state(self, state: State[T]) -> T | None:
        """Return what the workflow published, also when it has ended or no worker runs."""
        data = self._client.read.encoded_variable(int(self.key), state.name)
        return state.default if data is None else codec.decode(data, state.kind)

    async def send(self, message: Message[T], value: T, *, message_id: str | None = None) -> None:
        """Send a message to this instance; the same `message_id` is taken once.

        Raises `Rejected` (not-active) when it has ended.
        """
        await self._client.send(
            self.key, message.name, message.encode(value), message_id=message_id
        )

    async def update(self, update: Update[A, T], value: A, *, id: str | None = None) -> T:
        """Ask the workflow for something and return its answer; the same `id` is asked once.

        Raises what the validator or the answer raised, by type.
        """
        given = id or any_uuid().hex
        answer = await self._client.update(self.key, update.name, update.encode(value), id=given)
        return self._answer(update, answer)

    async def accepted(
        self, update: Update[A, T], value: A, *, id: str | None = None
    ) -> AcceptedUpdate[T]:
        """Ask the workflow for something; return when its validator has let it pass."""
        given = id or any_uuid().hex
        data = update.encode(value)
        answer = await self._client.update(
            self.key, update.name, data, id=given, until_accepted=True
        )
        if answer.status != "accepted":
            self._answer(update, answer)
        return AcceptedUpdate(given, lambda: self.update(update, value, id=given))

    def _answer(self, update: Update[Any, T], answer: UpdateAnswer) -> T:
        if answer.error is not None:
            raise revive(codec.decode(answer.error), self._workflow.known_names)
        assert answer.value is not None, "an answer is a value or an error"
        return update.read(answer.value)

    async def stream(self, stream: Stream[T], start: int = 0) -> AsyncIterator[tuple[int, T]]:
        """Yield what the workflow writes, with offsets from `start` on, until it closes the stream
        or ends.
        """
        version, pause = 0, LOOK_SECONDS
        while True:
            page = await self._client.stream(
                self.key, stream.name, start=start, after_version=version
            )
            for one in page.written:
                yield one.offset, stream.read(one.data)
            if page.is_closed:
                return
            pause = LOOK_SECONDS if page.written else min(LOOK_SECONDS_MAX, pause * 2)
            version = page.version
            await asyncio.sleep(pause)

    async def cancel(self, reason: str = "") -> None:
        """Ask the workflow to end; it may clean up first."""
        await self._client.cancel(self.key, reason=reason)

    async def terminate(self, reason: str = "") -> None:
        """End the instance at once; no code of it runs any more."""
        await self._client.terminate(self.key, reason=reason)


__all__ = ["AcceptedUpdate", "Handle", "StepFailed", "WorkflowCanceled"]
