"""What becomes due by itself: timers, kept messages, back-offs of jobs.

Only the earliest instant of each is in memory; the rows are read when it has come, a page at a
time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenuto.engine.commands import ExpireMessages, FireTimer
from tenuto.engine.rows import ON_OFFER
from tenuto.runtime.batch import Batch, Item
from tenuto.runtime.limits import TIMERS_PER_BATCH_MAX

if TYPE_CHECKING:
    from tenuto.runtime.leases import Leases
    from tenuto.store.port import Store


class Due:
    """The next instants at which the corridor has something to do without being asked."""

    def __init__(self, store: Store, now: int) -> None:
        """Read the earliest instants of a store."""
        self._store = store
        self._timer = store.next_timer_due()
        self._message = _expiry(store)
        self._job = store.next_job_due(now)

    def next_at(self) -> int | None:
        """Return the earliest instant of all."""
        moments = [at for at in (self._timer, self._message, self._job) if at is not None]
        return min(moments) if moments else None

    def items(self, now: int) -> list[Item]:
        """Return the commands of what is due, at most half a batch of them."""
        items: list[Item] = []
        if self._timer is not None and self._timer <= now:
            due = self._store.due_timers(now, TIMERS_PER_BATCH_MAX)
            items.extend(Item(row.aggregate, FireTimer(row.timer)) for row in due)
            if not due:
                self._timer = self._store.next_timer_due()
        if self._message is not None and self._message <= now:
            expired = self._store.expired_messages(now, TIMERS_PER_BATCH_MAX)
            if not expired:
                self._message = _expiry(self._store)
            mailboxes = dict.fromkeys(row.mailbox for row in expired)
            items.extend(Item(mailbox, ExpireMessages()) for mailbox in mailboxes)
        return items

    def wake_jobs(self, now: int, leases: Leases) -> None:
        """Look for jobs whose back-off has ended."""
        if self._job is not None and self._job <= now:
            leases.has_backlog = True
            self._job = self._store.next_job_due(now)

    def batch_done(self, batch: Batch) -> None:
        """Take in what a commit changed."""
        if batch.next_timer is not None and (self._timer is None or batch.next_timer < self._timer):
            self._timer = batch.next_timer
        if self._timer is not None and self._timer <= batch.now:
            self._timer = self._store.next_timer_due()
        if batch.next_expiry is not None and (
            self._message is None or batch.next_expiry < self._message
        ):
            self._message = batch.next_expiry
        if self._message is not None and self._message <= batch.now:
            self._message = _expiry(self._store)
        waiting = [
            row.due_at  # type: ignore[union-attr]  # job rows
            for row in batch.rows.puts["job"].values()
            if row.status == "waiting"  # type: ignore[union-attr]  # job rows
        ]
        for due in waiting:
            if due is not None and (self._job is None or due < self._job):
                self._job = due


def _expiry(store: Store) -> int | None:
    """Return when the next kept message expires; one that is on offer does not."""
    at = store.next_message_expiry()
    return None if at is None or at >= ON_OFFER else at
