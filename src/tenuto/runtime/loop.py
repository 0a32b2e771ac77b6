"""The corridor: take all ready work, advance it, commit once, release what the commit allows.

One thread runs it and nothing else does. Between the first turn of a batch and the return of its
commit nothing leaves: no answer, no job, no metric. A failed commit evicts everything that its
batch touched.

    take      requests, commands between aggregates, timers, expired leases
    advance   turns, until 256 of them or 10 ms
    commit    journal, rows and chain in one transaction
    release   answers, jobs to workers, ended instances to those who wait
"""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from tenuto.engine import commands as c
from tenuto.engine import rejections as why
from tenuto.engine.broadcast import PAGE, BroadcastState
from tenuto.engine.index import RowChanges
from tenuto.engine.registry import REGISTRY, find_same, next_deployment
from tenuto.engine.rejections import Rejection
from tenuto.engine.rows import JobRow
from tenuto.engine.world import World, with_deployment
from tenuto.errors import OutcomeUnknown, Sealed, StoreBusy, StoreError, StoreFull, StoreRefused
from tenuto.keys import KeyMint
from tenuto.runtime import limits
from tenuto.runtime.admission import Known
from tenuto.runtime.batch import Batch, Hop, Item
from tenuto.runtime.leases import Leases
from tenuto.runtime.release import deliver, hand_out, wake
from tenuto.runtime.requests import NEW_INSTANCE, Answer, Ended, Reply, Request, Result
from tenuto.runtime.switching import Switching
from tenuto.runtime.timers import Due
from tenuto.runtime.waiters import Waiters
from tenuto.runtime.warm import Warm
from tenuto.store import port
from tenuto.store.chain import next_commit

if TYPE_CHECKING:
    from tenuto.runtime.clock import Clock

log = structlog.get_logger("tenuto.runtime")

Fenced = (
    c.CompleteJob | c.FailJob | c.ThrowJobError | c.AdvanceRoutine | c.StuckRoutine | c.ReportSteps
)
Inbox = queue.SimpleQueue["Request | Action | None"]
Refuse = Callable[[Rejection], None]


_LATER: Final = (c.ContinueInstance, c.ContinueBroadcast)
_READS_ROWS: Final = (c.ContinueBroadcast, c.Deploy)


class Action(NamedTuple):
    """What is done between two batches; `refuse` is told when it will not be."""

    run: Callable[[Corridor], None]
    refuse: Refuse | None = None


class Corridor:
    """One log's life: its warm state, its leases, and the loop that commits."""

    def __init__(self, store: port.Store, clock: Clock, head: port.LogHead, world: World) -> None:
        """Continue the chain at `head`.

        The runtime is recovered by `runtime.recovery` before `run`.
        """
        self.store = store
        self.clock = clock
        self.head = head
        self.world = world
        self.inbox: Inbox = queue.SimpleQueue()
        self.warm = Warm(store)
        self.leases = Leases(head.log)
        self.mint = KeyMint(head.last_key_ms)
        self.due = Due(store, clock.now())
        self.hops: deque[Hop] = deque()
        self.retry: deque[Item] = deque()
        self.waiters = Waiters()
        self.next_hop = 1
        self.stopping = False
        self.failed: BaseException | None = None
        self.advance_seconds_max = limits.BATCH_ADVANCE_SECONDS_MAX
        self.stopped = threading.Event()
        self._at_hand: list[Request] = []
        self._acting: Action | None = None
        self._slot = head.log % 1024
        self._not_before = 0

    # --- the loop

    def submit(self, request: Request) -> None:
        """Put a request before the corridor; callable from every thread."""
        self._put(request)

    def call(self, action: Callable[[Corridor], None], refuse: Refuse | None = None) -> None:
        """Run an action on the corridor's thread between two batches (workers come and go this
        way). `refuse` is told when the loop has ended before.
        """
        self._put(Action(action, refuse))

    def _put(self, entry: Request | Action) -> None:
        """Whatever is put before or after the end of the loop is answered."""
        self.inbox.put(entry)
        if self.stopped.is_set():
            self._refuse_waiting()

    def stop(self) -> None:
        """Ask the loop to end after the work at hand."""
        self.inbox.put(None)

    def run(self) -> None:
        """Loop until stopped; the reason of a failure is kept in `failed`."""
        switching = Switching()
        try:
            while not self.stopping:
                self.step(block=True)
                switching.look()
            self._release_leases()
        except Sealed as sealed:
            self.failed = sealed
            log.error("sealed", reason=str(sealed))
        except StoreError as error:
            self.failed = error
            log.error("store failed", reason=str(error))
        # The thread's edge: a bug stops the node, it does not go on half-way.
        except Exception as error:  # noqa: BLE001
            self.failed = error
            log.error("corridor failed", reason="".join(traceback.format_exception(error)))
        finally:
            self.stopped.set()
            self._refuse_waiting()

    def step(self, *, block: bool = False) -> bool:
        """Do one batch; tell whether there was anything to do."""
        requests = self._at_hand = self._take(block=block)
        now = max(self.clock.now(), self._not_before)
        items = self._items(requests, now)
        if not items and not self.may_lease():
            return bool(requests)
        self._process(items, now)
        self._at_hand = []
        return True

    def _take(self, *, block: bool) -> list[Request]:
        """Return the requests that are ready; wait for the first one when there is nothing else
        to do.
        """
        requests: list[Request] = []
        wait = 0.0 if self.hops or self.retry or self.may_lease() else self._idle_seconds()
        inbox = self.inbox
        while len(requests) < limits.BATCH_TURNS_MAX:
            try:
                entry = inbox.get(timeout=wait) if block and wait > 0 else inbox.get_nowait()
            except queue.Empty:
                break
            wait = 0.0
            if entry is None:
                self.stopping = True
                break
            if isinstance(entry, Request):
                requests.append(entry)
            else:
                self._acting = entry
                entry.run(self)
                self._acting = None
                break
        return requests

    def _idle_seconds(self) -> float:
        due = self.due.next_at()
        deadline = self.leases.next_deadline()
        moments = [moment for moment in (due, deadline) if moment is not None]
        if not moments:
            return limits.IDLE_SECONDS_MAX
        return min(limits.IDLE_SECONDS_MAX, max(0.0, (min(moments) - self.clock.now()) / 1000))

    def may_lease(self) -> bool:
        """Tell whether there may be a ready job for a free seat."""
        return self.leases.has_backlog and bool(self.leases.free_types())

    # --- take

    def _items(self, requests: list[Request], now: int) -> deque[Item]:
        """Return what to do, in order: what a failed batch left, hops, requests, then what is
        due.
        """
        items: deque[Item] = deque(self.retry)
        self.retry.clear()
        while self.hops and len(items) < limits.BATCH_TURNS_MAX:
            hop = self.hops.popleft()
            items.append(Item(hop.receiver, hop.command, hop=hop))
        items.extend(Item(request.receiver, request.command, request) for request in requests)
        for (instance, element), token in self.leases.expired(now):
            fail = c.FailJob(element, "the lease ended before a result came", token)
            items.append(Item(instance, fail))
        items.extend(self.due.items(now))
        self.due.wake_jobs(now, self.leases)
        return items

    # --- advance

    def _process(self, items: deque[Item], now: int) -> None:
        """Run items in batches; a batch that the store refuses is halved until the guilty item
        is alone.
        """
        known = Known(self.store, self.world)
        while items or self.may_lease():
            if known.world is not self.world:
                known = Known(self.store, self.world)
            batch = Batch(self.world, self.warm, self.leases, self.mint, now, self.next_hop)
            done = self._advance(batch, items, known)
            if not self._lease_backlog(batch) and not done:
                return
            batch.finish()
            if (
                not batch.journal
                and not any(batch.rows.puts.values())
                and not any(batch.rows.deletes.values())
            ):
                self._release(batch)
                continue
            try:
                self._commit(batch, now)
            except StoreRefused as refused:
                self._undo(batch)
                self._bisect(done, items, refused)
                known = Known(self.store, self.world)
                continue
            except (StoreFull, StoreBusy) as error:
                self._undo(batch)
                self._hold(done, items, error)
                return
            self._release(batch)
            now = max(self.clock.now(), self._not_before)

    def _advance(self, batch: Batch, items: deque[Item], known: Known) -> list[Item]:
        """Run items and the hops that they cause, up to the bound of a batch; return the items
        done. What a deployment changed is seen by the next batch.
        """
        self._prefetch(items, known)
        ends = time.perf_counter() + self.advance_seconds_max
        done: list[Item] = []
        while batch.turns < limits.BATCH_TURNS_MAX and (not done or time.perf_counter() < ends):
            if batch.hops and not self._is_later(batch.hops[0]):
                hop = batch.hops.popleft()
                batch.run(Item(hop.receiver, hop.command, hop=hop))
            elif items:
                if batch.journal and self._reads_rows(items[0]):
                    break
                item = items.popleft()
                known.ahead -= 1
                done.append(item)
                self._run(batch, item, known)
                if isinstance(item.command, c.Deploy):
                    break
            else:
                break
        return done

    def _is_later(self, hop: Hop) -> bool:
        """A long instance goes on behind other work; a broadcast reads rows, so it begins a
        batch.
        """
        return isinstance(hop.command, _LATER)

    def _reads_rows(self, item: Item) -> bool:
        return isinstance(item.command, _READS_ROWS)

    def _prefetch(self, items: deque[Item], known: Known) -> None:
        """Read at once what the items of a batch will ask for, but for those read before."""
        ahead = list(islice(items, known.ahead, limits.BATCH_TURNS_MAX))
        if not ahead:
            return
        known.ahead += len(ahead)
        self.warm.prefetch({item.receiver for item in ahead if item.receiver > 0})
        for item in ahead:
            if item.request is None:
                continue
            if item.receiver == NEW_INSTANCE:
                known.admit(item.request, self._slot)
            elif item.request.idempotency_key is not None:
                known.expect(item.request)
        known.read()

    def _run(self, batch: Batch, item: Item, known: Known) -> None:
        request = item.request
        if item.receiver == NEW_INSTANCE:
            self._start(batch, item, known)
        elif request is not None and request.idempotency_key is not None:
            self._once(batch, item, request, known)
        else:
            self._command(batch, item)

    def _once(self, batch: Batch, item: Item, request: Request, known: Known) -> None:
        """Run a command that has an idempotency key, or answer as the first time."""
        earlier = known.answered(request)
        if earlier is not None:
            self._answer(batch, request, earlier)
            return
        result = self._command(batch, item)
        if not isinstance(result, Rejection):
            answer = result or Answer(item.receiver, {"instance": str(item.receiver)})
            known.keep(request, answer, batch.now, batch.rows)

    def _command(self, batch: Batch, item: Item) -> Answer | Rejection | None:
        command = item.command
        if isinstance(command, Fenced):
            stale = self._stale(item, command)
            if stale is not None:
                if item.request is not None:
                    self._answer(batch, item.request, stale)
                return stale
        elif isinstance(command, c.Deploy):
            self._prepare_world(batch, item)
        elif isinstance(command, c.ContinueBroadcast):
            item = item._replace(command=self._with_page(item.receiver, command))
        return batch.run(item)

    def _start(self, batch: Batch, item: Item, known: Known) -> None:
        request = item.request
        assert request is not None, "a new instance is asked for from outside"
        admitted = known.admit(request, self._slot)
        if isinstance(admitted, Rejection):
            self._answer(batch, request, admitted)
            return
        repeat = known.repeat(admitted)
        if isinstance(repeat, Rejection):
            self._answer(batch, request, repeat)
            return
        if repeat is not None:
            self._answer_again(batch, request, repeat)
            return
        command = admitted.command
        lookalikes = known.lookalikes(admitted)
        if lookalikes:
            command = c.StartInstance(
                command.process,
                command.variables,
                command.business_key,
                command.definition,
                command.node,
                lookalikes=lookalikes,
            )
        key = self.mint.mint(batch.now, admitted.slot)
        batch.run(Item(key, command, request))
        if key in batch.touched:
            known.accept(admitted, key, batch.now, batch.rows)

    def _answer(self, batch: Batch, request: Request, result: Result) -> None:
        if request.reply is not None:
            batch.answers.append((request.reply, result))

    def _answer_again(self, batch: Batch, request: Request, instance: int) -> None:
        """Give the first answer again; a caller that waits is attached to the same instance."""
        if request.reply is None:
            return
        if not request.reply.at_end:
            again = Answer(instance, {"instance": str(instance), "repeated": True})
            batch.answers.append((request.reply, again))
            return
        warm = self.warm.instance(instance)
        if warm is not None and warm.state.is_live:
            batch.waiters.append((instance, request.reply))
        elif warm is not None:
            batch.answers.append((request.reply, warm.ended()))
        else:
            # What was pruned is not loaded any more; its row still says how it ended.
            stored = self.store.load_instances((instance,))
            status = stored[0].row.status if stored else "pruned"
            batch.answers.append((request.reply, Ended(instance, status, {})))

    def _stale(self, item: Item, command: Fenced) -> Rejection | None:
        """Check the fencing token of a result; an unfenced command (a person, the CLI) passes."""
        lease = self.leases.of((item.receiver, command.element))
        if command.token is None or (lease is not None and lease.token == command.token):
            return None
        message = (
            f"expected lease {lease.token if lease else 'none'} on job "
            f"{item.receiver}-{command.element}, got {command.token}: another attempt holds the job"
        )
        return Rejection(why.STALE_LEASE, message)

    def _prepare_world(self, batch: Batch, item: Item) -> None:
        """Let the turn of a deployment see the world that it makes."""
        command, request = item.command, item.request
        assert isinstance(command, c.Deploy), "only a deployment brings compiled resources"
        assert request is not None, "a deployment comes from outside"
        assert request.compiled is not None, "a deployment is compiled at the door"
        state = self.warm.named(REGISTRY)
        if find_same(state, command.resources) is None:
            number = next_deployment(state)
            compiled = request.compiled
            batch.world = with_deployment(
                batch.world, number, compiled.graphs, compiled.models, compiled.mappings
            )

    def _with_page(self, receiver: int, command: c.ContinueBroadcast) -> c.ContinueBroadcast:
        """Give a broadcast its next page of subscribers; those that came after it are left out."""
        state = self.warm.named(receiver)
        assert isinstance(state, BroadcastState), f"{receiver} is no broadcast"
        running = state.running.get(command.number)
        if running is None:
            return command
        rows = self.store.signal_subscribers(running.name, (running.instance, running.wait), PAGE)
        present = tuple(
            c.Subscriber(row.instance, row.subscription)
            for row in rows
            if row.opened_at <= running.accepted_at
        )
        self._not_before = max(self._not_before, running.accepted_at + 1)
        return c.ContinueBroadcast(command.number, present, last=len(rows) < PAGE)

    def _lease_backlog(self, batch: Batch) -> bool:
        """Lease ready jobs of the table to seats that are free; tell whether there was one."""
        if not self.may_lease():
            return False
        free = self.leases.free_types()
        limit = min(limits.LEASES_PER_BATCH_MAX, sum(free.values()))
        orphans = [row for row in self.leases.orphans.values() if row.type in free][:limit]
        found = orphans or self.store.ready_jobs(free, batch.now, limit)
        leased = is_short = False
        for row in found:
            key = (row.instance, row.element)
            if key in batch.rows.puts["job"] or key in batch.rows.deletes["job"]:
                continue
            seat = self.leases.seat_for(row.type)
            is_short = (
                is_short or seat is None
            )  # types share seats: there were fewer than it seemed
            if seat is None or self.leases.of(key) is not None:
                continue
            self.leases.remember(row)
            batch.rows.change("job", key, batch.hand_out(row._replace(status="ready"), seat))
            self.leases.orphans.pop(key, None)
            leased = True
        if not orphans and not is_short and len(found) < limit:
            self.leases.has_backlog = False
        return leased

    # --- commit

    def _commit(self, batch: Batch, now: int) -> None:
        """Write the batch; an unknown outcome is settled by the chain."""
        leaves = [entry[2] for entry in batch.journal]
        chain = next_commit(self.head, now, leaves)
        stored = port.Batch(
            chain,
            batch.rows_of_journal(chain.log, chain.seq),
            {table: list(rows.values()) for table, rows in batch.rows.puts.items() if rows},
            {table: list(keys) for table, keys in batch.rows.deletes.items() if keys},
        )
        while True:
            try:
                self.store.commit(stored)
                break
            except OutcomeUnknown as unknown:
                found = self.store.chain_hash(chain.log, chain.seq)
                if found == chain.hash:
                    break
                if found is not None:
                    raise Sealed(f"commit {chain.seq} belongs to another log") from unknown
                log.warning("commit outcome was unknown and it had not happened; repeating it")
        self.head = self.head._replace(seq=chain.seq, hash=chain.hash)

    def _undo(self, batch: Batch) -> None:
        """Forget everything that a failed batch touched; nothing of it was seen."""
        self.warm.evict(batch.touched)
        for seat in batch.lent:
            seat.free -= 1
        for key, _ in batch.leased:
            self.leases.end(key)
            self.leases.has_backlog = True

    def _bisect(self, done: list[Item], items: deque[Item], refused: StoreRefused) -> None:
        """Put the items of a refused batch back so that half of them are tried alone; one alone
        is refused.
        """
        if len(done) == 1:
            item = done[0]
            log.error("command refused by the store", command=type(item.command).__name__)
            if item.request is not None and item.request.reply is not None:
                reply = item.request.reply
                rejection = Rejection(why.STORE_REFUSED, str(refused))
                reply.slot.deliver([(reply.ticket, rejection)])
            elif isinstance(item.command, c.CompleteJob):
                message = f"the store refused the result: {refused}"
                fail = c.FailJob(item.command.element, message, item.command.token, retry=False)
                items.appendleft(Item(item.receiver, fail))
            return
        half = max(1, len(done) // 2)
        self.retry.extend(done[half:])
        self.retry.extend(items)
        items.clear()
        items.extend(done[:half])

    def _hold(self, done: list[Item], items: deque[Item], error: StoreError) -> None:
        """The store cannot take anything now: refuse those who wait, keep the rest, and try
        again soon.
        """
        log.warning("the store takes no commit", reason=str(error))
        code = why.STORE_FULL if isinstance(error, StoreFull) else why.STORE_BUSY
        kept: list[Item] = []
        for item in [*done, *items]:
            reply = item.request.reply if item.request is not None else None
            if reply is None:
                kept.append(item)
            else:
                reply.slot.deliver([(reply.ticket, Rejection(code, str(error)))])
        items.clear()
        self.retry.extend(kept)
        time.sleep(limits.STORE_RETRY_SECONDS)

    # --- release

    def _release(self, batch: Batch) -> None:
        """Let out what the commit has made true."""
        self.world = batch.world
        self.hops.extend(hop._replace(stored=True) for hop in batch.hops)
        self.next_hop = batch.next_hop
        self.due.batch_done(batch)
        for job in batch.freed:
            self.leases.forget(job)
        for job in batch.unleased:
            self.leases.end(job)
        for instance, reply in batch.waiters:
            self.waiters.wait_for_end(instance, reply)
        answers = batch.answers
        for key, id, answer in batch.updated:
            answers += self.waiters.updated(key, id, answer)
        for key, ended in batch.ended.items():
            self.warm.evict((key,))
            answers += self.waiters.ended(ended)
        # Who says something for a routine sees what came first before he is told what became of it.
        if batch.wakes:
            wake(batch.wakes)
        deliver(answers)
        if batch.hand_outs:
            hand_out(batch.hand_outs)
        self.warm.trim()

    def _release_leases(self) -> None:
        """Give back the jobs whose workers did not end in time: another life takes them at once."""
        held = self.leases.held_here()
        if not held:
            return
        rows = RowChanges()
        for row in self.store.load_jobs(held):
            rows.change("job", (row.instance, row.element), given_back(row))
        self.write(rows)

    def write(self, rows: RowChanges) -> None:
        """Commit changes of operational columns, which no turn causes.

        For actions that run between two batches. Raises `StoreError`.
        """
        batch = Batch(self.world, self.warm, self.leases, self.mint, self.clock.now(), 0)
        batch.rows = rows
        self._commit(batch, batch.now)

    def _refuse_waiting(self) -> None:
        """The loop has ended: answer everything that still waits, also what was at hand when it
        failed.
        """
        reason = str(self.failed) if self.failed else "the node was stopped"
        refusal = Rejection(why.STOPPING, f"expected a running node, but {reason}")
        answers: list[tuple[Reply, Result]] = [
            (request.reply, refusal) for request in self._at_hand if request.reply is not None
        ]
        if self._acting is not None and self._acting.refuse is not None:
            self._acting.refuse(refusal)
        while True:
            try:
                entry = self.inbox.get_nowait()
            except queue.Empty:
                break
            if isinstance(entry, Request) and entry.reply is not None:
                answers.append((entry.reply, refusal))
            elif isinstance(entry, Action) and entry.refuse is not None:
                entry.refuse(refusal)
        answers += self.waiters.refuse_all(refusal)
        deliver(answers)


def given_back(row: JobRow) -> JobRow:
    """Return the row of a job whose holder did not work: it is ready at once."""
    return row._replace(status="ready", due_at=None, log=None)
