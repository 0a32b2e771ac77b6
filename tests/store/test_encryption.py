"""A database with a key holds no plain byte, and is asked as any other (behaviour 73)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tenuto import step, wf, workflow
from tenuto.assembly import ENCRYPTION_KEY_FILE, reading, running
from tenuto.errors import InputError, StoreCorrupt
from tenuto.governance.master import new_key_file, read_key_file
from tenuto.runtime.verify import verify
from tenuto.store.audit import verify_chain
from tenuto.store.port import InstanceQuery
from tenuto.store.sqlite import SqliteStore, copy_database
from tenuto.store.sqlite_reader import SqliteReader, open_reader
from tests.spec.models import end, flows, model, start, user
from tests.workflows.running import program

HERE = Path(__file__).parents[2]
PERSON = model(start() + user("u") + end() + flows("start>u", "u>end"))
SECRETS = [
    f"{word}-Zq7xSecret" for word in ("argument", "result", "message", "key", "state", "task")
]
told = wf.State[str]("told", str)


@step
async def whisper(text: str) -> str:
    """Give a secret back."""
    return text.replace("argument", "result")


@workflow
async def confides(text: str) -> str:
    """Take a secret, tell another, wait for a third."""
    found = await whisper(text)
    told.set(SECRETS[4])
    answer = await wf.receive("answer", SECRETS[3])
    return f"{found} {answer['text']}"


@pytest.fixture
def key_file(tmp_path, monkeypatch):
    path = tmp_path / "key"
    new_key_file(path)
    monkeypatch.setenv(ENCRYPTION_KEY_FILE, str(path))
    return path


def fill(database):
    """Let secrets into every kind of row; return what all files hold, open and closed."""

    async def live(at):
        client = at.client
        await client.deploy_sources([("p.bpmn", "bpmn", PERSON)])
        await client.start("p", {"note": SECRETS[5]}, business_key=SECRETS[3])
        key = await client.start("confides", {"text": SECRETS[0]}, idempotency_key=SECRETS[3])
        while not client.read.counts().get(("confides", "active")):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        held = bytes_of(database)
        [found] = client.read.instances(InstanceQuery(business_key=SECRETS[3]))
        assert client.read.variables(found.key)["note"] == SECRETS[5]
        await client.publish("answer", SECRETS[3], {"text": SECRETS[2]}, time_to_live="PT1M")
        ended = await client.wait(key)
        assert ended.variables["result"] == f"{SECRETS[1]} {SECRETS[2]}"
        return held + bytes_of(database)

    with running(database, handlers=program(whisper, confides)) as at:
        held = asyncio.run(live(at))
    return held + bytes_of(database)


def bytes_of(database):
    return b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))


def test_no_secret_is_in_any_byte_of_a_database_with_a_key(tmp_path, key_file):
    """Not in its file, its log or its index, while it is open or closed; queries work as ever
    (behaviour 73).
    """
    database = tmp_path / "data" / "a.db"
    held = fill(database)

    assert [text for text in SECRETS if text.encode() in held] == []
    assert b"confides" not in held
    with reading(database) as read, open_reader(database, read_key_file(key_file)) as reader:
        assert read.counts()["confides", "completed"] == 1
        assert verify(reader).differences == []
        assert verify_chain(reader).findings == []


def test_without_a_key_they_are_there(tmp_path):
    """So that the search above can find something."""
    held = fill(tmp_path / "data" / "a.db")

    assert [text for text in SECRETS if text.encode() not in held] == []


def test_a_database_opens_with_its_key_alone(tmp_path):
    """Another key, none, or one for a plain database: each is told how to mend it, and changes
    nothing.
    """
    sealed, plain = tmp_path / "sealed.db", tmp_path / "plain.db"
    key, other = bytes(32), bytes([1] * 32)
    SqliteStore(sealed, key=key).close()
    SqliteStore(plain).close()
    before = sealed.read_bytes(), plain.read_bytes()
    for opened in (SqliteStore, SqliteReader):
        with pytest.raises(StoreCorrupt, match="its key is another one"):
            opened(sealed, key=other)
        with pytest.raises(StoreCorrupt, match="name its key if it is encrypted"):
            opened(sealed)
        with pytest.raises(StoreCorrupt, match="it is not encrypted: name no key"):
            opened(plain, key=key)
    assert (sealed.read_bytes(), plain.read_bytes()) == before
    SqliteStore(sealed, key=key).close()


def test_a_damaged_page_is_found(tmp_path, key_file):
    """Each page is proved by its HMAC: what was changed is read by nobody."""
    path = tmp_path / "a.db"
    fill(path)
    data = bytearray(path.read_bytes())
    for place in range(4096 + 100, len(data), 4096):
        data[place] ^= 1
    path.write_bytes(bytes(data))

    with pytest.raises(StoreCorrupt), open_reader(path, read_key_file(key_file)) as reader:
        reader.instances(InstanceQuery())


def test_a_copy_has_another_key_and_the_same_journal(tmp_path, monkeypatch):
    """A plain database is encrypted, its key changed, and it is plain again: each copy is whole."""
    plain, first, second, again = (tmp_path / name for name in ("p.db", "1.db", "2.db", "q.db"))
    fill(plain)
    one, two = bytes([1] * 32), bytes([2] * 32)

    copy_database(plain, first, key=None, target_key=one)
    copy_database(first, second, key=one, target_key=two)
    copy_database(second, again, key=two, target_key=None)

    for path, key in ((plain, None), (first, one), (second, two), (again, None)):
        with open_reader(path, key) as reader:
            assert verify(reader).differences == []
            assert verify_chain(reader).findings == []
            assert len(reader.instances(InstanceQuery(limit=10))) == 2
    assert SECRETS[0].encode() not in first.read_bytes() + second.read_bytes()
    with pytest.raises(InputError, match="expected a new file for the copy"):
        copy_database(plain, first, key=None, target_key=one)
    with pytest.raises(StoreCorrupt, match="its key is another one"):
        copy_database(first, tmp_path / "3.db", key=two, target_key=one)
    assert not (tmp_path / "3.db").exists()
    with running(again, handlers=program(whisper, confides)) as at:
        assert at.client.read.counts()["confides", "completed"] == 1


@pytest.mark.parametrize(
    ("content", "mode", "told_how"),
    [
        ("ab" * 31, 0o600, "expected 64 hexadecimal digits"),
        ("no key at all", 0o600, "expected 64 hexadecimal digits"),
        ("ab" * 32, 0o644, "readable by its owner only"),
    ],
)
def test_a_file_that_holds_no_key_is_refused(tmp_path, content, mode, told_how):
    """It says what is wrong with the file, and never what is in it."""
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(InputError, match=told_how) as refused:
        read_key_file(path)
    assert content not in str(refused.value)


def test_a_key_is_written_once(tmp_path):
    """A key is never overwritten, and a missing one is told with the command that makes it."""
    path = tmp_path / "key"
    with pytest.raises(InputError, match="tenuto encryption new-key"):
        read_key_file(path)
    new_key_file(path)
    before = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InputError, match="expected a new file"):
        new_key_file(path)
    assert path.read_text() == before
    assert len(read_key_file(path)) == 32


@pytest.mark.crash
def test_a_database_with_a_key_outlives_a_kill(tmp_path, key_file):
    """What was acknowledged is there in the next life, and the chain is whole."""
    database = tmp_path / "a.db"
    life = subprocess.Popen(
        [sys.executable, "-m", "tests.store.encrypted_life", str(database)],
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": f"{HERE / 'src'}{os.pathsep}{HERE}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    acknowledged = {life.stdout.readline().strip() for _ in range(200)}
    life.send_signal(signal.SIGKILL)
    life.communicate()

    with running(database) as at:
        found = {str(one.key) for one in at.client.read.instances(InstanceQuery(limit=100_000))}
    assert acknowledged <= found
    with open_reader(database, read_key_file(key_file)) as reader:
        assert verify(reader).differences == []
        assert verify_chain(reader).findings == []
