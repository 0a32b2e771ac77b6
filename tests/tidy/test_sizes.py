"""The size rules and their ratchet."""

import textwrap

import pytest

from tidy import sizes
from tidy.sources import functions, parse


def source(text, path="src/tenuto/engine/elements/task.py"):
    """Return a file with this text."""
    return parse(path, textwrap.dedent(text))


def long_function(lines):
    """Return the text of a function with that many lines."""
    return "def enter():\n" + "    pass\n" * (lines - 1)


def test_a_function_at_the_limit_passes():
    """Sixty lines are short enough."""
    assert sizes.long_functions([source(long_function(60))], {}) == []


def test_a_function_over_the_limit_is_named():
    """The complaint names file, function, limit and length."""
    complaints = sizes.long_functions([source(long_function(61))], {})

    assert complaints == [
        "src/tenuto/engine/elements/task.py::enter: expected at most 60 lines, but it has 61"
    ]


def test_a_docstring_does_not_lengthen_a_function():
    """An essay at the top of a function costs nothing."""
    said = 'def enter():\n    """Say.\n' + "    more\n" * 80 + '    """\n    return 1\n'

    assert [span.lines for span in functions(source(said))] == [2]


@pytest.mark.parametrize(
    ("found", "says"),
    [(71, "expected at most 70"), (69, "lower it"), (50, "take it off")],
    ids=["grown", "shrunk", "within the limit"],
)
def test_a_listed_exception_only_shrinks(found, says):
    """A listed length is exact: growing fails, shrinking lowers the number or ends the entry."""
    listed = {"src/tenuto/engine/elements/task.py::enter": 70}

    (complaint,) = sizes.long_functions([source(long_function(found))], listed)

    assert says in complaint


def test_a_listed_exception_that_is_gone_is_named():
    """An entry without a function is taken off."""
    (complaint,) = sizes.long_files([], {"src/tenuto/gone.py": 700})

    assert "take it off" in complaint


def test_a_broad_except_that_goes_on_is_counted():
    """Catching everything counts; catching it to raise again does not."""
    swallowing = source("try:\n    pass\nexcept (ValueError, Exception):\n    pass\n")
    raising = source("try:\n    pass\nexcept BaseException:\n    raise\n", "src/tenuto/other.py")

    complaints = sizes.broad_excepts([swallowing, raising], {})

    assert [complaint.partition(":")[0] for complaint in complaints] == [swallowing.path]
