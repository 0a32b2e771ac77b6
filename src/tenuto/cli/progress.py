"""The progress bar of a run: on a terminal only, on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.progress import Progress

    from tenuto.cli.feeding import Feeding

REFRESH_SECONDS: Final = 0.1


class Bar:
    """Shows how far the input is read, the rate, the time that remains, and what is left after it.

    `total` is the input's size in bytes, None where it is not known.
    """

    def __init__(self, total: int | None) -> None:
        """Prepare; nothing is drawn before the block is entered."""
        self._total = total
        self._next = 0.0
        self._begun = time.perf_counter()
        self._progress: Progress | None = None
        if sys.stderr.isatty():
            self._progress = _progress()
            self._task = self._progress.add_task("starting", total=total, said="")

    def __enter__(self) -> Bar:
        """Begin to draw."""
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bar as it stands."""
        if self._progress is not None:
            self._progress.stop()

    def show_feeding(self, feeding: Feeding, position: int) -> None:
        """Show how far the input is."""
        now = time.perf_counter()
        if self._progress is None or now < self._next:
            return
        self._next = now + REFRESH_SECONDS
        rate = feeding.records / max(now - self._begun, 0.001)
        said = f"{feeding.records:,} records · {rate:,.0f}/s"
        self._progress.update(self._task, completed=position, said=said)

    def show_working(self, leased: int) -> None:
        """Show that the input is read and jobs are still at work."""
        now = time.perf_counter()
        if self._progress is None or now < self._next:
            return
        self._next = now + REFRESH_SECONDS
        said = f"{leased:,} jobs at work" if leased else "waiting for retries"
        self._progress.update(
            self._task, description="working", completed=self._total or 1, said=said
        )


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[said]}"),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        transient=True,
    )
