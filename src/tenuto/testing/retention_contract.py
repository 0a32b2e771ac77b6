"""What every store promises of retention: subclass it beside `StoreContract`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from tenuto.engine.stored import digest_of
from tenuto.store.audit import verify_chain
from tenuto.store.port import Store
from tenuto.testing import batches as b
from tenuto.testing.batches import Pen, contents

Deletes = dict[str, Sequence[tuple[object, ...]]]

LETTER = b"a letter that is kept apart"


class RetentionContract(ABC):
    """What has ended goes with all that is its own; hashes stay, and so does what runs."""

    @abstractmethod
    def open(self) -> Store:
        """Return a store on an empty database."""

    @abstractmethod
    def reopen(self) -> Store:
        """Return the store as the next process finds it; the one before has ended."""

    def test_an_instance_that_ended_goes_and_its_turns_keep_their_hashes(self) -> None:
        """The row is gone; of its turns the leaves and headers stay, and the chain is sound."""
        pen = Pen(self.open())
        pen.commit(b.instance(1, ended_at=9), b.instance(2), turns=[(1, 1), (2, 1), (1, 2)])
        before = contents(pen.store)["journal"]

        assert pen.store.prune_instances([1], {}) == [1]

        found = contents(pen.store)
        assert [row.key for row in found["instances"]] == [2]
        assert [turn[:7] for turn in found["journal"]] == [turn[:7] for turn in before]
        assert [turn.aggregate for turn in found["journal"] if turn.blob] == [2]
        reader = pen.store.reader()
        report = verify_chain(reader)
        reader.close()
        assert (report.findings, report.erased, report.turns) == ([], 2, 3)
        assert pen.store.load_instances([1]) == []

    def test_what_runs_or_is_not_there_stays_as_it_is(self) -> None:
        """Nothing of it is touched, whatever else is named."""
        pen = Pen(self.open())
        pen.commit(b.instance(1), b.payload(1, LETTER), b.dedupe("k", 1), turns=[(1, 1)])
        before = contents(pen.store)
        deletes: Deletes = {"payload": [(digest_of(LETTER), 1)], "dedupe": [("start:claim", "k")]}

        assert pen.store.prune_instances([1, 77], deletes) == []
        assert contents(pen.store) == before

    def test_rows_that_belong_to_it_go_with_it(self) -> None:
        """Values, used keys and natural keys of others stay."""
        pen = Pen(self.open())
        pen.commit(b.instance(1, ended_at=9), b.instance(2, ended_at=9))
        pen.commit(b.payload(1, LETTER), b.payload(2, LETTER))
        pen.commit(b.dedupe("one", 1), b.dedupe("two", 2))
        pen.commit(b.natural_key(1), b.natural_key(2))
        digest = digest_of(LETTER)
        keys = [("start:claim", "one"), ("start:claim", "two")]
        deletes: Deletes = {"payload": [(digest, 1), (digest, 2)], "dedupe": keys}

        assert pen.store.prune_instances([1, 1], deletes) == [1]

        found = contents(pen.store)
        assert [row.aggregate for row in found["payload"]] == [2]
        assert [row.key for row in found["dedupe"]] == ["two"]
        assert [row.instance for row in found["natural_key"]] == [2]

    def test_a_store_goes_on_after_instances_are_gone(self) -> None:
        """The next process finds the same, and its commits follow."""
        pen = Pen(self.open())
        pen.commit(b.instance(1, ended_at=9, business_key="A"), turns=[(1, 1)])
        pen.store.prune_instances([1], {})
        pen.commit(b.instance(2, business_key="A"), turns=[(2, 1)])
        after = Pen(self.reopen())
        after.commit(b.instance(3), turns=[(3, 1)])

        assert [row.key for row in contents(after.store)["instances"]] == [3, 2]
