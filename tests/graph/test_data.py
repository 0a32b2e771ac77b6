"""Formulas: what a text of a model means."""

import pytest

from tenuto.errors import FeelSyntaxError
from tenuto.graph.data import static_or_formula


def test_text_with_a_sign_is_feel():
    """A text that starts with an equals sign is FEEL."""
    found = static_or_formula(" =a + 1")

    assert found.is_constant is False
    assert found.expression.call({"a": 1}) == 2


def test_text_without_a_sign_is_itself():
    """A text without it stands for itself, without surrounding blanks."""
    found = static_or_formula(" pay ")

    assert (found.is_constant, found.constant) == (True, "pay")


def test_broken_feel_raises():
    """FEEL that does not parse raises where it is compiled."""
    with pytest.raises(FeelSyntaxError):
        static_or_formula("=a +")
