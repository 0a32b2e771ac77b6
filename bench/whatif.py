"""What-if: records of the journal that are read and decided by two tables in a second."""

from __future__ import annotations

import time
from pathlib import Path

from bench.load import folder
from tenuto import dmn, values
from tenuto.client.reading import Reading
from tenuto.client.recorded import recorded_inputs
from tenuto.dmn.whatif import compare
from tenuto.engine.records import DecisionEvaluated, encode_records
from tenuto.store.chain import next_commit
from tenuto.store.codec import leaf_of, pack_blob
from tenuto.store.headers import Header, encode_header
from tenuto.store.port import Batch, JournalRow
from tenuto.store.sqlite import SqliteStore

RECORDS = 100_000
TURNS = 250
DIFFERENT = 2_000
NOW = 1_790_000_000_000
CLAIMS = Path(__file__).parents[1] / "examples" / "claims"
INPUTS = ("kind", "cause", "amount", "injury", "country", "channel")


def run() -> dict[str, float]:
    """Decide 100,000 recorded claims by the tables of two years."""
    old, new = (dmn.load(CLAIMS / name) for name in ("claims.dmn", "claims-2027.dmn"))
    with folder() as place:
        store = SqliteStore(place / "past.db")
        _record(store, _results(old))
        began = time.perf_counter()
        records = recorded_inputs(Reading(store), "claim-route")
        found = compare(old, new, "claim-route", records, value="outcome.reserve")
        seconds = time.perf_counter() - began
        store.close()
    assert (found.total, found.incomplete, found.failed) == (RECORDS, 0, 0), found
    return {
        "whatif.records_per_second": found.total / seconds,
        "whatif.changed.percent": 100 * found.changed / found.total,
    }


def _results(model: dmn.Model) -> list[bytes]:
    """Return the explained results of claims of the example, as the journal keeps them."""
    from tenuto.cli.whatif import csv_records

    claims = [record for _, record in csv_records(str(CLAIMS / "claims.csv"))]
    whole = [values.from_python(one) for one in claims if all(name in one for name in INPUTS)]
    return [
        values.encode(
            model.evaluate("claim-route", {name: one[name] for name in INPUTS}).to_value()
        )
        for one in whole[:DIFFERENT]
    ]


def _record(store: SqliteStore, results: list[bytes]) -> None:
    """Write a turn with one decision for each record."""
    head = store.open_log(node="bench", at=NOW)
    header = encode_header(Header("complete-job", NOW, 1))
    for start in range(0, RECORDS, TURNS):
        keys = range(start, start + TURNS)
        blobs = [
            pack_blob(
                encode_records(
                    [DecisionEvaluated(1, "claim-route", 1, results[key % len(results)])]
                )
            )
            for key in keys
        ]
        turns = list(zip(keys, blobs, strict=True))
        leaves = [leaf_of(key + 1, 1, header, blob) for key, blob in turns]
        chain = next_commit(head, NOW, leaves)
        journal = [
            JournalRow(chain.log, chain.seq, n, key + 1, 1, leaf, header, blob)
            for n, ((key, blob), leaf) in enumerate(zip(turns, leaves, strict=True))
        ]
        store.commit(Batch(chain, journal, {}, {}))
        head = head._replace(seq=chain.seq, hash=chain.hash)
