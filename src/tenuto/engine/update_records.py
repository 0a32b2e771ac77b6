"""Records of what goes on between a workflow and those outside: updates and streams."""

from __future__ import annotations

from tenuto.engine.record import Record
from tenuto.engine.stored import Stored


class UpdateAsked(Record, frozen=True, array_like=True, gc=False, tag=150):
    """Somebody asks the coroutine for something and waits for its answer; no outcome yet."""

    element: int
    id: str
    name: str
    value: Stored


class UpdateAccepted(Record, frozen=True, array_like=True, gc=False, tag=151):
    """The validator let the update pass; it becomes an outcome in the same turn."""

    element: int
    id: str


class UpdateRefused(Record, frozen=True, array_like=True, gc=False, tag=152):
    """The validator refused the update: the coroutine never sees it."""

    element: int
    id: str
    error: Stored


class UpdateEnded(Record, frozen=True, array_like=True, gc=False, tag=153):
    """The coroutine has answered the update: a value, or an error."""

    element: int
    id: str
    value: Stored | None
    error: Stored | None = None


class StreamWritten(Record, frozen=True, array_like=True, gc=False, tag=154):
    """The coroutine wrote a value; `offset` counts the values of the stream from 0."""

    element: int
    name: str
    offset: int
    value: Stored


class StreamClosed(Record, frozen=True, array_like=True, gc=False, tag=155):
    """Nothing more is written to the stream."""

    element: int
    name: str


UpdateRecord = (
    UpdateAsked | UpdateAccepted | UpdateRefused | UpdateEnded | StreamWritten | StreamClosed
)
