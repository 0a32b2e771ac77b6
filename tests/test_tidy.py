"""The house rules, applied to this repository. What each rule refuses is in `tidy/`."""

import importlib.util
import re
import subprocess

import pytest

from tidy import completeness, imports, purity, sizes, speech, words
from tidy.sources import OURS, ROOT, kept_files, python_files

SOURCE = python_files("src")
TESTS = python_files("tests")
EVERYTHING = python_files(*OURS)
TEXT_SUFFIXES = (".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".ts", ".tsx", ".css", ".html")


def kept_texts(*folders):
    """Return (path, text) of what is written by hand below these folders, or everywhere."""
    return [
        (path, (ROOT / path).read_text(encoding="utf-8"))
        for path in kept_files()
        if path.endswith(TEXT_SUFFIXES)
        and (not folders or path.startswith(folders))
        and not path.startswith(("requirements/", "tests/golden/"))
    ]


def each(rule, sources):
    """Return what a rule says about each of the sources."""
    return [complaint for source in sources for complaint in rule(source)]


def test_functions_are_short():
    """No function has more than 60 lines, and a listed exception only shrinks."""
    assert sizes.long_functions(EVERYTHING, sizes.ratchet("functions")) == []


def test_files_are_short():
    """No file has more than 600 lines, and a listed exception only shrinks."""
    assert sizes.long_files(EVERYTHING, sizes.ratchet("files")) == []


def test_broad_excepts_are_counted():
    """Catching everything happens at the listed edges only."""
    assert sizes.broad_excepts(SOURCE, sizes.ratchet("broad_excepts")) == []


def test_names_say_something():
    """No module, class or function is named after nothing in the domain."""
    assert each(words.empty_names, SOURCE) == []


def test_no_twins():
    """No verb is written twice, once to await and once to block."""
    assert each(words.twins, SOURCE) == []


def test_below_the_store_nothing_differs_between_runs():
    """The rooms below the store call no built-in and use no order that differs between runs."""
    assert each(purity.impurities, SOURCE) == []


def test_elements_cite_their_clause():
    """Every file of `engine/elements` names the clause of BPMN that it keeps."""
    assert each(speech.missing_clause, SOURCE) == []


def test_every_test_says_what_holds():
    """Every test has a docstring."""
    assert each(speech.silent_tests, TESTS) == []


def test_promises_name_their_issue():
    """Nothing is put off without an issue to find it by."""
    complaints = [c for path, text in kept_texts() for c in words.promises(path, text)]

    assert [c for c in complaints if not c.startswith(("tidy/", "tests/tidy/"))] == []


@pytest.mark.parametrize("folder", ["src/", "docs/", "examples/", "frontend/"])
def test_forbidden_synonyms_are_absent(folder):
    """What the glossary forbids is in no source, page or screen."""
    synonyms = words.forbidden_synonyms()
    texts = [(path, text) for path, text in kept_texts(folder) if path != "docs/glossary.md"]

    assert [c for path, text in texts for c in words.synonyms_used(path, text, synonyms)] == []


def test_files_speak_of_the_product_alone():
    """No file names a path of one person's machine."""
    assert [c for path, text in kept_texts() for c in words.workplace_paths(path, text)] == []


def test_commits_speak_of_the_product_alone():
    """No commit message names a path of one person's machine, and no subject exceeds 72 columns."""
    log = subprocess.run(
        ["git", "log", "--no-merges", "--format=%s%x1f%b%x1e"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    commits = [commit.strip().partition("\x1f") for commit in log.split("\x1e")]

    assert [c for said in commits for c in words.workplace_paths(said[0], "".join(said))] == []
    assert [said[0] for said in commits if len(said[0]) > 72] == []


def test_the_lock_names_no_host():
    """The locked requirements install from whatever registry a machine is set up for."""
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        assert "://" not in lock.read_text(encoding="utf-8"), lock.name
        assert "--index" not in lock.read_text(encoding="utf-8"), lock.name


def test_every_module_is_reached():
    """Each module is reached from a door of the package, once the command exists to be one."""
    if (ROOT / "src" / "tenuto" / "cli").exists():
        assert imports.unreached(SOURCE) == []


def test_few_rooms_name_adapters_and_front_ends():
    """Stores are chosen in assembly, front ends in deploy; all others meet port and graph."""
    assert each(imports.reserved_imports, SOURCE) == []


def test_no_room_imports_from_the_front():
    """A room names the room it needs, never the package's public front."""
    front = next(source for source in SOURCE if source.module == "tenuto")

    assert each(lambda source: imports.front_imports(source, front), SOURCE) == []


def test_every_command_has_a_processor():
    """Nothing may be asked that nobody answers."""
    if completeness.engine_is_whole():
        commands = completeness.members("tenuto.engine.commands", "AnyCommand")

        assert (
            completeness.unserved(commands, completeness.table_keys("PROCESSORS"), "processor")
            == []
        )


def test_every_record_has_an_applier():
    """Nothing may happen that state does not learn."""
    if completeness.engine_is_whole():
        records = completeness.members("tenuto.engine.records", "AnyRecord")
        appliers = completeness.table_keys("APPLIERS")

        assert completeness.unserved(records, appliers, "applier") == []


def test_every_rejection_code_is_documented():
    """Every code that a caller may meet is in the reference."""
    page = ROOT / "docs" / "reference" / "rejections.md"
    if completeness.engine_is_whole() or page.exists():
        rejections = importlib.import_module("tenuto.engine.rejections")

        assert completeness.undocumented(rejections.CODES, page.read_text(encoding="utf-8")) == []


def test_every_verb_is_documented():
    """Every verb of the command line is in the reference."""
    page = ROOT / "docs" / "reference" / "cli.md"
    if importlib.util.find_spec("tenuto.cli") is not None:
        verbs = importlib.import_module("tenuto.cli").main.commands

        text = page.read_text(encoding="utf-8") if page.exists() else ""
        assert completeness.undocumented([f"tenuto {verb}" for verb in verbs], text) == []


def test_every_make_target_is_documented():
    """Every target of the Makefile is in the reference."""
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    page = (ROOT / "docs" / "reference" / "make.md").read_text(encoding="utf-8")

    assert "check" in targets
    assert completeness.undocumented([f"make {target}" for target in targets], page) == []
