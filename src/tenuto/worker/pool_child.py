"""The life of a child of the process pool: it performs one call after another.

The parent holds the other end of one connection. When that end closes, however the parent ended,
the child and what it started end at once: nobody is left to take the result.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import queue
import signal
import threading
from multiprocessing import spawn
from multiprocessing.connection import Connection
from typing import Any, Final, NoReturn

from tenuto.worker.orders import Answer, Order, answer_of, fault_of, function_of
from tenuto.workflows.context import StepContext, enter_step

READY: Final = "ready"
BEGUN: Final = "begun"
LOGGED: Final = "logged"
ENDED: Final = "ended"
SPOKE: Final = "spoke"
STOPPING: Final = "stopping"


class _Link:
    """The connection to the parent, for one thread that reads and any that write."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._writing = threading.Lock()
        self.orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self.is_stopping = False
        self.context: StepContext | None = None

    def tell(self, kind: str, content: Any = None) -> None:
        """Send a message to the parent."""
        data = pickle.dumps((kind, content), protocol=pickle.HIGHEST_PROTOCOL)
        with self._writing:
            self._connection.send_bytes(data)

    def listen(self) -> None:
        """Take calls until the parent is gone, and end then."""
        try:
            while True:
                heard = pickle.loads(self._connection.recv_bytes())  # noqa: S301  (from the parent)
                if isinstance(heard, Order):
                    self.orders.put(heard)
                else:
                    self.stop()
        except (EOFError, OSError):
            os.killpg(0, signal.SIGKILL)

    def take(self, order: Order) -> StepContext:
        """Return the context of a call; its heartbeats go to the parent."""
        context = order.seat.context()

        def tell(said: bytes | None) -> None:
            context.said = said
            self.tell(SPOKE, said)

        context.on_beat = tell
        context.is_stopping = self.is_stopping
        self.context = context
        return context

    def stop(self) -> None:
        """Let the step know that the parent will end soon."""
        self.is_stopping = True
        if self.context is not None:
            self.context.stop()


class _LogHandler(logging.Handler):
    """Gives log records to the parent, which has the handlers."""

    def __init__(self, link: _Link) -> None:
        super().__init__()
        self._link = link

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record with its message and its traceback as texts."""
        text = self.format(record)
        plain = logging.LogRecord(
            record.name, record.levelno, record.pathname, record.lineno, text, None, None
        )
        plain.funcName = record.funcName
        try:
            self._link.tell(LOGGED, plain)
        except OSError:
            self.handleError(record)


def main(descriptor: int, script: dict[str, str], level: int) -> NoReturn:
    """Perform calls that come over a connection; `script` is what the parent runs."""
    # The parent decides when a step ends; a handler of its own is not inherited by other programs.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    link = _Link(Connection(descriptor))
    logging.root.addHandler(_LogHandler(link))
    logging.root.setLevel(level)
    threading.Thread(target=link.listen, name="tenuto-parent", daemon=True).start()
    link.tell(READY)
    while True:
        order = link.orders.get()
        link.tell(BEGUN)
        if script and order.needs_main:
            spawn.prepare(dict(script))
            script = {}
        link.tell(ENDED, perform(order, link.take(order)))


def perform(order: Order, context: StepContext) -> Answer:
    """Call the function of a step; return how it ended."""
    try:
        args, kwargs = pickle.loads(order.arguments)  # noqa: S301  (from the parent)
        function = function_of(order)
        enter_step(context)
        result = function(*args, **kwargs)
        if order.is_async:
            result = asyncio.run(result)
        return answer_of(order, result)
    except (Exception, SystemExit, asyncio.CancelledError) as error:  # noqa: BLE001  (the edge of user code: whatever it raises is its failure)
        return Answer(fault=fault_of(error))
