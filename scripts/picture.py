"""Draw what a command prints as a picture: `python scripts/picture.py OUT.svg TITLE COMMAND...`."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 118
LINES_MAX = 46


def without_variables(lines: list[str]) -> list[str]:
    """Leave out the table of variables of `tenuto show`: the picture is about path and decision."""
    begin = next((n for n, line in enumerate(lines) if "Variables" in line), len(lines))
    end = next((n for n, line in enumerate(lines) if n > begin and "Decision" in line), begin)
    return lines[:begin] + lines[end:]


def main() -> None:
    """Run the command with colours and write the picture."""
    out, title, *command = sys.argv[1:]
    environment = {"FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    lines = without_variables(done.stdout.splitlines())
    shown = lines[:LINES_MAX] + (["…"] if len(lines) > LINES_MAX else [])
    console = Console(record=True, width=WIDTH, file=StringIO())
    console.print(Text.from_ansi("\n".join(shown)))
    Path(out).write_text(console.export_svg(title=title), encoding="utf-8")


if __name__ == "__main__":
    main()
