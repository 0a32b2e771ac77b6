"""A process of its own that holds, fills or writes a database: `python -m tests.store.writer`.

It says on standard output what it has done, one line each, flushed before it goes on.
"""

import resource
import signal
import sys
from pathlib import Path

from tenuto.errors import StoreFull
from tenuto.store.audit import verify_chain
from tenuto.store.sqlite import SqliteStore
from tenuto.testing import batches as b

LIMIT = 600_000


def say(*words):
    """Print a line at once."""
    print(*words, flush=True)


def hold(store):
    """Hold the database until standard input ends."""
    say("held")
    sys.stdin.read()
    store.close()


def write(store):
    """Commit one instance after another and acknowledge each, until killed."""
    pen = b.Pen(store)
    known = b.contents(store)["instance"]
    key = known[-1].key if known else 0
    while True:
        key += 1
        pen.commit(b.instance(key), b.job(key), turns=[(key, 1)])
        say(key)


def fill(store):
    """Write until the file may not grow, look, lift the limit, and write on."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))
    pen = b.Pen(store)
    key = 0
    try:
        while True:
            rows = [b.instance(key + 1, snapshot=bytes(40_000)), b.job(key + 1)]
            pen.commit(*rows, turns=[(key + 1, 1)])
            key += 1
    except StoreFull as error:
        say("full", error)
    seen = b.contents(store)
    say("whole", all(len(seen[table]) == key for table in ("instance", "job", "journal")))
    try:
        pen.commit(*rows, turns=[(key + 1, 1)])
    except StoreFull:
        say("still full")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    pen.commit(*rows, turns=[(key + 1, 1)])
    seen = b.contents(store)
    say("went on", [row.key for row in seen["instance"]] == list(range(1, key + 2)))
    reader = store.reader()
    say("sound", verify_chain(reader).is_sound)
    reader.close()
    store.close()


if __name__ == "__main__":
    {"hold": hold, "write": write, "fill": fill}[sys.argv[1]](SqliteStore(Path(sys.argv[2])))
