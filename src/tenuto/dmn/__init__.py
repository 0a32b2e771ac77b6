"""DMN, the decision language: load a model, make its decisions, and see how each was made.

    >>> import tenuto.dmn
    >>> model = tenuto.dmn.load(b'''<definitions name="m" namespace="n"
    ...     xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/">
    ...   <decision id="answer" name="Answer"><literalExpression><text>6 * 7</text>
    ...   </literalExpression></decision></definitions>''')
    >>> model.evaluate("Answer", {}).value
    42

DMN 1.1 to 1.6 files are read. No clock, chance, thread or socket is read; only `load` of a path
reads a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tenuto.dmn.batch import decide_all
from tenuto.dmn.elements import Bkm, Decision, Input, Service
from tenuto.dmn.model import Model
from tenuto.dmn.notation import Definitions
from tenuto.dmn.read import read
from tenuto.dmn.result import Evaluated, MatchedRule, Result
from tenuto.errors import InputError

Source = str | Path | bytes

__all__ = [
    "Bkm",
    "Decision",
    "Evaluated",
    "Input",
    "MatchedRule",
    "Model",
    "Result",
    "Service",
    "decide_all",
    "load",
]


def load(
    source: Source | Sequence[Source],
    *,
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> Model:
    """Return the model of a file; of several, the first one, which may import the others.

    A source is a path, or the bytes or text of a file. `functions` are what Java function
    definitions are bound to, by names such as `java.lang.Math.max`. Raises `ModelError` with
    element and line, `InputError` when a path cannot be read.
    """
    sources = [source] if isinstance(source, str | Path | bytes) else list(source)
    if not sources:
        raise InputError("expected a DMN file, but there is none")
    files = tuple(_read(item) for item in sources)
    return Model(files, functions or {})


def _read(source: Source) -> Definitions:
    if isinstance(source, bytes):
        return read(source)
    if isinstance(source, str) and source.lstrip().startswith("<"):
        return read(source.encode())
    path = Path(source)
    try:
        return read(path.read_bytes(), name=str(path))
    except OSError as error:
        raise InputError(f"expected a DMN file at {path}, but {error.strerror}") from error
