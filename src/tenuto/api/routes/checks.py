"""Checks by operators: is everything as it was written, and is the machine well.

State and chain are verified in parts that their caller asks for one after the other, each on a
reader's thread, so a check of any length delays nobody for longer than a part takes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, Struct

from tenuto.api.http import Request, Response, json_response
from tenuto.api.pages import Paged, place_of
from tenuto.api.routing import Route
from tenuto.governance.permits import Permission
from tenuto.runtime import doctor, limits
from tenuto.runtime import verify as state
from tenuto.store import audit
from tenuto.store.chain_check import AtLinks, InLogs, InPayloads, InVersions

if TYPE_CHECKING:
    from tenuto.api.service import Service
    from tenuto.client.reading import Reading
    from tenuto.store.chain_check import Finding, Place

STATE: Final = "verify"
CHAIN: Final = "chain"
# Enough to tell a quick disk from a slow one, and few enough to be in nobody's way.
FSYNC_ROUNDS: Final = 10
PARTS: Final = (InLogs, AtLinks, InVersions, InPayloads)

Hex = Annotated[str, Meta(pattern=r"^[0-9a-f]*$", max_length=128)]
Number = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class DifferentRow(Struct):
    """A row of `aggregate` that its journal does not imply."""

    aggregate: str
    table: str
    expected: str
    found: str


class VerifiedPart(Struct):
    """What was folded again, and what did not agree. The next part begins at `next`.

    `pruned` cannot be folded; `moved` never stood still while they were looked at.
    """

    instances: int
    aggregates: int
    turns: int
    pruned: int
    moved: int
    differences: list[DifferentRow]
    next: str | None


class NotAsWritten(Struct):
    """Something in the chain that is not as it was written, and where."""

    message: str
    log: int | None
    seq: int | None
    n: int | None
    aggregate: str | None


class AuditedPart(Struct):
    """What of the chain was recomputed, and what is not as it was written. The next part begins at
    `next`.

    The bytes of what is `erased` are gone, their hashes are intact.
    """

    commits: int
    turns: int
    payloads: int
    erased: int
    findings: list[NotAsWritten]
    next: str | None


class ChainHead(Struct, forbid_unknown_fields=True):
    """The newest commit of a log; its hash in hexadecimal."""

    log: Number
    seq: Number
    hash: Hex


class ChainHeads(Struct):
    """The heads of all logs of a database, to be signed and kept elsewhere."""

    cluster: str
    heads: list[ChainHead]


class GivenWitness(Struct, forbid_unknown_fields=True):
    """The heads that were signed at an earlier moment."""

    cluster: Hex
    heads: list[ChainHead]
    public_key: Hex
    signature: Hex


class Compared(Struct):
    """What the witness saw and the database lacks, or has otherwise."""

    findings: list[NotAsWritten]


class DoctorCheck(Struct):
    """One thing that was looked at: ok, warn or fail, and what to do about it."""

    name: str
    status: str
    found: str
    remedy: str


async def verify_state(service: Service, request: Request) -> Response:
    """Fold about `limit` turns again and compare them with the rows that queries read."""
    paged = request.query(Paged)
    given = place_of(service.cursors, STATE, paged, list)
    after = None if given is None else state.Place(*given)

    def look(read: Reading) -> tuple[state.Report, state.Place | None]:
        return state.verify_page(read.reader, after, turns_max=paged.limit)

    report, place = await service.reading(look)
    counts = report[:-1]
    differences = [
        DifferentRow(str(one.aggregate), one.table, one.expected, one.found)
        for one in report.differences
    ]
    following = None if place is None else service.cursors.close(STATE, place)
    return json_response(VerifiedPart(*counts, differences, following))


async def audit_chain(service: Service, request: Request) -> Response:
    """Recompute the hashes of about `limit` commits, turns and payloads."""
    paged = request.query(Paged)
    given = place_of(service.cursors, CHAIN, paged, list)
    after = None if given is None else _place(given)

    def look(read: Reading) -> tuple[audit.AuditReport, Place | None]:
        return audit.verify_page(read.reader, after, rows_max=paged.limit)

    report, place = await service.reading(look)
    counts = report.commits, report.turns, report.payloads, report.erased
    following = None
    if place is not None:
        following = service.cursors.close(CHAIN, [PARTS.index(type(place)), *place])
    return json_response(AuditedPart(*counts, _findings(report.findings), following))


def _place(given: list[Any]) -> Place:
    """Return the place in a pass that a cursor holds."""
    number, *fields = given
    if PARTS[number] is InPayloads:
        return InPayloads(tuple(fields[0]))
    place: Place = PARTS[number](*fields)
    return place


async def show_heads(service: Service, request: Request) -> Response:
    """Give the newest commits of all logs."""
    cluster, heads = await service.reading(lambda read: audit.heads_of(read.reader))
    shown = [ChainHead(head.log, head.seq, head.hash) for head in heads]
    return json_response(ChainHeads(cluster, shown))


async def compare_witness(service: Service, request: Request) -> Response:
    """Compare the chain with what was signed at an earlier moment. Nothing is kept."""
    given = await request.json(GivenWitness)
    heads = tuple(audit.Head(one.log, one.seq, one.hash) for one in given.heads)
    witness = audit.Witness(given.cluster, heads, given.public_key, given.signature)
    found = await service.reading(lambda read: audit.compare(read.reader, witness))
    return json_response(Compared(_findings(found)))


def _findings(found: list[Finding]) -> list[NotAsWritten]:
    return [
        NotAsWritten(
            one.message,
            one.log,
            one.seq,
            one.n,
            None if one.aggregate is None else str(one.aggregate),
        )
        for one in found
    ]


async def examine(service: Service, request: Request) -> Response:
    """Look at this server, its machine and its database."""
    database = service.database
    found = [_of_server(service), *await service.on_thread(lambda: _of_machine(database))]
    return json_response([DoctorCheck(*one) for one in found])


def _of_server(service: Service) -> doctor.Check:
    pending = service.node.pending
    is_full = pending >= limits.INBOX_MAX
    return doctor.Check(
        "server",
        doctor.WARN if is_full else doctor.OK,
        f"process {os.getpid()}, {pending:,} requests wait",
        "it refuses more until it has done some: send less at once" if is_full else "",
    )


def _of_machine(database: Path | None) -> list[doctor.Check]:
    found = [*doctor.machine()]
    if database is not None:
        found += [*doctor.disk(database, rounds=FSYNC_ROUNDS), *doctor.contents(database)]
    return found


def _route(method: str, path: str, endpoint: Any, name: str, **more: Any) -> Route:
    return Route(
        method=method,
        path=f"/api/v1/{path}",
        endpoint=endpoint,
        name=name,
        tag="checks",
        permission=Permission.OPERATE,
        **more,
    )


ROUTES = (
    _route(
        "GET",
        "verify",
        verify_state,
        "verifyState",
        summary="Fold a part of the journal again and compare it with the rows",
        query=Paged,
        answer=VerifiedPart,
        problems=("invalid-cursor",),
    ),
    _route(
        "GET",
        "audit/chain",
        audit_chain,
        "auditChain",
        summary="Recompute a part of the chain of hashes",
        query=Paged,
        answer=AuditedPart,
        problems=("invalid-cursor",),
    ),
    _route(
        "GET",
        "audit/heads",
        show_heads,
        "getHeads",
        summary="Give the heads of all logs, to be signed and kept elsewhere",
        answer=ChainHeads,
    ),
    _route(
        "POST",
        "audit/witness",
        compare_witness,
        "compareWitness",
        summary="Compare the chain with a witness; nothing is kept",
        body=GivenWitness,
        answer=Compared,
    ),
    _route(
        "GET",
        "doctor",
        examine,
        "examine",
        summary="Look at the server, its machine and its database",
        answer=list[DoctorCheck],
    ),
)
