"""What those outside ask of one workflow and get from it: updates and streams.

set_price = Update("set_price", int, returns=int)
progress = Stream("progress", str)

@workflow
async def auction() -> int:
    best = 0

    def check(bid: int) -> None:
        if bid <= best:
            raise ValueError(f"expected more than {best}")

    def take(bid: int) -> int:
        nonlocal best
        best = bid
        progress.write(f"now {bid}")
        return best

    set_price.handle(take, validate=check)
    await wf.sleep("1d")
    return best
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from tenuto.engine import routine_commands as a
from tenuto.errors import InputError
from tenuto.workflows import codec
from tenuto.workflows.routine import Routine, current
from tenuto.workflows.updating import ABANDON, WAIT, Handling

T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R")


class Update(Generic[A, R]):
    """Something that a workflow may be asked for, with its answer: validated first, done once for
    each id.
    """

    def __init__(self, name: str, kind: Any = Any, *, returns: Any = Any) -> None:
        """Name it; `kind` is the type of what is asked, `returns` that of the answer."""
        self.name = name
        self.kind = kind
        self.returns = returns

    def handle(
        self,
        answer: Callable[[A], Any],
        *,
        validate: Callable[[A], Any] | None = None,
        unfinished: str = WAIT,
    ) -> None:
        """Answer updates by a function, from now on; it may be async, and ask for steps.

        `validate` only reads: what it raises is what the caller gets, and the workflow never sees
        the update. `unfinished` says what the end of the workflow does with answers that are under
        way: `wait` for them, or `abandon` them. Raises `InputError` outside of a workflow.
        """
        routine = current()
        if routine is None:
            raise InputError(f"expected `{self.name}.handle` within a workflow that Tenuto runs")
        if unfinished not in {WAIT, ABANDON}:
            raise InputError(f"expected unfinished `{WAIT}` or `{ABANDON}`, got {unfinished!r}")
        handling = Handling(self.name, self.kind, answer, validate, unfinished)
        routine.updates.handlers[self.name] = handling
        routine.updates.consider()

    def encode(self, value: A) -> bytes:
        """Return what is asked."""
        return codec.encode(value, where=f"update `{self.name}`")

    def read(self, data: bytes) -> R:
        """Return an answer."""
        found: R = codec.decode(data, self.returns, where=f"the answer of update `{self.name}`")
        return found


class Stream(Generic[T]):
    """Values that a workflow writes and everybody reads in order, also while it runs and after it
    has ended. A replay writes nothing twice.
    """

    def __init__(self, name: str, kind: Any = Any) -> None:
        """Name it; `kind` is the type of a value."""
        self.name = name
        self.kind = kind

    def write(self, value: T) -> None:
        """Append a value with the next commit. Raises `InputError` outside of a workflow."""
        data = codec.encode(value, where=f"stream `{self.name}`")
        self._routine("write").tell(a.WriteStream(self.name, data))

    def close(self) -> None:
        """Write nothing more: readers end here, and not only with the workflow."""
        self._routine("close").tell(a.CloseStream(self.name))

    def read(self, data: bytes) -> T:
        """Return a value that was written."""
        found: T = codec.decode(data, self.kind, where=f"stream `{self.name}`")
        return found

    def _routine(self, what: str) -> Routine:
        routine = current()
        if routine is None:
            raise InputError(
                f"expected `{self.name}.{what}` within a workflow that Tenuto runs, but it is not"
            )
        return routine
