"""A reader sees one state of the database in each call, whatever is committed meanwhile."""

from __future__ import annotations

import asyncio

from tenuto.assembly import running
from tenuto.store.sqlite_reader import SqliteReader
from tests.spec.models import end, flows, model, start, task


class Interrupted(SqliteReader):
    """A reader during whose second query something is committed."""

    between = None

    def _all(self, name, parameters=()):
        if name == "journal_tail" and self.between is not None:
            between, self.between = self.between, None
            between()
        return super()._all(name, parameters)


def test_an_instance_and_its_turns_are_of_the_same_commit(tmp_path):
    """A turn that is committed between two queries is in neither."""
    waits = model(start() + task("w", "work") + end() + flows("start>w", "w>end"), process="p")
    with running(tmp_path / "a.db") as at:
        asyncio.run(at.client.deploy_sources([("p.bpmn", "bpmn", waits)]))
        key = asyncio.run(at.client.start("p"))
        reader = Interrupted(tmp_path / "a.db")
        reader.between = lambda: asyncio.run(at.client.set_variables(key, {"a": 1}))
        try:
            before = reader.instance(int(key))
            after = reader.instance(int(key))
        finally:
            reader.close()

    assert (before.row.version, len(before.tail)) == (1, 1)
    assert (after.row.version, len(after.tail)) == (2, 2)
