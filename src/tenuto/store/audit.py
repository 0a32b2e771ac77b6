"""Audit: the journal proves that it was not altered, and a witness outside proves that it is whole.

`verify_chain` recomputes every leaf from the stored bytes, every Merkle root, and the hash of every
commit over the one before it. What a chain alone cannot show is a truncated tail, a database
rewritten by whoever owns it, or an older copy put back: a *witness*, the signed heads of all logs
kept outside the database, does (commit protocol, finding A4). Without one the tail is unproven, and
the report says so.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenuto.engine.rows import PayloadRow
from tenuto.engine.stored import digest_of
from tenuto.errors import InputError
from tenuto.store.codec import chain_hash, leaf_of, merkle_root
from tenuto.store.port import ChainRow, JournalRow, Reader

PAGE = 512
UNPROVEN = "unproven"
PROVEN = "proven"


class Finding(NamedTuple):
    """Something that is not as it was written, and where."""

    place: str
    message: str

    def __str__(self) -> str:
        """Return the finding as a sentence."""
        return f"{self.place}: {self.message}"


class AuditReport(NamedTuple):
    """What was checked. `erased` counts turns and payloads whose bytes are gone but whose hash is
    intact.

    `tail` is `proven` by a witness or `unproven`.
    """

    commits: int
    turns: int
    payloads: int
    erased: int
    findings: list[Finding]
    tail: str = UNPROVEN

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing was found."""
        return not self.findings


class Head(msgspec.Struct, frozen=True):
    """The newest commit of a log when the witness was made. The hash is hexadecimal text."""

    log: int
    seq: int
    hash: str


class Witness(msgspec.Struct, frozen=True):
    """The heads of all logs, signed. Keep it where the owner of the database cannot write."""

    heads: tuple[Head, ...]
    public_key: str
    signature: str


# --- the chain


def verify_chain(reader: Reader) -> AuditReport:
    """Recompute the whole chain from what is stored; read in pages, without a long transaction."""
    check = _Check(reader)
    for log in reader.logs():
        check.log(log)
    check.links()
    payloads, erased = check.payloads()
    return AuditReport(check.commits, check.turns, payloads, check.erased + erased, check.findings)


class _Check:
    """One pass over a database."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._hashes: dict[tuple[int, int], bytes] = {}
        self._seals: list[tuple[int, tuple[int, int, bytes]]] = []
        self.commits = self.turns = self.erased = 0
        self.findings: list[Finding] = []

    def _find(self, place: str, message: str) -> None:
        self.findings.append(Finding(place, message))

    def log(self, log: int) -> None:
        """Check the commits of one log and the turns in them."""
        prev, seq = bytes(32), 0
        last: ChainRow | None = None
        turns = _Turns(self._reader, log)
        for row in _commits(self._reader, log):
            place = f"log {log} commit {row.seq}"
            if row.seq != seq + 1:
                self._find(place, f"expected commit {seq + 1}, which is missing")
            elif row.prev != prev:
                self._find(place, "it does not continue the commit before it")
            leaves = self._leaves(log, turns.of(row.seq))
            if merkle_root(leaves) != row.root:
                self._find(place, "its turns are not those that were committed")
            rest = row.kind.encode() + row.root + row.note
            if chain_hash(row.prev, log, row.seq, row.at, rest) != row.hash:
                self._find(place, "its own row was altered")
            self._note(row)
            prev, seq, last = row.hash, row.seq, row
            self.commits += 1
        for turn in turns.rest():
            self._find(f"log {log} commit {turn.seq}", "a turn stands outside every commit")
        if last is None:
            self._find(f"log {log}", "it has no commit")

    def _note(self, row: ChainRow) -> None:
        self._hashes[(row.log, row.seq)] = row.hash
        if row.kind == "open" and row.note:
            try:
                note = msgspec.msgpack.decode(row.note)
                self._seals += [(row.log, (head[0], head[1], head[2])) for head in note["seals"]]
            except (msgspec.DecodeError, KeyError, IndexError, TypeError):
                self._find(f"log {row.log} commit {row.seq}", "its opening note cannot be read")

    def _leaves(self, log: int, turns: list[JournalRow]) -> list[bytes]:
        leaves = []
        for n, turn in enumerate(turns):
            place = f"log {log} commit {turn.seq} turn {turn.n} (aggregate {turn.aggregate})"
            if turn.n != n:
                self._find(place, f"expected turn {n}, which is missing")
            if turn.blob is None:
                self.erased += 1
            elif leaf_of(turn.aggregate, turn.version, turn.header, turn.blob) != turn.leaf:
                self._find(place, "its stored bytes were altered")
            leaves.append(turn.leaf)
            self.turns += 1
        return leaves

    def links(self) -> None:
        """Check that every opening names the sealed heads that are there."""
        for log, (sealed, seq, digest) in self._seals:
            found = self._hashes.get((sealed, seq))
            if found != digest:
                what = "is missing" if found is None else "is another"
                self._find(f"log {log}", f"the sealed head {seq} of log {sealed} {what}")

    def payloads(self) -> tuple[int, int]:
        """Check the digest of every payload."""
        count = erased = 0
        after: tuple[object, ...] | None = None
        while page := self._reader.rows("payload", after=after, limit=PAGE):
            for row in page:
                assert isinstance(row, PayloadRow), "the payload table holds payload rows"
                count += 1
                if row.data is None:
                    erased += 1
                elif digest_of(row.data) != row.digest:
                    place = f"payload {row.digest.hex()[:16]} of {row.aggregate}"
                    self._find(place, "its stored bytes were altered")
            after = tuple(page[-1][:2])
        return count, erased


def _commits(reader: Reader, log: int) -> Iterator[ChainRow]:
    after = 0
    while page := reader.chain(log, after, PAGE):
        yield from page
        after = page[-1].seq


class _Turns:
    """The turns of a log in order, read a page of commits at a time."""

    def __init__(self, reader: Reader, log: int) -> None:
        self._rows = _turns_of(reader, log)
        self._next = next(self._rows, None)

    def of(self, seq: int) -> list[JournalRow]:
        """Return the turns of one commit."""
        found = []
        while self._next is not None and self._next.seq == seq:
            found.append(self._next)
            self._next = next(self._rows, None)
        return found

    def rest(self) -> Iterator[JournalRow]:
        """Yield what no commit has claimed."""
        while self._next is not None:
            yield self._next
            self._next = next(self._rows, None)


def _turns_of(reader: Reader, log: int) -> Iterator[JournalRow]:
    after = (0, -1)
    while page := reader.turns_of_log(log, after, PAGE):
        yield from page
        after = (page[-1].seq, page[-1].n)


# --- the witness


def checkpoint(reader: Reader, key_file: Path) -> Witness:
    """Return the signed heads of all logs; the key is made on first use, readable by its owner
    alone.
    """
    heads = tuple(_heads(reader))
    key = _load_key(key_file)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    return Witness(heads, public, key.sign(_signed_bytes(heads)).hex())


def _heads(reader: Reader) -> Iterator[Head]:
    for log in reader.logs():
        last: ChainRow | None = None
        for row in _commits(reader, log):
            last = row
        if last is not None:
            yield Head(log, last.seq, last.hash.hex())


def _signed_bytes(heads: tuple[Head, ...]) -> bytes:
    parts = [struct.pack(">qq", head.log, head.seq) + bytes.fromhex(head.hash) for head in heads]
    return b"tenuto-witness-1" + b"".join(parts)


def _load_key(path: Path) -> Ed25519PrivateKey:
    if path.exists():
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    key = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key.private_bytes_raw())
    return key


def write_witness(witness: Witness, path: Path) -> None:
    """Write a witness whole: to a file beside it, flushed to disk, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(witness)))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read_witness(path: Path) -> Witness:
    """Return a witness. Raises `InputError` when the file is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Witness)
    except OSError as error:
        raise InputError(f"expected a witness at `{path}`: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise InputError(f"expected a witness in `{path}`, but {error}") from error


def verify_against(reader: Reader, witness: Witness) -> AuditReport:
    """Verify the chain, and that it still contains every head that the witness saw.

    Finds a truncated tail, a rewritten database and an older copy that was put back.
    """
    report = verify_chain(reader)
    findings = list(report.findings)
    if not _signature_holds(witness):
        findings.append(Finding("witness", "its signature does not fit its heads"))
    for head in witness.heads:
        found = next(iter(reader.chain(head.log, head.seq - 1, 1)), None)
        place = f"log {head.log} commit {head.seq}"
        if found is None or found.seq != head.seq:
            findings.append(
                Finding(
                    place,
                    "the witness saw it, but it is missing: the tail was cut or an "
                    "older copy was put back",
                )
            )
        elif found.hash.hex() != head.hash:
            findings.append(
                Finding(place, "the witness saw another hash: the database was rewritten")
            )
    return report._replace(findings=findings, tail=PROVEN)


def _signature_holds(witness: Witness) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(witness.public_key))
        public.verify(bytes.fromhex(witness.signature), _signed_bytes(witness.heads))
    except (InvalidSignature, ValueError):
        return False
    return True
