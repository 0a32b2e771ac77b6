"""Tombstones: bytes go, hashes stay, and nothing goes that a running instance needs."""

from pathlib import Path

import pytest

from tenuto.engine.stored import digest_of
from tenuto.errors import Rejected
from tenuto.keys import Kind, named_key
from tenuto.runtime.verify import verify
from tenuto.store.audit import verify_chain
from tenuto.store.memory import MemoryStore
from tenuto.store.sqlite import SqliteStore
from tenuto.testing import Scenario
from tenuto.testing import batches as b
from tests.store.make_golden import FOLDER, LETTER

WAITING = Path(__file__).parents[2] / "bench" / "w1.bpmn"
SECRET = b"a sentence that nobody may read any more. " * 500


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    """Give each kind of store."""
    one = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "pruned.db")
    yield one
    one.close()


def audited(store):
    """Return the report on the chain."""
    reader = store.reader()
    try:
        return verify_chain(reader)
    finally:
        reader.close()


def blobs(store, aggregate):
    """Return the versions whose bytes are there."""
    turns = b.contents(store)["journal"]
    return [turn.version for turn in turns if turn.aggregate == aggregate and turn.blob]


def test_pruned_turns_keep_their_proof(store):
    """The blobs up to a version are gone, leaves and headers stay, and the chain is sound."""
    pen = b.Pen(store)
    pen.commit(b.instance(1, ended_at=9), turns=[(1, 1), (2, 1), (1, 2), (1, 3)])
    before = b.contents(store)["journal"]

    assert store.prune_turns(1, 2) == 2
    assert store.prune_turns(1, 2) == 0

    after = b.contents(store)["journal"]
    assert [turn[:7] for turn in after] == [turn[:7] for turn in before]
    assert (blobs(store, 1), blobs(store, 2)) == ([3], [1])
    report = audited(store)
    assert (report.findings, report.erased, report.turns) == ([], 2, 4)


def test_a_running_instance_keeps_what_it_is_loaded_from(store):
    """Turns after the snapshot of a running instance stay, however many are asked for."""
    pen = b.Pen(store)
    row = b.instance(1, version=3, snapshot=b"state", snapshot_version=2)
    pen.commit(row, turns=[(1, 1), (1, 2), (1, 3)])

    assert store.prune_turns(1, 99) == 2

    assert [blob for _, blob in store.load_instances([1])[0].tail if blob is None] == []
    assert blobs(store, 1) == [3]


def test_an_instance_without_snapshot_is_pruned_once_it_has_ended(store):
    """Only its end frees the turns of an instance that has no snapshot; the unknown has none."""
    pen = b.Pen(store)
    pen.commit(b.instance(1), turns=[(1, 1)])
    assert (store.prune_turns(1, 9), store.prune_turns(77, 9)) == (0, 0)

    pen.commit(b.instance(1, ended_at=9))

    assert store.prune_turns(1, 9) == 1


def test_named_aggregates_are_pruned_to_any_version(store):
    """An aggregate whose state is rows needs no turn of its own to be loaded."""
    pen = b.Pen(store)
    mailbox = named_key(Kind.MAILBOX, "papers", "K-1")
    pen.commit(turns=[(mailbox, 1), (mailbox, 2)])

    assert store.prune_turns(mailbox, 1) == 1
    assert blobs(store, mailbox) == [2]


def test_an_erased_value_keeps_its_digest(store):
    """The value of one aggregate is gone, that of another stays, and the chain is sound."""
    pen = b.Pen(store)
    pen.commit(b.payload(1, SECRET), b.payload(2, SECRET))
    digest = digest_of(SECRET)

    assert store.erase_payload(1, digest) is True
    assert store.erase_payload(1, digest) is False
    assert store.erase_payload(3, digest) is False

    assert store.load_payloads(1, [digest]) == {digest: None}
    assert store.load_payloads(2, [digest]) == {digest: SECRET}
    report = audited(store)
    assert (report.findings, report.erased, report.payloads) == ([], 1, 2)


def test_an_erased_value_may_be_written_anew(store):
    """A later turn that sets the same value has it; erasing is about what was there."""
    pen = b.Pen(store)
    pen.commit(b.payload(1, SECRET))
    digest = digest_of(SECRET)
    store.erase_payload(1, digest)

    pen.commit(b.payload(1, SECRET))

    assert store.load_payloads(1, [digest]) == {digest: SECRET}


def test_a_store_commits_after_pruning(store):
    """Tombstones take no number in the log: its next commit is the next one."""
    pen = b.Pen(store)
    pen.commit(b.instance(1, ended_at=9), turns=[(1, 1)])
    store.prune_turns(1, 1)

    pen.commit(b.instance(2), turns=[(2, 1)])

    assert audited(store).is_sound


def test_erased_bytes_leave_the_file(tmp_path):
    """After erasure and closing no file of the database holds the bytes."""
    path = tmp_path / "erased.db"
    store = SqliteStore(path)
    pen = b.Pen(store)
    pen.commit(b.payload(1, SECRET), b.instance(1))
    store.close()
    assert SECRET[:40] in path.read_bytes()
    store = SqliteStore(path)

    store.erase_payload(1, digest_of(SECRET))
    store.close()

    for file in tmp_path.iterdir():
        assert SECRET[:40] not in file.read_bytes()


def test_a_pruned_instance_is_counted_apart_by_verify(store):
    """What was pruned cannot be folded: `verify` counts it and finds no difference."""
    node = Scenario(store=store)
    node.deploy(FOLDER / "claims.bpmn", FOLDER / "desk.dmn")
    case = node.start("claim", way="none", case="C", amount=1, letter=LETTER)

    store.prune_turns(case.key, 99)
    report = verify(node.read.reader)
    node.read.reader.close()

    assert (report.differences, report.pruned) == ([], 1)


def test_a_command_for_a_pruned_instance_is_rejected():
    """An instance that has ended and was pruned refuses commands; the node goes on."""
    before = Scenario()
    before.deploy(WAITING)
    case = before.start("wait", id="7")
    before.publish("go", "7")
    before.store.prune_turns(case.key, 99)
    after = Scenario(store=MemoryStore(before.store.disk))

    with pytest.raises(Rejected) as refused:
        after.cancel(case)

    assert refused.value.code == "not-found"
    assert not after.start("wait", id="8").is_completed
