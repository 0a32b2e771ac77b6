"""The example of a long computation: killed in the middle, it goes on and gives the same result."""

from __future__ import annotations

import asyncio

import msgspec
import numpy as np
import pytest

from examples.science import arrays, ising, prove
from tenuto.worker.program import program_of
from tests.workflows.running import at_work


@pytest.mark.crash
@pytest.mark.timeout(120)
def test_a_killed_computation_goes_on_where_it_was_with_the_same_result():
    """No finished round is computed again, and no bit of the result differs (behaviour 1)."""
    proof = prove.prove("small")

    assert proof.first.result is None, "it was killed before its end"
    assert min(proof.resumed.rounds) >= max(proof.first.rounds)
    assert proof.computed_again == 0
    assert proof.is_same
    assert "same result bit for bit                      yes" in prove.table(proof)
    cold, hot = msgspec.json.decode(proof.whole.result, type=list[ising.Row])
    assert cold.order > 0.9
    assert hot.order < 0.3


def test_only_the_lattices_at_hand_stay_on_the_disk(tmp_path):
    """Each run that begins anew leaves the files of the older rounds behind."""
    plan = ising.SMALL
    folder = tmp_path / "data"
    with at_work(tmp_path / "a.db", program_of(ising)) as at:
        rows = asyncio.run(begin(at, plan, str(folder)))

    names = {path.name for path in folder.iterdir()}
    assert {row.lattice for row in rows} <= names
    assert len(names) <= len(plan.temperatures) * (plan.rounds_per_run + 1)


async def begin(at, plan, folder):
    """Compute a plan."""
    handle = await at.client.begin(ising.magnetize, plan, folder)
    return await handle.result()


def test_an_array_is_named_by_what_it_holds(tmp_path):
    """Keeping it again changes nothing; a file that was damaged is found out."""
    folder = str(tmp_path)
    array = np.arange(12, dtype=np.int8).reshape(3, 4)

    name = arrays.keep(folder, array)

    assert arrays.keep(folder, array.copy()) == name
    assert (arrays.load(folder, name) == array).all()
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(ValueError, match="expected"):
        arrays.load(folder, name)
