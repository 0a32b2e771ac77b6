"""The commands of the pages for newcomers do what the pages say, against real processes."""

import pytest

from tests.docs.walking import Reader, is_shown, steps

WALKED = ["docs/tutorial/a-person-in-it.md", "docs/how-to/http-api.md"]


@pytest.mark.timeout(90)
@pytest.mark.parametrize("page", WALKED)
def test_a_page_can_be_walked(page, tmp_path):
    """Whoever gives the commands of a page in its order sees what the page shows."""
    with Reader(page, tmp_path) as reader:
        reader.walk()


@pytest.mark.parametrize("page", WALKED)
def test_what_a_page_shows_comes_from_a_command(page):
    """Each page has commands, and a `shows` follows one of them."""
    verbs = [step.verb for step in steps(page)]

    assert verbs.count("do") >= 3
    assert verbs[0] != "shows"


def test_a_shown_line_has_to_be_said():
    """Spaces may differ and `…` stands for anything in the line, the rest is exact."""
    said = "task  1-2   approve  leads\nnext"

    assert is_shown("task … approve leads", said)
    assert not is_shown("task … next", said)
    assert not is_shown("approve lead s", said)
