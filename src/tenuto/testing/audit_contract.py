"""The contract of a store, continued: what audit and erasure rely on, and values no store keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest

from tenuto.engine import rows as r
from tenuto.errors import StoreRefused
from tenuto.store.audit import verify_chain
from tenuto.store.port import Store
from tenuto.testing import batches as b
from tenuto.testing.batches import Pen, contents


class AuditContract(ABC):
    """What every store promises to those who check it."""

    @abstractmethod
    def open(self) -> Store:
        """Return a store on an empty database."""

    def test_what_was_committed_is_sound(self) -> None:
        """Two lives with several commits leave a chain without findings."""
        store = self.open()
        for life in (0, 1):
            pen = Pen(store)
            for version in (1, 2):
                pen.commit(b.payload(life, b"v"), turns=[(life, version), (-7 - life, version)])

        reader = store.reader()
        report = verify_chain(reader)
        reader.close()

        assert report.findings == []
        assert (report.commits, report.turns, report.payloads) == (7, 8, 2)

    def test_a_database_has_an_identity(self) -> None:
        """The identity stays the same from log to log."""
        store = self.open()
        Pen(store)
        reader = store.reader()
        first = reader.cluster()
        Pen(store)

        assert first
        assert reader.cluster() == first
        reader.close()

    def test_every_log_has_a_head(self) -> None:
        """The head of a log is its newest commit: a seal, or the last one written."""
        store = self.open()
        first, second = Pen(store), Pen(store)
        last = second.commit(turns=[(1, 1)])
        reader = store.reader()

        heads = reader.log_heads()
        reader.close()

        assert [(head.log, head.kind) for head in heads] == [
            (first.head.log, "seal"),
            (second.head.log, "commit"),
        ]
        assert heads[1].hash == last.chain.hash

    def test_versions_are_listed_by_aggregate(self) -> None:
        """Each aggregate has its lowest and highest version and their count, in pages by key."""
        pen = Pen(self.open())
        pen.commit(turns=[(5, 1), (-3, 1), (5, 2)])
        pen.commit(turns=[(5, 3), (9, 1)])
        reader = pen.store.reader()

        pages = reader.versions(None, 2), reader.versions(5, 2), reader.versions(9, 2)
        reader.close()

        assert pages == ([(-3, 1, 1, 1), (5, 1, 3, 3)], [(9, 1, 1, 1)], [])

    @pytest.mark.parametrize(
        "row",
        [
            b.instance(2, process="\ud800"),
            b.instance(2, started_at=1 << 63),
            b.instance(2, status=None),
            b.instance(2, snapshot="text"),
        ],
        ids=["surrogate", "65 bits", "missing", "text for bytes"],
    )
    def test_a_value_that_nobody_can_keep_is_refused(self, row: r.InstanceRow) -> None:
        """Such a row is refused with its whole batch, and the store goes on."""
        pen = Pen(self.open())

        with pytest.raises(StoreRefused):
            pen.commit(b.instance(1), row, turns=[(1, 1)])

        assert contents(pen.store)["instance"] == []
        pen.commit(b.instance(3), turns=[(3, 1)])
