"""Audit: what was altered, cut off or put back is found, and said where."""

import os
import shutil
import stat
import threading

import pytest

from tenuto.errors import InputError, StoreCorrupt
from tenuto.store.audit import (
    add,
    checkpoint,
    read_witness,
    verify_against,
    verify_chain,
    verify_page,
    write_witness,
)
from tenuto.store.memory import MemoryStore
from tenuto.store.memory_reader import MemoryReader
from tenuto.store.sqlite import SqliteStore
from tenuto.testing.batches import Pen, payload

from .conftest import alter, audited, fill


def found(path):
    """Return what verification finds, as sentences."""
    return [str(finding) for finding in audited(path, verify_chain).findings]


def in_small_parts(reader):
    """Return what a pass finds that stops wherever it may."""
    report, place = verify_page(reader, rows_max=1)
    while place is not None:
        part, place = verify_page(reader, place, rows_max=1)
        report = add(report, part)
    return report


def test_a_pass_in_parts_checks_what_one_pass_checks(database):
    """Where a part ends, the next goes on: nothing is left out, and nothing comes twice."""
    assert audited(database, in_small_parts) == audited(database, verify_chain)


def test_untouched_database_is_sound(database):
    """What nobody altered has no findings; commits, turns and payloads are counted."""
    report = audited(database, verify_chain)

    assert report.findings == []
    assert (report.commits, report.turns, report.payloads) == (3 + 2 + 6, 48, 48)
    assert report.erased == 0
    assert report.witness == "unproven"


def test_memory_is_audited_like_a_file():
    """The check asks a reader alone, so a memory disk is checked by the same code."""
    pen = Pen(MemoryStore())
    pen.commit(turns=[(1, 1), (2, 1)])

    report = verify_chain(pen.store.reader())

    assert (report.commits, report.turns, report.findings) == (2, 2, [])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "UPDATE journal SET blob = x'01000000' WHERE log = 2 AND seq = 3 AND n = 4",
            "log 2 commit 3 turn 4 aggregate 5: its stored bytes were altered",
        ),
        (
            "UPDATE journal SET header = x'90' WHERE log = 1 AND seq = 2 AND n = 0",
            "log 1 commit 2 turn 0 aggregate 1: its stored bytes were altered",
        ),
        (
            "UPDATE journal SET leaf = zeroblob(32) WHERE log = 2 AND seq = 3 AND n = 4",
            "log 2 commit 3: its turns are not those that were committed",
        ),
        (
            "DELETE FROM journal WHERE log = 2 AND seq = 3 AND n = 4",
            "log 2 commit 3: its turns are not those that were committed",
        ),
        (
            "DELETE FROM journal WHERE log = 2 AND seq = 3 AND n = 4",
            "aggregate 5: expected turns 1 to 6, but 5 are there, the first with version 1",
        ),
        (
            "DELETE FROM chain WHERE log = 2 AND seq = 3",
            "log 2 commit 4: expected commit 3, which is missing",
        ),
        (
            "DELETE FROM chain WHERE log = 2 AND seq = 3",
            "log 2 commit 3 turn 0 aggregate 1: a turn stands outside every commit",
        ),
        (
            "UPDATE chain SET at = at + 1 WHERE log = 3 AND seq = 2",
            "log 3 commit 2: its own row was altered",
        ),
        (
            "UPDATE chain SET prev = zeroblob(32) WHERE log = 3 AND seq = 2",
            "log 3 commit 2: it does not continue the commit before it",
        ),
        (
            "UPDATE chain SET root = zeroblob(32) WHERE log = 3 AND seq = 2",
            "log 3 commit 2: its turns are not those that were committed",
        ),
        (
            "UPDATE chain SET note = x'00' WHERE log = 2 AND seq = 1",
            "log 2 commit 1: its opening note cannot be read",
        ),
        (
            "UPDATE chain SET kind = 'commit' WHERE log = 2 AND seq = 1",
            "log 2 commit 1: expected the first commit alone to open its log, got kind `commit`",
        ),
        (
            "DELETE FROM chain WHERE log = 1 AND seq = 4",
            "log 1 commit 3: log 2 took it over at commit 4 with another hash",
        ),
        ("DELETE FROM chain WHERE log = 2", "log 2: it has no commit"),
        (
            "UPDATE meta SET value = x'00' WHERE name = 'cluster'",
            "log 1 commit 1: it was opened for another database",
        ),
    ],
)
def test_alteration_is_found_where_it_was_made(database, change, sentence):
    """Each change behind the store's back is named with log, commit, turn and aggregate."""
    alter(database, (change,))

    assert sentence in found(database)
    assert audited(database, in_small_parts) == audited(database, verify_chain)


def test_log_is_audited_without_its_row(database):
    """Removing the row that lists a log does not hide the log."""
    alter(database, ("DELETE FROM log WHERE log = 1",))

    assert audited(database, verify_chain).commits == 11


def test_altered_payload_is_found(database):
    """A payload whose bytes do not fit its digest is named with its aggregate."""
    alter(database, ("UPDATE payload SET data = x'0100000058' WHERE aggregate = 3",))

    findings = audited(database, verify_chain).findings

    assert {finding.aggregate for finding in findings} == {3}


def test_missing_identity_is_a_finding(database):
    """A database that does not know its identity is not sound, and the check does not break."""
    alter(database, ("DELETE FROM meta WHERE name = 'cluster'",))

    assert any("identity" in sentence for sentence in found(database))


def test_tombstones_are_erased_with_their_hash_intact(database):
    """Erased turns and payloads are counted, and are no findings."""
    alter(
        database,
        ("UPDATE journal SET blob = NULL WHERE aggregate = 1",),
        ("UPDATE payload SET data = NULL WHERE aggregate = 2",),
    )

    report = audited(database, verify_chain)

    assert report.findings == []
    assert report.erased == 12


def test_bytes_flipped_in_the_file_are_found(database):
    """One byte changed anywhere in the content of a turn makes the database unsound."""
    content = database.read_bytes()
    place = content.index(b"turn 1 of 4")
    database.write_bytes(content[:place] + b"T" + content[place + 1 :])

    assert any("its stored bytes were altered" in sentence for sentence in found(database))


def test_every_flipped_byte_of_a_page_is_found_or_harmless(tmp_path):
    """Whatever byte of a page of the journal is flipped, checking ends with a report."""
    path = fill(tmp_path / "flipped.db", lives=1)
    content = path.read_bytes()
    page = content.index(b"turn 1 of 4") // 4096 * 4096

    for offset in range(0, 4096, 37):
        place = page + offset
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        audited(path, verify_chain)


class Damaged(MemoryReader):
    """A reader of a file whose pages are damaged in ways that its trees still allow."""

    def __init__(self, disk, table, change):
        super().__init__(disk)
        self.table, self.change = table, change

    def turns_of_log(self, log, after, limit):
        """Return turns, changed."""
        turns = super().turns_of_log(log, after, limit)
        return [self.change(turn) for turn in turns] if self.table == "journal" else turns

    def chain(self, log, after_seq=0, limit=1000):
        """Return commits, changed."""
        rows = super().chain(log, after_seq, limit)
        return [self.change(row) for row in rows] if self.table == "chain" else rows

    def rows(self, table, **options):
        """Return rows, changed."""
        rows = super().rows(table, **options)
        return [self.change(row) for row in rows] if self.table == table else rows


@pytest.mark.parametrize(
    ("table", "fields"),
    [
        ("journal", {"log": -34}),
        ("journal", {"seq": 0}),
        ("journal", {"n": None}),
        ("chain", {"seq": 0}),
        ("chain", {"kind": b"open"}),
        ("payload", {"digest": None, "aggregate": None, "data": None}),
        ("payload", {"digest": bytes(32)}),
    ],
)
def test_damaged_keys_are_found_and_do_not_lead_in_circles(table, fields):
    """A key that a damaged page gives is a finding, and the pass ends."""
    pen = Pen(MemoryStore())
    values = [payload(key, b"%d" % key) for key in range(3)]
    pen.commit(*values, turns=[(1, 1), (2, 1)])
    reader = Damaged(pen.store.disk, table, lambda row: row._replace(**fields))

    assert verify_chain(reader).findings != []


def test_text_that_is_not_utf8_is_a_damaged_database(database):
    """Where even the driver's words cannot be read, the store says that the file is damaged."""
    content = database.read_bytes()
    place = content.index(b"CREATE TABLE chain")
    database.write_bytes(content[:place] + b"\xff\xfe" + content[place + 2 :])

    with pytest.raises(StoreCorrupt):
        audited(database, verify_chain)


def test_database_is_audited_while_it_is_written(tmp_path):
    """Commits that come during a pass are for the next pass, never a finding."""
    store = SqliteStore(tmp_path / "busy.db")
    pen = Pen(store)
    reader = store.reader()
    stop = threading.Event()
    found = []

    def audit():
        while not stop.is_set():
            found.append(verify_chain(reader))

    auditor = threading.Thread(target=audit)
    auditor.start()
    for version in range(1, 300):
        pen.commit(turns=[(key, version) for key in (1, 2, 3)])
    stop.set()
    auditor.join()
    reader.close()
    store.close()

    assert len(found) > 1
    assert [report.findings for report in found if report.findings] == []


# --- witnesses


@pytest.fixture
def witnessed(database, tmp_path):
    """Give a database and a witness of it."""
    return database, audited(database, checkpoint, tmp_path / "keys" / "witness.key")


def test_witness_proves_the_tail(witnessed):
    """A database that still holds every head of its witness is proven."""
    database, witness = witnessed

    report = audited(database, verify_against, witness)

    assert (report.findings, report.witness) == ([], "proven")


def test_database_that_went_on_holds_its_old_witness(witnessed):
    """Later commits do not contradict an older witness."""
    database, witness = witnessed
    store = SqliteStore(database)
    Pen(store).commit(turns=[(99, 1)])
    store.close()

    assert audited(database, verify_against, witness).witness == "proven"


def test_witness_finds_a_cut_tail(witnessed):
    """The last commits cut off whole leave a sound chain; the witness misses them."""
    database, witness = witnessed
    alter(
        database,
        ("DELETE FROM chain WHERE log = 3 AND seq > 1",),
        ("DELETE FROM journal WHERE log = 3",),
    )

    report = audited(database, verify_against, witness)

    assert audited(database, verify_chain).findings == []
    assert [finding.seq for finding in report.findings] == [3]
    assert "the tail was cut" in report.findings[0].message
    assert report.witness == "unproven"


def test_witness_finds_an_older_copy(database, tmp_path):
    """A copy made before the witness lacks what the witness saw."""
    copy = tmp_path / "copy.db"
    shutil.copy(database, copy)
    store = SqliteStore(database)
    Pen(store).commit(turns=[(99, 1)])
    store.close()
    witness = audited(database, checkpoint, tmp_path / "witness.key")

    assert "an older copy was put back" in str(audited(copy, verify_against, witness).findings)


def test_witness_finds_a_rewritten_database(witnessed):
    """A last commit replaced by another, hashed anew, differs from what the witness saw."""
    database, witness = witnessed
    store = SqliteStore(database)
    last = store.reader().log_heads()[-1]
    store.close()
    alter(
        database,
        ("DELETE FROM journal WHERE log = 3 AND seq = 3",),
        ("UPDATE chain SET hash = zeroblob(32) WHERE log = ? AND seq = ?", last.log, last.seq),
    )

    messages = [finding.message for finding in audited(database, verify_against, witness).findings]

    assert "the witness saw another hash: the database was rewritten" in messages


def test_witness_of_another_database_is_refused(witnessed, tmp_path):
    """A witness belongs to one database, also where logs and numbers are the same."""
    _, witness = witnessed
    other = fill(tmp_path / "other.db")

    messages = [finding.message for finding in audited(other, verify_against, witness).findings]

    assert "the witness is of another database" in messages


def test_altered_witness_is_refused(witnessed):
    """Heads that were not signed prove nothing."""
    database, witness = witnessed
    shorter = type(witness)(
        witness.cluster, witness.heads[:1], witness.public_key, witness.signature
    )

    messages = [finding.message for finding in audited(database, verify_against, shorter).findings]

    assert messages == ["the signature of the witness does not fit its heads"]


def test_witness_of_another_key_is_refused(witnessed, tmp_path):
    """A witness that somebody else signed fits the database and is refused by its key."""
    path, witness = witnessed
    forged, known = audited(path, checkpoint, tmp_path / "other.key"), witness.public_key

    def against(one):
        return audited(path, lambda reader: verify_against(reader, one, public_key=known))

    assert against(witness).witness == "proven"
    assert [str(finding) for finding in against(forged).findings] == [
        "database: the witness is signed with another key"
    ]


def test_witness_survives_its_file(witnessed, tmp_path):
    """A witness is read as it was written."""
    _, witness = witnessed
    write_witness(witness, tmp_path / "shelf" / "witness.json")

    assert read_witness(tmp_path / "shelf" / "witness.json") == witness


def test_key_is_made_once_for_its_owner_alone(database, tmp_path):
    """The key file is readable by its owner alone and signs later witnesses too."""
    key = tmp_path / "witness.key"

    first = audited(database, checkpoint, key)
    second = audited(database, checkpoint, key)

    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    assert first.public_key == second.public_key


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b'{"cluster": 1}'])
def test_file_that_is_no_witness_is_refused(tmp_path, content):
    """What is no witness is bad input, named with its path."""
    path = tmp_path / "witness.json"
    path.write_bytes(content)

    with pytest.raises(InputError, match=r"witness\.json"):
        read_witness(path)


def test_file_that_is_no_key_is_refused(database, tmp_path):
    """A key file of another kind is bad input, and is not overwritten."""
    path = tmp_path / "witness.key"
    path.write_bytes(b"short")

    with pytest.raises(InputError, match=r"witness\.key"):
        audited(database, checkpoint, path)
    assert path.read_bytes() == b"short"
