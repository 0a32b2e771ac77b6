"""What a run of scenario files came to: each scenario's outcome, and what was passed."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from tenuto.testing.written.coverage import ProcessCoverage


class Difference(Struct, frozen=True):
    """One thing that does not hold: what was looked at, what was expected, what was found."""

    line: int
    what: str
    expected: str
    found: str


class Outcome(Struct, frozen=True):
    """One scenario and how it ended; `state` says in words where its instance stood.

    `seconds` is how long it took on this machine.
    """

    file: str
    line: int
    name: str
    differences: tuple[Difference, ...]
    state: str
    seconds: float

    @property
    def is_passed(self) -> bool:
        """Whether everything held."""
        return not self.differences

    def to_value(self) -> dict[str, Any]:
        """Return the outcome for machines."""
        return {
            "file": self.file,
            "line": self.line,
            "name": self.name,
            "passed": self.is_passed,
            "state": self.state,
            "differences": [
                {
                    "line": one.line,
                    "what": one.what,
                    "expected": one.expected,
                    "found": one.found,
                }
                for one in self.differences
            ],
        }


class Report(Struct, frozen=True):
    """All outcomes in the order of files, and the coverage of every process that was deployed."""

    outcomes: tuple[Outcome, ...]
    coverage: tuple[ProcessCoverage, ...]

    @property
    def passed(self) -> int:
        """The number of scenarios that passed."""
        return sum(outcome.is_passed for outcome in self.outcomes)

    @property
    def failed(self) -> int:
        """The number of scenarios that failed."""
        return len(self.outcomes) - self.passed

    def below(self, percent: float) -> list[ProcessCoverage]:
        """Return the processes of whose elements or flows less than `percent` was passed."""
        return [one for one in self.coverage if one.percent < percent]

    def lines(self) -> list[str]:
        """Return what differs, as text."""
        said = []
        for outcome in self.outcomes:
            if outcome.is_passed:
                continue
            said.append(f"{outcome.file}:{outcome.line}: {outcome.name}")
            for one in outcome.differences:
                said.append(f"  line {one.line}: {one.what}")
                said.append(f"    expected {one.expected}")
                said.append(f"    found    {one.found}")
            if outcome.state:
                said.append(f"  {outcome.state}")
        return said
