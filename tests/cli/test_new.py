"""`tenuto new`: each template is a project that runs, passes its tests and reads cleanly."""

import re
import shlex
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from tenuto.cli.new import TEMPLATES, template_files

DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
EACH = pytest.mark.parametrize("template", list(TEMPLATES))


@pytest.fixture
def project(tenuto):
    """Give a way to write a project of a template and work inside it."""

    def write(template):
        tenuto("new", f"my-{template}", "--template", template)
        return tenuto.folder / f"my-{template}"

    return write


def run(python, folder, *words):
    """Run Python inside a folder, as a process of its own; return what it printed."""
    process = python("-c", f"import os; os.chdir({str(folder)!r})\n" + words[0], *words[1:])
    out, err = process.communicate(timeout=15)
    assert process.returncode == 0, out + err
    return out


TENUTO = "import sys; from tenuto.cli import main; sys.argv[0] = 'tenuto'; main()"
PYTEST = "import sys, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider']))"


@EACH
def test_a_project_passes_its_scenarios(project, python, template):
    """`tenuto test .` passes every element and every sequence flow of the new project."""
    out = run(python, project(template), TENUTO, "test", ".", "--min-coverage", "100")

    assert re.search(r"^[1-9]\d* passed, 0 failed$", out, re.MULTILINE)


@EACH
def test_a_project_passes_its_tests_in_python(project, python, template):
    """`pytest` in the new project passes."""
    out = run(python, project(template), PYTEST)

    assert re.search(r"^[1-9]\d* passed in", out, re.MULTILINE)


@EACH
def test_models_of_a_project_have_nothing_against_them(project, python, template):
    """`tenuto lint --strict` accepts every model without a warning."""
    out = run(python, project(template), TENUTO, "lint", "--strict", ".", "-o", "json")

    assert '"findings": []' in out
    assert '"severity"' not in out


@EACH
def test_every_element_is_drawn(project, template):
    """Each node and each sequence flow has its shape in the diagram."""
    for path in project(template).glob("*.bpmn"):
        root = ElementTree.parse(path).getroot()
        process = root.find(f"{BPMN}process")
        drawn = {
            one.get("bpmnElement")
            for kind in ("Shape", "Edge")
            for one in root.iter(f"{DI}BPMN{kind}")
        }

        ids = {one.get("id") for one in process if one.get("id") is not None}
        assert drawn == ids


@EACH
def test_python_of_a_project_is_tidy(project, template):
    """Ruff, as it comes, has nothing to say about the new project."""
    folder = project(template)

    for words in (("check",), ("format", "--check")):
        ruff = [sys.executable, "-m", "ruff", *words, "--isolated", "--no-cache", "."]
        found = subprocess.run(ruff, cwd=folder, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout + found.stderr


@EACH
def test_nothing_is_left_to_fill_in(project, template):
    """The project carries its own name, and no mark of a template."""
    folder = project(template)

    for path in folder.iterdir():
        assert "{{" not in path.read_text(encoding="utf-8"), path.name
    assert f"# my-{template}" in (folder / "README.md").read_text(encoding="utf-8")
    assert len(list(folder.iterdir())) == len(list(template_files(template)))


@EACH
def test_what_the_readme_says_can_be_typed(project, tenuto, monkeypatch, template):
    """Its commands work one after another; for the server, the models are deployed."""
    folder = project(template)
    monkeypatch.chdir(folder)
    readme = (folder / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^    tenuto (.+)$", readme, re.MULTILINE)
    database = f"my-{template}.db"
    assert f"serve handlers --model . --db {database}" in lines

    for line in lines:
        words = shlex.split(line)
        if words[0] == "serve":
            words = ["deploy", ".", "--db", database]
        if "KEY" in words:
            rows = tenuto("tasks", "--db", database, "-o", "json").stdout
            words[words.index("KEY")] = re.search(r'"key": "(\d+-\d+)"', rows)[1]
        if words[0] != "run":
            tenuto(*words)


@pytest.mark.parametrize("name", ["9lives", "my project", ".", "-", "a/b c", "x" * 65])
def test_a_name_that_is_none_is_refused(tenuto, name):
    """Letters, digits, `-` and `_`; nothing is written."""
    result = tenuto("new", "--", name, expect=2)

    assert "expected a name of letters" in result.stderr
    assert sorted(path.name for path in tenuto.folder.iterdir()) == ["shop.py"]


def test_a_folder_that_holds_something_is_left_alone(tenuto):
    """What is there is not written over."""
    (tenuto.folder / "mine").mkdir()
    kept = tenuto.write("mine/README.md", "mine")

    result = tenuto("new", "mine", expect=2)

    assert "something in it" in result.stderr
    assert [path.name for path in kept.parent.iterdir()] == ["README.md"]
    assert kept.read_text() == "mine"


def test_a_file_of_that_name_is_left_alone(tenuto):
    """A file is no folder to write into."""
    tenuto.write("mine", "text")

    assert "a file of that name" in tenuto("new", "mine", expect=2).stderr


def test_an_empty_folder_is_used(tenuto):
    """A folder that was made for the project may be there; folders above are made."""
    (tenuto.folder / "mine").mkdir()

    tenuto("new", "mine")
    tenuto("new", "deep/er/mine")

    assert (tenuto.folder / "mine" / "approval.bpmn").is_file()
    assert (tenuto.folder / "deep" / "er" / "mine" / "approval.bpmn").is_file()


def test_an_unknown_template_names_those_there_are(tenuto):
    """The error lists the templates."""
    result = tenuto("new", "mine", "--template", "claim", expect=2)

    for template in TEMPLATES:
        assert template in result.stderr
