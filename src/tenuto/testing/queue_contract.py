"""What every store promises of the entries of queues: subclass it beside `StoreContract`."""

from __future__ import annotations

from abc import ABC, abstractmethod

from tenuto.store.port import Store
from tenuto.testing import batches as b
from tenuto.testing.batches import Pen


class QueueContract(ABC):
    """Entries come back in order, and are counted by status."""

    @abstractmethod
    def open(self) -> Store:
        """Return a store on an empty database."""

    def test_a_queue_is_loaded_in_order(self) -> None:
        """Entries come by number, those of other queues never; a changed one has its last form."""
        pen = Pen(self.open())
        pen.commit(b.queue_entry(-1, 2), b.queue_entry(-1, 1), b.queue_entry(-2, 1))
        pen.commit(b.queue_entry(-1, 1, status="running"))

        found = pen.store.load_queue(-1)

        assert [(row.entry, row.status) for row in found] == [(1, "running"), (2, "waiting")]
        assert pen.store.load_queue(-3) == []

    def test_the_entries_of_a_queue_are_counted(self) -> None:
        """By status, of one queue; of a queue that is empty there is nothing."""
        pen = Pen(self.open())
        pen.commit(b.queue_entry(-1, 2), b.queue_entry(-1, 1), b.queue_entry(-2, 1))
        pen.commit(b.queue_entry(-1, 3, status="running"))
        reader = pen.store.reader()

        counts = reader.count_queue(-1), reader.count_queue(-3)
        reader.close()

        assert counts == ({"waiting": 2, "running": 1}, {})
