"""Arrays in files that are named by what they hold.

The journal has the name; the file has the content. A name is written once and never changed, so
that an attempt that is repeated writes nothing new, and a reader knows whether it read the truth.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np


def keep(folder: str, array: np.ndarray) -> str:
    """Write an array, durably; return its name."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    content = buffer.getvalue()
    name = f"{hashlib.sha256(content).hexdigest()}.npy"
    path = Path(folder, name)
    if not path.exists():
        Path(folder).mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        directory = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    return name


def load(folder: str, name: str) -> np.ndarray:
    """Return an array. Raises `ValueError` when its file is not what its name says."""
    content = Path(folder, name).read_bytes()
    found = f"{hashlib.sha256(content).hexdigest()}.npy"
    if found != name:
        raise ValueError(f"expected {name} to hold what it is named by, but that is {found}")
    return np.load(io.BytesIO(content), allow_pickle=False)


def drop_others(folder: str, names: Iterable[str]) -> int:
    """Remove the files of older rounds; return how many."""
    wanted = set(names)
    found = [path for path in Path(folder).iterdir() if path.name not in wanted]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)
