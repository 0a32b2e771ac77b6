"""The page: what runs, where, why, and what people have to do; server-rendered."""

from tenuto.console.problem import render_problem
from tenuto.console.routes import ROUTES

__all__ = ["ROUTES", "render_problem"]
