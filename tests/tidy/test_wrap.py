"""Wrapping of docstrings and comments."""

import pytest

from tidy.wrap import wrap

LONG = "word " * 30


def function(docstring):
    """Return a method with this docstring."""
    return f"class A:\n    def f(self):\n        {docstring}\n        return 1\n"


def test_what_fits_is_left_alone():
    """A file within the limit keeps every byte."""
    text = function('"""Short.\n\n          odd   layout\n        """')

    assert wrap(text) == text


def test_a_summary_is_parted_from_what_follows():
    """A long one-line docstring becomes a summary, a blank line and the rest."""
    wrapped = wrap(function(f'"""Say it. Then {LONG.strip()}."""')).split("\n")

    assert wrapped[2:5] == ['        """Say it.', "", "        Then" + " word" * 17]
    assert max(map(len, wrapped)) <= 100


def test_closing_quotes_find_room():
    """A line that would fit but for its quotes is wrapped, for the formatter joins them again."""
    sentence = "w" * 20 + " " + "v" * 67 + "."

    assert wrap(function(f'"""{sentence}"""')).split("\n")[3:5] == [
        "        " + "v" * 67 + ".",
        '        """',
    ]


def test_list_items_stay_items():
    """A long item is wrapped below itself; the next one begins a line."""
    wrapped = wrap(function(f'"""Say.\n\n        - {LONG.strip()}\n        - b\n        """'))

    assert "\n          word" in wrapped
    assert "\n        - b\n" in wrapped


def test_long_comments_are_wrapped_as_one_block():
    """Lines of one comment flow together and keep their indent."""
    wrapped = wrap(f"if a:\n    # {LONG.strip()}\n    # end.\n    b()\n").split("\n")

    assert wrapped[2] == "    # " + "word " * 11 + "end."
    assert wrapped[3] == "    b()"


@pytest.mark.parametrize("text", [f"x = '{LONG}'\n", f"f()  # {LONG}\n"])
def test_code_is_never_touched(text):
    """Strings and remarks beside code are for people to shorten."""
    assert wrap(text) == text


def test_wrapping_twice_changes_nothing():
    """What is wrapped fits."""
    once = wrap(function(f'"""{LONG}ends. More {LONG}."""'))

    assert wrap(once) == once
