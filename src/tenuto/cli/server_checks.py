"""Proof asked of a server, part by part; the reports are those that a file gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tenuto.runtime import verify as state
from tenuto.store import audit
from tenuto.store.chain_check import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenuto.client.blocking import BlockingClient


def verify_state(client: BlockingClient) -> state.Report:
    """Let a server fold its journal again and compare it with its rows."""
    total = state.NOTHING
    for part in client.parts("/verify"):
        differences = [
            state.Difference(int(one["aggregate"]), one["table"], one["expected"], one["found"])
            for one in part["differences"]
        ]
        report = state.Report(
            part["instances"],
            part["aggregates"],
            part["turns"],
            part["pruned"],
            part["moved"],
            differences,
        )
        total = state.add(total, report)
    return total


def verify_chain(client: BlockingClient, witness: audit.Witness | None) -> audit.AuditReport:
    """Let a server recompute its chain, and compare it with a witness if there is one."""
    missed = None
    if witness is not None:
        given = msgspec.to_builtins(witness)
        missed = _findings(client.ask("POST", "/audit/witness", given)["findings"])
    total = audit.AuditReport(0, 0, 0, 0, [])
    for part in client.parts("/audit/chain"):
        counts = part["commits"], part["turns"], part["payloads"], part["erased"]
        total = audit.add(total, audit.AuditReport(*counts, _findings(part["findings"])))
    return total if missed is None else audit.witnessed(total, missed)


def heads_of(client: BlockingClient) -> tuple[str, tuple[audit.Head, ...]]:
    """Return the identity of a server's database and the heads of all its logs."""
    found = client.ask("GET", "/audit/heads")
    return found["cluster"], tuple(audit.Head(**head) for head in found["heads"])


def _findings(found: Sequence[dict[str, Any]]) -> list[Finding]:
    return [
        Finding(
            one["message"],
            one["log"],
            one["seq"],
            one["n"],
            None if one["aggregate"] is None else int(one["aggregate"]),
        )
        for one in found
    ]
