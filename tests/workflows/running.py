"""Running a node with workflows in a test."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from types import SimpleNamespace

from tenuto.assembly import running
from tenuto.worker.program import Program, program_of


def program(*members):
    """Return a program of these steps and workflows."""
    return program_of(SimpleNamespace(**{f"m{place}": one for place, one in enumerate(members)}))


@contextmanager
def at_work(database, *members):
    """Run a node with these steps and workflows; give its client."""
    found = members[0] if members and isinstance(members[0], Program) else program(*members)
    with running(database, handlers=found) as at:
        yield at


def run(at, name, /, **variables):
    """Run a workflow to its end; return how it ended."""
    return asyncio.run(at.client.run(name, variables))
