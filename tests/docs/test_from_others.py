"""The pages for who comes from elsewhere: the files that they let their reader save run."""

import importlib
import inspect

import pytest

from tenuto.testing.durable import Durable
from tests.docs.test_examples import save_files
from tidy.sources import ROOT

PAGES = sorted(path.name for path in (ROOT / "docs" / "how-to").glob("from-*.md"))
PARTS = ["## Their words and ours", "## Side by side", "## Deployment and operation"]
PARTS += ["## Move gradually", "## What you lose"]


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Give a function that saves a page's files and returns its test functions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def save(page):
        save_files(f"docs/how-to/{page}", tmp_path)
        found = []
        for path in sorted(tmp_path.glob("*.py")):
            module = importlib.import_module(path.stem)
            if path.stem.startswith("test_"):
                found += [one for name, one in vars(module).items() if name.startswith("test_")]
        return found

    return save


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_lets_its_reader_save_passes_its_tests(page, saved, request):
    """The tests of a page pass with the code of the page, each with an engine of its own."""
    tests = saved(page)

    assert len(tests) >= 2
    for one in tests:
        run_test(one, request)


def run_test(one, request):
    """Call a test of a page with the fixtures that it names."""
    durable = Durable()
    try:
        given = {"durable": durable}
        names = inspect.signature(one).parameters
        one(**{name: given.get(name) or request.getfixturevalue(name) for name in names})
    finally:
        durable.close()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_all_its_parts(page):
    """Each page has the words, a program, the operation, the way, and what is lost."""
    text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")

    assert [part for part in PARTS if part not in text] == []
