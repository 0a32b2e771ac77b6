"""The progress bar of a run: on a terminal only, on standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.progress import Progress

    from tenuto.cli.feeding import Feeding

REFRESH_SECONDS: Final = 0.1


class Bar:
    """Shows how far the input is, the rate and the time that remains; then what is at work.

    `total` is the input's size in bytes, None where it is not known or nothing is read.
    """

    def __init__(self, title: str, total: int | None = None) -> None:
        """Prepare; nothing is drawn before the block is entered."""
        self._total = total
        self._next = 0.0
        self._begun = time.perf_counter()
        self._progress: Progress | None = None
        if sys.stderr.isatty():
            self._progress = _progress(measured=total is not None)
            self._task = self._progress.add_task(title, total=total, said="")

    def __enter__(self) -> Bar:
        """Begin to draw."""
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bar as it stands."""
        if self._progress is not None:
            self._progress.stop()

    def show_feeding(self, feeding: Feeding) -> None:
        """Show how far the input is, by the text of the records that were offered."""
        now = time.perf_counter()
        if self._progress is None or now < self._next:
            return
        self._next = now + REFRESH_SECONDS
        rate = feeding.records / max(now - self._begun, 0.001)
        said = f"{feeding.records:,} records · {rate:,.0f}/s"
        done = min(feeding.characters, self._total or feeding.characters)
        self._progress.update(self._task, completed=done, said=said)

    def show_working(self, leased: int) -> None:
        """Show that jobs are still at work, or that retries are waited for."""
        now = time.perf_counter()
        if self._progress is None or now < self._next:
            return
        self._next = now + REFRESH_SECONDS
        said = f"{leased:,} jobs at work" if leased else "waiting for retries"
        self._progress.update(self._task, said=said)


def _progress(*, measured: bool) -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn("{task.description}")]
    if measured:
        columns += [BarColumn(), TaskProgressColumn()]
    columns.append(TextColumn("{task.fields[said]}"))
    if measured:
        columns.append(TimeRemainingColumn(compact=True))
    return Progress(*columns, console=Console(stderr=True), transient=True)
