"""The blocking face of the remote client, written from the awaited one: `python -m tidy.blocking`.

One source keeps the two from differing. `make test` compares the committed file with what this
module would write.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path
from typing import Final

from tidy.sources import ROOT

FOLDER: Final = ROOT / "src" / "tenuto" / "client"
FILES: Final = {
    FOLDER / "remote.py": FOLDER / "blocking.py",
    FOLDER / "remote_asking.py": FOLDER / "blocking_asking.py",
    FOLDER / "remote_plans.py": FOLDER / "blocking_plans.py",
}
AWAITED: Final = FOLDER / "remote.py"

DROPPED: Final = frozenset({"async", "await"})
NAMES: Final = {
    "AsyncClient": "Client",
    "AsyncIterator": "Iterator",
    "RemoteAsking": "BlockingAsking",
    "RemoteClient": "BlockingClient",
    "RemotePlans": "BlockingPlans",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aclose": "close",
    "aiter_bytes": "iter_bytes",
    "aread": "read",
    "remote_asking": "blocking_asking",
    "remote_plans": "blocking_plans",
}
DOCSTRING: Final = '''"""The client of a server for programs that block.

Used like this:

    import tenuto

    with tenuto.connect("http://127.0.0.1:8080", token="tnt_...") as client:
        key = client.start("order", {"amount": 12})

Generated from `remote.py` by `make reference`; edit that instead.
"""
'''
SENTENCES: Final = {
    "from asyncio import sleep as pause\n": "from tenuto.client.wire import pause\n",
    "Talks to a server from an event loop.": "Talks to a server and waits for its answers.",
}


def written(awaited: Path) -> str:
    """Return the text of the blocking face of a file."""
    text = awaited.read_text(encoding="utf-8")
    for sentence, blocking in SENTENCES.items():
        text = text.replace(sentence, blocking)
    own = text.partition('"""')[2].partition("\n")[0]
    made = f'"""{own}\n\nGenerated from `{awaited.name}` by `make reference`; edit that.\n"""\n'
    docstring = DOCSTRING if awaited == AWAITED else made
    text = re.sub(r'\A""".*?"""\n', lambda _: docstring, text, flags=re.DOTALL)
    return _formatted(translated(text), FILES[awaited])


def write() -> None:
    """Write the blocking faces."""
    for awaited, blocking in FILES.items():
        blocking.write_text(written(awaited), encoding="utf-8")


def translated(text: str) -> str:
    """Return a source without what waits, token by token, so that no text is touched."""
    lines = text.splitlines(keepends=True)
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(text).readline))):
        if token.type != tokenize.NAME:
            continue
        row, start = token.start
        end = token.end[1]
        line = lines[row - 1]
        if token.string in DROPPED:
            lines[row - 1] = line[:start] + line[end:].removeprefix(" ")
        elif token.string in NAMES:
            lines[row - 1] = line[:start] + NAMES[token.string] + line[end:]
    return "".join(lines)


def _formatted(text: str, place: Path) -> str:
    """Return a source as the formatter lays it out."""
    ruff = str(Path(sys.executable).parent / "ruff")
    sort = ["check", "--select", "I,UP028", "--fix-only", "--unsafe-fixes", "--quiet"]
    for words in (sort, ["format", "--quiet"]):
        command = [ruff, *words, "--stdin-filename", str(place), "-"]
        text = subprocess.run(
            command, input=text, capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout
    return text


if __name__ == "__main__":
    write()
