"""A problem as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenuto.console.rendering import render_alone

if TYPE_CHECKING:
    from tenuto.api.http import Response
    from tenuto.api.problems import Problem


def render_problem(problem: Problem) -> Response:
    """Return the page of a problem."""
    return render_alone("problem.html", problem.status, problem=problem)
