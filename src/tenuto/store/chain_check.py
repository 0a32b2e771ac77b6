"""Checking the chain: one pass over a database that recomputes every hash from the stored bytes.

What is read may have been altered by anyone with access to the file, so nothing of it is trusted:
kinds of columns, order, numbers and notes are checked before they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import msgspec

from tenuto.engine.rows import PayloadRow
from tenuto.engine.stored import digest_of
from tenuto.errors import StoreCorrupt
from tenuto.store.codec import chain_hash, leaf_of, merkle_root
from tenuto.store.kinds import fits
from tenuto.store.port import ChainRow, JournalRow, Reader

PAGE = 512
EMPTY_HASH = bytes(32)


class Finding(NamedTuple):
    """Something that is not as it was written, and where."""

    message: str
    log: int | None = None
    seq: int | None = None
    n: int | None = None
    aggregate: int | None = None

    @property
    def place(self) -> str:
        """Return where it was found, in words."""
        parts = (
            ("log", self.log),
            ("commit", self.seq),
            ("turn", self.n),
            ("aggregate", self.aggregate),
        )
        return " ".join(f"{name} {number}" for name, number in parts if number is not None)

    def __str__(self) -> str:
        """Return the finding as a sentence."""
        return f"{self.place or 'database'}: {self.message}"


class SealedHead(msgspec.Struct, frozen=True, array_like=True):
    """The last commit of a sealed log, as the opening row of a later log names it."""

    log: int
    seq: int
    hash: bytes


class OpeningNote(msgspec.Struct, frozen=True):
    """What the opening row of a log says: whose database this is and which logs it took over."""

    cluster: bytes
    seals: list[SealedHead]


class ChainCheck:
    """One pass over a database."""

    def __init__(self, reader: Reader) -> None:
        """Begin with nothing checked."""
        self._reader = reader
        self._heads: dict[int, ChainRow] = {}
        self._seals: dict[int, tuple[int, SealedHead]] = {}
        self.commits = self.turns = self.payloads = self.erased = 0
        self.findings: list[Finding] = []

    def run(self) -> None:
        """Check everything that was committed when the pass began; what cannot be read is found."""
        reader = self._reader
        self._guarded(None, lambda: self._all_logs(reader.logs()))
        self._guarded(None, self._versions)
        self._guarded(None, self._payloads)

    def _guarded(self, log: int | None, check: Callable[[], None]) -> None:
        try:
            check()
        except StoreCorrupt as error:
            self.findings.append(Finding(str(error), log))

    def _all_logs(self, logs: list[int]) -> None:
        self._cluster = self._reader.cluster()
        # A writer goes on while this reads: what is above these heads is for the next pass.
        heads = {head.log: head for head in self._reader.log_heads() if fits("chain", head)}
        for log in logs:
            self._guarded(log, partial(self._log, log, heads.get(log)))
        self._links()

    # --- a log

    def _log(self, log: int, head: ChainRow | None) -> None:
        turns = _Turns(_turns_of(self._reader, log, head))
        last: ChainRow | None = None
        for row in _commits_of(self._reader, log, head):
            self._strays(log, turns.before(row.seq))
            self._commit(row, last, turns.of(row.seq))
            last = row
            self.commits += 1
        self._strays(log, turns.rest())
        if last is None:
            self.findings.append(Finding("it has no commit", log))
        else:
            self._heads[log] = last

    def _strays(self, log: int, turns: Iterator[JournalRow]) -> None:
        for turn in turns:
            message = "a turn stands outside every commit"
            self.findings.append(Finding(message, log, turn.seq, turn.n, turn.aggregate))

    def _commit(self, row: ChainRow, last: ChainRow | None, turns: list[JournalRow]) -> None:
        def find(message: str) -> None:
            self.findings.append(Finding(message, row.log, row.seq))

        expected = last.seq + 1 if last else 1
        if row.seq != expected:
            find(f"expected commit {expected}, which is missing")
        elif row.prev != (last.hash if last else EMPTY_HASH):
            find("it does not continue the commit before it")
        if merkle_root(self._leaves(turns)) != row.root:
            find("its turns are not those that were committed")
        rest = row.kind.encode() + row.root + row.note
        if chain_hash(row.prev, row.log, row.seq, row.at, rest) != row.hash:
            find("its own row was altered")
        if last is not None and last.kind == "seal":
            find("it follows the seal of its log")
        if (row.kind == "open") != (last is None):
            find(f"expected the first commit alone to open its log, got kind `{row.kind}`")
        if row.kind == "open":
            self._opening(row)

    def _opening(self, row: ChainRow) -> None:
        try:
            note = msgspec.msgpack.decode(row.note, type=OpeningNote)
        except msgspec.DecodeError:
            self.findings.append(Finding("its opening note cannot be read", row.log, row.seq))
            return
        if note.cluster != self._cluster:
            self.findings.append(Finding("it was opened for another database", row.log, row.seq))
        self._seals.update((head.log, (row.log, head)) for head in note.seals)

    def _leaves(self, turns: list[JournalRow]) -> list[bytes]:
        leaves = []
        for n, turn in enumerate(turns):
            place = (turn.log, turn.seq, turn.n, turn.aggregate)
            self.turns += 1
            if turn.n != n:
                self.findings.append(Finding(f"expected turn {n}, which is missing", *place))
            if turn.blob is None:
                self.erased += 1
            elif leaf_of(turn.aggregate, turn.version, turn.header, turn.blob) != turn.leaf:
                self.findings.append(Finding("its stored bytes were altered", *place))
            leaves.append(turn.leaf)
        return leaves

    # --- between logs

    def _links(self) -> None:
        """Check that a later log names every seal, and that what it names is there."""
        for log, head in self._heads.items():
            if head.kind == "seal" and log not in self._seals:
                self.findings.append(Finding("no later log names its seal", log, head.seq))
        for log, (opened, sealed) in sorted(self._seals.items()):
            last = self._heads.get(log)
            if last is None or (last.seq, last.hash) != (sealed.seq, sealed.hash):
                message = f"log {opened} took it over at commit {sealed.seq} with another hash"
                self.findings.append(Finding(message, log, None if last is None else last.seq))

    # --- aggregates and payloads

    def _versions(self) -> None:
        after: int | None = None
        while page := self._reader.versions(after, PAGE):
            for found in page:
                if found.lowest != 1 or found.highest != found.turns:
                    message = (
                        f"expected turns 1 to {found.highest}, but {found.turns} are there, the "
                        f"first with version {found.lowest}"
                    )
                    self.findings.append(Finding(message, aggregate=found.aggregate))
            if after is not None:
                _require_order("aggregates", (after,), (page[-1].aggregate,))
            after = page[-1].aggregate

    def _payloads(self) -> None:
        after: tuple[object, ...] | None = None
        while page := self._reader.rows("payload", after=after, limit=PAGE):
            for row in page:
                assert isinstance(row, PayloadRow), "the payload table holds payload rows"
                if not fits("payload", row):
                    raise StoreCorrupt("the key of a payload was altered")
                _require_order("payloads", after, row[:2])
                after = row[:2]
                self.payloads += 1
                if row.data is None:
                    self.erased += 1
                elif digest_of(row.data) != row.digest:
                    message = f"the stored bytes of payload {row.digest.hex()} were altered"
                    self.findings.append(Finding(message, aggregate=row.aggregate))


def _require_order(what: str, last: tuple[Any, ...] | None, place: tuple[Any, ...]) -> None:
    """Raise `StoreCorrupt` for rows that do not rise: a damaged key would lead in circles."""
    if last is not None and place <= last:
        raise StoreCorrupt(f"the {what} stand out of order: {place} follows {last}")


def _commits_of(reader: Reader, log: int, head: ChainRow | None) -> Iterator[ChainRow]:
    after = 0
    while head is not None and (page := reader.chain(log, after, PAGE)):
        for row in page:
            if not fits("chain", row):
                raise StoreCorrupt(f"a field of commit {row.seq} was altered")
            if row.seq > head.seq:
                return
            _require_order("commits", (after,), (row.seq,))
            after = row.seq
            yield row


def _turns_of(reader: Reader, log: int, head: ChainRow | None) -> Iterator[JournalRow]:
    """Yield the turns up to the head; without one, all of them: they belong to no commit."""
    after = (0, -1)
    while page := reader.turns_of_log(log, after, PAGE):
        for turn in page:
            if not fits("journal", turn) or turn.log != log:
                raise StoreCorrupt(f"a field of turn {turn.n} of commit {turn.seq} was altered")
            _require_order("turns", after, turn[1:3])
            if head is not None and turn.seq > head.seq:
                return
            after = (turn.seq, turn.n)
            yield turn


class _Turns:
    """The turns of a log in order, one ahead."""

    def __init__(self, rows: Iterator[JournalRow]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def of(self, seq: int) -> list[JournalRow]:
        """Return the turns of one commit."""
        found = []
        while self._next is not None and self._next.seq == seq:
            found.append(self._next)
            self._next = next(self._rows, None)
        return found

    def before(self, seq: int) -> Iterator[JournalRow]:
        """Yield the turns that stand before a commit and belong to none."""
        while self._next is not None and self._next.seq < seq:
            yield self._next
            self._next = next(self._rows, None)

    def rest(self) -> Iterator[JournalRow]:
        """Yield what no commit has claimed."""
        while self._next is not None:
            yield self._next
            self._next = next(self._rows, None)
