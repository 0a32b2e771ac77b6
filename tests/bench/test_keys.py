"""The page about benchmarks says what every key means."""

import ast
import re

import pytest

from tidy.sources import ROOT

KEY = re.compile(r"[a-z_0-9]+(\.[a-z_0-9]+)+")


def keys():
    """Return the keys that the modules of `bench` write out as text."""
    nodes = [
        node
        for path in sorted((ROOT / "bench").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]
    written = [part for node in nodes if isinstance(node, ast.Dict) for part in node.keys]
    written += [node.slice for node in nodes if isinstance(node, ast.Subscript)]
    texts = {part.value for part in written if isinstance(part, ast.Constant)}
    return sorted(text for text in texts if isinstance(text, str) and KEY.fullmatch(text))


@pytest.mark.parametrize("key", keys())
def test_every_key_has_a_meaning(key):
    """A row names the key, or its beginning and, shortened, its end."""
    page = (ROOT / "docs" / "reference" / "bench.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    begin, _, end = key.rpartition(".")

    assert any(f"`{key}`" in row or (f"`{begin}." in row and f"`.{end}`" in row) for row in rows)
