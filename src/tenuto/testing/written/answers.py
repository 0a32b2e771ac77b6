"""Who performs the jobs of a scenario: handlers of a Python module, or answers that it lists."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from tenuto import values
from tenuto.assembly import load_app
from tenuto.errors import InputError
from tenuto.notation import settle
from tenuto.testing.written.model import Answer
from tenuto.values import DateAndTime
from tenuto.worker.context import JobContext
from tenuto.worker.handlers import BpmnError, Handler, describe, handlers_of


class Failed(Exception):
    """The failure that a scenario asks for; it is retried as the model says."""


def answering(
    job_type: str, answers: tuple[Answer, ...], now: Callable[[], DateAndTime]
) -> Handler:
    """Return a handler that gives listed answers call by call; the last one repeats.

    FEEL in an answer sees the variables of the job.
    """
    left: Iterator[Answer] = chain(answers, repeat(answers[-1]))

    def answer(ctx: JobContext) -> dict[str, Any]:
        one = next(left)
        if one.fail is not None:
            raise Failed(one.fail)
        seen = values.from_python(ctx.variables)
        variables: dict[str, Any] = settle(one.variables, seen, now())
        if one.error is not None:
            raise BpmnError(one.error, **variables)
        return variables

    return describe(job_type, answer)


def handlers_of_app(app: str, folder: Path) -> Mapping[str, Handler]:
    """Return the handlers of `file.py`, relative to a folder, or of `module` or `module:name`.

    Modules are found from the present folder and from `folder`. Raises `InputError`.
    """
    if app.endswith(".py"):
        return _handlers_of_file((folder / app).resolve())
    _see(folder)
    return load_app(app)


def _handlers_of_file(path: Path) -> Mapping[str, Handler]:
    _see(path.parent)
    # Two files of one name in different folders are two modules.
    name = f"tenuto_app_{path.as_posix().encode().hex()}"
    spec = importlib.util.spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise InputError(f"expected a Python file with handlers at `{path}`, but there is none")
    module = sys.modules.get(name)
    if module is None:
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except ImportError as error:
            del sys.modules[name]
            raise InputError(f"expected `{path}` to be imported: {error}") from error
    found = handlers_of(module)
    if not found:
        raise InputError(f"expected functions with @handler in `{path}`, but there are none")
    return found


def _see(folder: Path) -> None:
    path = str(folder.resolve())
    if path not in sys.path:
        sys.path.insert(0, path)
