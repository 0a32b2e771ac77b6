"""Checking the chain: a pass over a database that recomputes every hash from the stored bytes.

What is read may have been altered by anyone with access to the file, so nothing of it is trusted:
kinds of columns, order, numbers and notes are checked before they are used.

A pass goes in pages, so that a server can make it beside its work: logs one after the other, what
they say of each other, the versions of aggregates, payloads. A log is checked up to where it ended
when the pass came to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from tenuto.engine.rows import PayloadRow
from tenuto.engine.stored import digest_of
from tenuto.errors import StoreCorrupt
from tenuto.store.codec import chain_hash, leaf_of, merkle_root
from tenuto.store.kinds import fits
from tenuto.store.port import ChainRow, JournalRow, Reader

PAGE: Final = 512
EMPTY_HASH: Final = bytes(32)
NO_LOG: Final = -(1 << 63)
PAST_A_COMMIT: Final = 1 << 62

P = TypeVar("P")
Q = TypeVar("Q")


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


class InLogs(NamedTuple):
    """In a log, before its first commit or after one of `seq`, `hash` and `kind`.

    Its last commit to be checked is `until`.
    """

    log: int
    until: int
    seq: int = 0
    hash: bytes = EMPTY_HASH
    kind: str = ""


class AtLinks(NamedTuple):
    """After all logs."""


class InVersions(NamedTuple):
    """After an aggregate; before all when it is None."""

    aggregate: int | None = None


class InPayloads(NamedTuple):
    """After a payload, given by its digest and aggregate; before all when it is None."""

    payload: tuple[Any, ...] | None = None


Place = InLogs | AtLinks | InVersions | InPayloads


class ChainCheck:
    """One page of a pass over a database."""

    def __init__(self, reader: Reader) -> None:
        """Begin with nothing checked."""
        self._reader = reader
        self._rows_max = 0
        self.commits = self.turns = self.payloads = self.erased = 0
        self._aggregates = 0
        self._cluster = b""
        # Where each log ended when this page came to the first of them.
        self._ends: list[tuple[int, int]] | None = None
        self.findings: list[Finding] = []

    def run(self, place: Place | None, rows_max: int) -> Place | None:
        """Check about `rows_max` rows after a place, all from the beginning if there is none.

        Returns the place of the next page, nothing at the end. What cannot be read is found.
        """
        self._rows_max = rows_max
        while not self._is_full:
            if place is None:
                place = self._guarded(None, AtLinks(), self._begin)
            elif isinstance(place, InLogs):
                log = place.log
                place = self._guarded(log, None, partial(self._log, place))
                place = place or self._guarded(None, AtLinks(), partial(self._next_log, log))
            elif isinstance(place, AtLinks):
                place = self._guarded(None, InVersions(), self._links)
            elif isinstance(place, InVersions):
                place = self._guarded(None, InPayloads(), partial(self._versions, place))
            else:
                place = self._guarded(None, None, partial(self._payloads, place))
                if place is None:
                    return None
        return place

    @property
    def _is_full(self) -> bool:
        return self.commits + self.turns + self.payloads + self._aggregates >= self._rows_max

    def _guarded(self, log: int | None, after: P, check: Callable[[], Q]) -> P | Q:
        """Return what a check gives; `after` when what it reads is damaged, which is found."""
        try:
            return check()
        except StoreCorrupt as error:
            self.findings.append(Finding(str(error), log))
            return after

    # --- a log

    def _begin(self) -> Place:
        self._reader.cluster()
        return self._next_log(NO_LOG)

    def _next_log(self, log: int) -> Place:
        """Return where the log after one begins, and how far it goes."""
        if self._ends is None:
            heads = {head.log: head.seq for head in self._heads()}
            self._ends = [(one, heads.get(one, 0)) for one in self._reader.logs()]
        following = [end for end in self._ends if end[0] > log]
        return InLogs(*following[0]) if following else AtLinks()

    def _heads(self) -> list[ChainRow]:
        return [head for head in self._reader.log_heads() if fits("chain", head)]

    def _log(self, place: InLogs) -> InLogs | None:
        """Check commits of a log; nothing when it is checked to its end."""
        self._cluster = self._reader.cluster()
        log, last = place.log, place
        turns = _Turns(_turns_of(self._reader, place))
        for row in _commits_of(self._reader, place):
            self._strays(log, turns.before(row.seq))
            self._commit(row, last, turns.of(row.seq))
            last = InLogs(log, place.until, row.seq, row.hash, row.kind)
            self.commits += 1
            if self._is_full and row.seq < place.until:
                return last
        self._strays(log, turns.rest())
        if last.seq == 0:
            self.findings.append(Finding("it has no commit", log))
        return None

    def _strays(self, log: int, turns: Iterator[JournalRow]) -> None:
        for turn in turns:
            message = "a turn stands outside every commit"
            self.findings.append(Finding(message, log, turn.seq, turn.n, turn.aggregate))

    def _commit(self, row: ChainRow, last: InLogs, turns: list[JournalRow]) -> None:
        def find(message: str) -> None:
            self.findings.append(Finding(message, row.log, row.seq))

        if row.seq != last.seq + 1:
            find(f"expected commit {last.seq + 1}, which is missing")
        elif row.prev != last.hash:
            find("it does not continue the commit before it")
        if merkle_root(self._leaves(turns)) != row.root:
            find("its turns are not those that were committed")
        rest = row.kind.encode() + row.root + row.note
        if chain_hash(row.prev, row.log, row.seq, row.at, rest) != row.hash:
            find("its own row was altered")
        if last.kind == "seal":
            find("it follows the seal of its log")
        if (row.kind == "open") != (last.seq == 0):
            find(f"expected the first commit alone to open its log, got kind `{row.kind}`")
        if row.kind == "open":
            self._opening(row)

    def _opening(self, row: ChainRow) -> None:
        note = _note_of(row)
        if note is None:
            self.findings.append(Finding("its opening note cannot be read", row.log, row.seq))
        elif note.cluster != self._cluster:
            self.findings.append(Finding("it was opened for another database", row.log, row.seq))

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

    def _links(self) -> Place:
        """Check that a later log names every seal, and that what it names is there."""
        heads = {head.log: head for head in self._heads()}
        seals = self._seals()
        for log, head in heads.items():
            if head.kind == "seal" and log not in seals:
                self.findings.append(Finding("no later log names its seal", log, head.seq))
        for log, (opened, sealed) in sorted(seals.items()):
            last = heads.get(log)
            if last is None or (last.seq, last.hash) != (sealed.seq, sealed.hash):
                message = f"log {opened} took it over at commit {sealed.seq} with another hash"
                self.findings.append(Finding(message, log, None if last is None else last.seq))
        return InVersions()

    def _seals(self) -> dict[int, tuple[int, SealedHead]]:
        """Return the seals that logs name as they open, with the log that names each."""
        found: dict[int, tuple[int, SealedHead]] = {}
        for log in self._reader.logs():
            for row in self._reader.chain(log, 0, 1):
                note = _note_of(row) if fits("chain", row) and row.kind == "open" else None
                if note is not None:
                    found.update((head.log, (log, head)) for head in note.seals)
        return found

    # --- aggregates and payloads

    def _versions(self, place: InVersions) -> Place:
        page = self._reader.versions(place.aggregate, PAGE)
        self._aggregates += len(page)
        for found in page:
            if found.lowest != 1 or found.highest != found.turns:
                message = (
                    f"expected turns 1 to {found.highest}, but {found.turns} are there, the "
                    f"first with version {found.lowest}"
                )
                self.findings.append(Finding(message, aggregate=found.aggregate))
        if not page:
            return InPayloads()
        last = page[-1].aggregate
        if place.aggregate is not None:
            _require_order("aggregates", (place.aggregate,), (last,))
        return InVersions(last)

    def _payloads(self, place: InPayloads) -> Place | None:
        after = place.payload
        for row in self._reader.rows("payload", after=after, limit=PAGE):
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
        return None if after == place.payload else InPayloads(after)


def _note_of(row: ChainRow) -> OpeningNote | None:
    """Return what an opening row says; nothing when it cannot be read."""
    try:
        return msgspec.msgpack.decode(row.note, type=OpeningNote)
    except msgspec.DecodeError:
        return None


def _require_order(what: str, last: tuple[Any, ...] | None, place: tuple[Any, ...]) -> None:
    """Raise `StoreCorrupt` for rows that do not rise: a damaged key would lead in circles."""
    if last is not None and place <= last:
        raise StoreCorrupt(f"the {what} stand out of order: {place} follows {last}")


def _commits_of(reader: Reader, place: InLogs) -> Iterator[ChainRow]:
    after = place.seq
    while after < place.until and (page := reader.chain(place.log, after, PAGE)):
        for row in page:
            if not fits("chain", row):
                raise StoreCorrupt(f"a field of commit {row.seq} was altered")
            if row.seq > place.until:
                return
            _require_order("commits", (after,), (row.seq,))
            after = row.seq
            yield row


def _turns_of(reader: Reader, place: InLogs) -> Iterator[JournalRow]:
    """Yield the turns up to the head; without one, all of them: they belong to no commit."""
    log, after = place.log, (place.seq, PAST_A_COMMIT if place.seq else -1)
    while page := reader.turns_of_log(log, after, PAGE):
        for turn in page:
            if not fits("journal", turn) or turn.log != log:
                raise StoreCorrupt(f"a field of turn {turn.n} of commit {turn.seq} was altered")
            _require_order("turns", after, turn[1:3])
            if place.until and turn.seq > place.until:
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
