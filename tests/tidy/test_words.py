"""The rules about names, synonyms, promises and places."""

import pytest

from tidy import speech, words
from tidy.sources import parse

PATH = "src/tenuto/engine/tokens.py"
SYNONYMS = {"work item": "job", "flow run": "process instance"}


@pytest.mark.parametrize(
    "text",
    [
        "class FlowManager: ...",
        "def handle_timer(): ...",
        "def process_data(): ...",
        "def _do_it(): ...",
    ],
)
def test_an_empty_name_is_refused(text):
    """Words that fit anything say nothing."""
    assert len(words.empty_names(parse(PATH, text))) == 1


@pytest.mark.parametrize("path", ["src/tenuto/engine/utils.py", "src/tenuto/common/flows.py"])
def test_an_empty_module_name_is_refused(path):
    """A module is named after what it holds, and so is its folder."""
    assert len(words.empty_names(parse(path, ""))) == 1


def test_a_name_of_the_domain_passes():
    """Verbs and nouns of the domain pass, even with a banned word inside them."""
    text = "class Document: ...\ndef doubled(): ...\ndef take_flow(): ...\nclass Handler: ..."

    assert words.empty_names(parse(PATH, text)) == []


@pytest.mark.parametrize(
    "text",
    ["def start_sync(): ...", "class Client:\n def start(self): ...\n async def astart(self): ..."],
)
def test_a_twin_is_refused(text):
    """One verb is written once."""
    assert len(words.twins(parse(PATH, text))) == 1


def test_a_promise_names_its_issue():
    """A promise with an issue passes, one without is named by its line."""
    kept, broken = "# TO" + "DO(#12): more", "x = 1  # FIX" + "ME later"

    complaints = words.promises("a.py", f"{kept}\n{broken}\n")

    assert [complaint.split(":")[1] for complaint in complaints] == ["2"]


@pytest.mark.parametrize("text", ["a work item", "WORK ITEMS", "class WorkItem:", "work_item = 1"])
def test_a_forbidden_synonym_is_found_in_any_spelling(text):
    """Prose, class names and variables are all read."""
    (complaint,) = words.synonyms_used("a.md", text, SYNONYMS)

    assert complaint.endswith("say 'job'")


@pytest.mark.parametrize(
    "text", ["the work itemised", "a network item", "work item (glossary: theirs)"]
)
def test_other_words_pass(text):
    """Longer words and marked quotations are left alone."""
    assert words.synonyms_used("a.md", text, SYNONYMS) == []


def test_the_glossary_has_synonyms():
    """The table of the glossary is read: each forbidden word leads to a term."""
    synonyms = words.forbidden_synonyms()

    assert synonyms["work item"] == "job"
    assert synonyms["workflow run"] == "process instance"
    assert "Not" not in synonyms


def test_a_path_of_one_machine_is_refused():
    """Absolute paths of a workplace are found; relative and foreign ones are not."""
    place = "/" + "work/main"

    complaints = words.workplace_paths("a.md", f"see {place}\nsee net{place}\nsee ../work/main\n")

    assert [complaint.split(":")[1] for complaint in complaints] == ["1"]


def test_an_element_names_its_clause():
    """A file of `engine/elements` without clause is named; its package file is not."""
    silent = parse("src/tenuto/engine/elements/task.py", '"""A task."""')
    citing = parse("src/tenuto/engine/elements/gateway.py", '"""A gateway.\n\nBPMN 2.0.2 §10.6."""')
    package = parse("src/tenuto/engine/elements/__init__.py", '"""Elements."""')

    assert len(speech.missing_clause(silent)) == 1
    assert speech.missing_clause(citing) == []
    assert speech.missing_clause(package) == []


def test_a_silent_test_is_named():
    """A test without docstring is named by its function."""
    (complaint,) = speech.silent_tests(parse("tests/test_x.py", "def test_it(): ..."))

    assert "test_it" in complaint
