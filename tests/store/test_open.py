"""Opening a SQLite file: ours, nobody's, another program's, a newer one's."""

import sqlite3

import pytest

from tenuto.errors import StoreCorrupt, StoreError
from tenuto.store.sqlite import SqliteStore
from tenuto.store.sqlite_reader import SqliteReader
from tenuto.testing import batches as b

OPENERS = pytest.mark.parametrize("opened", [SqliteStore, SqliteReader])


@OPENERS
def test_a_file_that_is_no_database_is_refused(tmp_path, opened):
    """What is no database is named in a clear sentence and stays as it is."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"not a database at all, but a text of some length" * 40)
    before = path.read_bytes()

    with pytest.raises(StoreCorrupt, match=r"expected a Tenuto database at `.*notes.txt`, but"):
        opened(path)

    assert path.read_bytes() == before


@OPENERS
def test_the_database_of_another_program_is_refused(tmp_path, opened):
    """Another program's database gets no tables from us, and stays as it is."""
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE song (title TEXT)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(StoreCorrupt, match=r"expected a Tenuto database at `.*other.db`, but"):
        opened(path)

    assert path.read_bytes() == before


def test_a_newer_format_is_refused(tmp_path):
    """A database that a newer release wrote is refused with both formats, and the lock is freed."""
    path = tmp_path / "newer.db"
    SqliteStore(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE meta SET value = ? WHERE name = 'format'", (b"7",))
    raw.close()

    for _ in range(2):
        with pytest.raises(StoreError, match=r"expected database format 1 in `.*`, got 7; a newer"):
            SqliteStore(path)


def test_a_folder_that_is_not_there_is_made(tmp_path):
    """The first opening makes the folders on the way to the file."""
    path = tmp_path / "a" / "b" / "new.db"

    SqliteStore(path).close()

    assert path.is_file()


def test_a_path_with_signs_of_addresses_is_a_path(tmp_path):
    """Signs that mean something in an address are plain letters of a file's name."""
    path = tmp_path / "50%3f ?&#.db"
    store = SqliteStore(path)
    b.Pen(store).commit(b.instance(1))

    assert [row.key for row in b.contents(store)["instance"]] == [1]
    store.close()


def test_a_reader_needs_a_file(tmp_path):
    """Reading makes nothing: without a file it says so."""
    path = tmp_path / "none.db"

    with pytest.raises(StoreError):
        SqliteReader(path)

    assert not path.exists()


def test_a_reader_reads_beside_the_writer(tmp_path):
    """A reader from another connection sees each commit once it is acknowledged, while it stays
    open.
    """
    store = SqliteStore(tmp_path / "shared.db")
    pen = b.Pen(store)
    reader = SqliteReader(store.path)

    seen = []
    for key in (1, 2, 3):
        pen.commit(b.instance(key))
        seen.append(len(reader.rows("instance")))
    reader.close()
    store.close()

    assert seen == [1, 2, 3]
