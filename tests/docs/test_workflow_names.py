"""The page of names tells all that a workflow may use."""

import tenuto
from tenuto import wf
from tidy import workflow_names
from tidy.sources import ROOT

PAGE = (ROOT / "docs" / "reference" / "workflows.md").read_text(encoding="utf-8")


def test_every_name_of_wf_is_told():
    """Whatever `from tenuto import wf` gives has an entry with its signature."""
    assert [name for name in wf.__all__ if f"### `{name}`\n" not in PAGE] == []


def test_every_name_for_workflows_is_told():
    """Names of the package that belong to workflows are on the page too."""
    ours = [
        name
        for name in tenuto.__all__
        if getattr(tenuto, name).__module__.startswith("tenuto.workflows.")
    ]

    assert [name for name in ours if f"### `{name}`\n" not in PAGE] == []


def test_a_name_says_what_it_is():
    """No entry is empty: a public name without a docstring fails here."""
    for title, module, said, _ in workflow_names.SHELVES:
        for name in workflow_names.names(module, said):
            assert workflow_names.prose(workflow_names.found(module, name)), (title, name)


def test_signatures_are_as_one_would_write_them():
    """Types have no modules and defaults no quotes that are not theirs."""

    class Sample:
        """A sample."""

        def look(self, at: "wf.Message[int]", name: str = "", kind: object = int) -> None:
            """Look."""

    assert (
        workflow_names.member_line("look", Sample.look)
        == 'look(at: Message[int], name: str = "", kind: object = int) -> None'
    )
    assert workflow_names.signature("Sample", Sample) == "class Sample()"


def test_a_long_signature_has_a_line_for_each_parameter():
    """Commas within brackets do not break a line."""

    def call(first: dict[str, int], second: tuple[int, int] = (1, 2), third_of_all: str = "x"):
        """Call."""
        return first, second, third_of_all

    assert workflow_names.signature("call_with_many_words", call) == (
        "def call_with_many_words(\n"
        "    first: dict[str, int],\n"
        "    second: tuple[int, int] = (1, 2),\n"
        '    third_of_all: str = "x",\n'
        ")"
    )


def test_a_default_without_a_text_is_an_ellipsis():
    """The page is the same in every process: no default shows where an object lies."""

    def call(make: object = lambda: None) -> None:
        """Call."""

    assert workflow_names.signature("call", call) == "def call(make: object = …) -> None"


def test_an_object_shows_what_it_can_do():
    """What is no function, such as a logger, has the members of its class."""

    class Log:
        """A log."""

        def info(self, event: str) -> None:
            """Write a line."""

    assert "| `info(event: str) -> None` | Write a line. |" in workflow_names.entry("log", Log())
    assert workflow_names.signature("log", Log()) == "log: Log"
