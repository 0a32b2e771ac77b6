"""Every example in the pages runs, and generated pages are what the code would write."""

import doctest
import re

import pytest

from tidy import reference
from tidy.sources import ROOT, kept_files

BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>run|goes on) -->\s*\n+)?"
    r"(?P<fence>```+|:::+) ?(?:\{doctest\}|python)[^\n]*\n"
    r"(?P<code>.*?)^(?P=fence)\s*$",
    re.MULTILINE | re.DOTALL,
)

SAVED = re.compile(
    r"Save this as `(?P<name>[\w.]+)`.*?^```\w+\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


def examples(text):
    """Return (line, kind, code) for the blocks of a page that say they can run; a doctest with the
    mark `goes on` knows what the one before it knew.
    """
    found = []
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start("code")) + 1
        if block["mark"] == "goes on":
            first, kind, code = found.pop()
            between = "\n" * (line - first - code.count("\n"))
            found.append((first, kind, code + between + block["code"]))
        elif ">>>" in block["code"]:
            found.append((line, "doctest", block["code"]))
        elif block["mark"]:
            found.append((line, "script", block["code"]))
    return found


def pages():
    """Return (path, text) of all pages that people read."""
    paths = [path for path in kept_files() if path.endswith(".md")]
    return [(path, (ROOT / path).read_text(encoding="utf-8")) for path in paths]


CASES = [
    pytest.param(path, line, kind, code, id=f"{path}:{line}")
    for path, text in pages()
    for line, kind, code in examples(text)
]


def run_example(path, line, kind, code):
    """Run one block; a doctest compares what it prints, a script only has to end well."""
    if kind == "script":
        exec(compile("\n" * (line - 1) + code, path, "exec"), {"__name__": "__main__"})
        return
    test = doctest.DocTestParser().get_doctest(code, {}, path, path, line - 1)
    said = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def save_files(path, folder):
    """Write the files that a page asks its reader to save."""
    for saved in SAVED.finditer((ROOT / path).read_text(encoding="utf-8")):
        (folder / saved["name"]).write_text(saved["code"], encoding="utf-8")


@pytest.mark.parametrize(("path", "line", "kind", "code"), CASES)
def test_example_runs(path, line, kind, code, tmp_path, monkeypatch):
    """An example in a page does what the page says, beside the files that the page had saved."""
    save_files(path, tmp_path)
    monkeypatch.chdir(tmp_path)

    run_example(path, line, kind, code)


def test_generated_pages_are_current():
    """A generated page is what `make reference` would write now."""
    for name, text in reference.pages().items():
        page = reference.FOLDER / name

        assert page.exists(), f"run `make reference` and commit {name}"
        assert page.read_text(encoding="utf-8") == text, f"run `make reference` for {name}"


def test_examples_are_found():
    """Doctests and marked scripts are found with their lines; other blocks are prose."""
    text = "\n".join(
        [
            *("# Page", "```python", "later()", "```"),
            *("```python", ">>> 1 + 1", "2", "```"),
            *("<!-- run -->", "```python", "x = 1", "```"),
            *("```{doctest}", ">>> 2", "2", "```"),
            *("and then", "<!-- goes on -->", "```python", ">>> 3", "3", "```"),
        ]
    )

    found = [(line, kind) for line, kind, _ in examples(text)]

    assert found == [(6, "doctest"), (11, "script"), (14, "doctest")]
    assert examples(text)[-1][2].splitlines()[20 - 14] == ">>> 3"


def test_a_wrong_example_fails():
    """A doctest that prints something else fails, and the report shows both."""
    with pytest.raises(AssertionError, match="Expected"):
        run_example("page.md", 1, "doctest", ">>> 1 + 1\n3\n")


def test_a_script_that_raises_fails():
    """A marked script fails by raising."""
    with pytest.raises(ZeroDivisionError):
        run_example("page.md", 1, "script", "1 / 0\n")
