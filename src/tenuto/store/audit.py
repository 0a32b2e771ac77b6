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
from typing import Final, Literal, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenuto.errors import InputError, StoreCorrupt
from tenuto.store.chain_check import ChainCheck, Finding, Place
from tenuto.store.port import Reader

ROWS_AT_ONCE: Final = 4_000
UNPROVEN: Final = "unproven"
PROVEN: Final = "proven"
_COUNTS = struct.Struct(">II")
_HEAD = struct.Struct(">qq32s")


class AuditReport(NamedTuple):
    """What was checked. `erased` counts turns and payloads whose bytes are gone but whose hash is
    intact.

    `witness` tells whether a witness proves the tail.
    """

    commits: int
    turns: int
    payloads: int
    erased: int
    findings: list[Finding]
    witness: Literal["proven", "unproven"] = UNPROVEN

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing was found."""
        return not self.findings


class Head(msgspec.Struct, frozen=True):
    """The newest commit of a log when the witness was made. The hash is hexadecimal text."""

    log: int
    seq: int
    hash: str


class Witness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The heads of all logs of a database, signed.

    Keep it where the owner of the database cannot write. Bytes are hexadecimal text.
    """

    cluster: str
    heads: tuple[Head, ...]
    public_key: str
    signature: str


def verify_chain(reader: Reader) -> AuditReport:
    """Recompute the whole chain from what is stored; read in pages, without a long transaction."""
    report, place = verify_page(reader)
    while place is not None:
        page, place = verify_page(reader, place)
        report = add(report, page)
    return report


def verify_page(
    reader: Reader, after: Place | None = None, *, rows_max: int = ROWS_AT_ONCE
) -> tuple[AuditReport, Place | None]:
    """Recompute a part of the chain after a place; return the place of the next part, if any.

    A part ends soon after `rows_max` commits, turns and payloads.
    """
    check = ChainCheck(reader)
    place = check.run(after, rows_max)
    counts = check.commits, check.turns, check.payloads, check.erased
    return AuditReport(*counts, check.findings), place


def add(one: AuditReport, other: AuditReport) -> AuditReport:
    """Return what two parts of a pass found together."""
    return AuditReport(
        one.commits + other.commits,
        one.turns + other.turns,
        one.payloads + other.payloads,
        one.erased + other.erased,
        [*one.findings, *other.findings],
    )


def verify_against(
    reader: Reader, witness: Witness, *, public_key: str | None = None
) -> AuditReport:
    """Verify the chain, and that it still contains every head that the witness saw.

    Finds a truncated tail, a rewritten database and an older copy that was put back. Whoever can
    replace the file of the witness can sign another one: give the `public_key` (hexadecimal) that
    it must be signed with, where you know it.
    """
    missed = compare(reader, witness, public_key=public_key)
    return witnessed(verify_chain(reader), missed)


def witnessed(report: AuditReport, missed: list[Finding]) -> AuditReport:
    """Return a report with what the comparison with a witness has found."""
    findings = [*report.findings, *missed]
    return report._replace(findings=findings, witness=UNPROVEN if missed else PROVEN)


def compare(reader: Reader, witness: Witness, *, public_key: str | None = None) -> list[Finding]:
    """Return what a witness saw that the chain lacks or has otherwise."""
    try:
        return list(_missed(reader, witness, public_key))
    except StoreCorrupt as error:
        return [Finding(str(error))]


def _missed(reader: Reader, witness: Witness, public_key: str | None) -> Iterator[Finding]:
    if public_key is not None and witness.public_key != public_key:
        yield Finding("the witness is signed with another key")
    if not _signature_holds(witness):
        yield Finding("the signature of the witness does not fit its heads")
    if reader.cluster().hex() != witness.cluster:
        yield Finding("the witness is of another database")
    for head in witness.heads:
        found = next(iter(reader.chain(head.log, head.seq - 1, 1)), None)
        if found is None or found.seq != head.seq:
            message = (
                "the witness saw it, but it is missing: the tail was cut or an older copy was put "
                "back"
            )
            yield Finding(message, head.log, head.seq)
        elif found.hash.hex() != head.hash:
            message = "the witness saw another hash: the database was rewritten"
            yield Finding(message, head.log, head.seq)


# --- making a witness


def checkpoint(reader: Reader, key_file: Path) -> Witness:
    """Return the signed heads of all logs; the key is made on first use, readable by its owner
    alone.
    """
    return sign(*heads_of(reader), key_file)


def heads_of(reader: Reader) -> tuple[str, tuple[Head, ...]]:
    """Return the identity of a database and the heads of all its logs, to be signed."""
    heads = tuple(Head(row.log, row.seq, row.hash.hex()) for row in reader.log_heads())
    return reader.cluster().hex(), heads


def sign(cluster: str, heads: tuple[Head, ...], key_file: Path) -> Witness:
    """Return heads, signed; the key is made on first use, readable by its owner alone."""
    key = _load_key(key_file)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    return Witness(cluster, heads, public, key.sign(_signed_bytes(cluster, heads)).hex())


def _load_key(path: Path) -> Ed25519PrivateKey:
    if path.exists():
        try:
            return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
        except (OSError, ValueError) as error:
            raise InputError(
                f"expected the key of a witness in `{path}`, but {error}; name another file or "
                "remove this one"
            ) from error
    key = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key.private_bytes_raw())
        file.flush()
        os.fsync(file.fileno())
    return key


def _signed_bytes(cluster: str, heads: tuple[Head, ...]) -> bytes:
    identity = bytes.fromhex(cluster)
    parts = [_HEAD.pack(head.log, head.seq, bytes.fromhex(head.hash)) for head in heads]
    return (
        b"tenuto-witness-1" + _COUNTS.pack(len(identity), len(parts)) + identity + b"".join(parts)
    )


def _signature_holds(witness: Witness) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(witness.public_key))
        signed = _signed_bytes(witness.cluster, witness.heads)
        public.verify(bytes.fromhex(witness.signature), signed)
    except (InvalidSignature, ValueError, struct.error):
        return False
    return True


# --- the file of a witness


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
