"""Exit codes, one meaning each."""

from __future__ import annotations

from typing import Final

OK: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
DATABASE: Final = 3
UNVERIFIED: Final = 4
BUG: Final = 70
INTERRUPTED: Final = 130
