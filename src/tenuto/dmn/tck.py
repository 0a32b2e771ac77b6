"""Runs test files for decisions in the format of the DMN Technology Compatibility Kit.

A case that expects an error passes when its value is null and a warning with code and position says
why. What breaks inside the evaluation itself is counted apart: it is a fault of ours, never of the
model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct

from tenuto.dmn import java
from tenuto.dmn.model import Model
from tenuto.dmn.read import read
from tenuto.dmn.result import Result, plain
from tenuto.dmn.tck_cases import Case, CaseFile, Expectation, read_plain, read_xml
from tenuto.errors import InputError, TenutoError
from tenuto.feel import Meter, Site
from tenuto.feel.compare import equal
from tenuto.values import DateAndTime, dumps, parse_date_and_time

TOLERANCE = Decimal("1e-8")
_SITE = Site("", 0)
_NOW = parse_date_and_time("2024-02-29T09:30:00Z")
assert _NOW is not None


class Difference(Struct, frozen=True):
    """Why a case failed: the decision, what was expected and what was found, as text."""

    decision: str
    expected: str
    found: str
    is_internal: bool = False


class Outcome(Struct, frozen=True):
    """One case of one file and how it ended."""

    file: str
    case: str
    line: int | None
    differences: tuple[Difference, ...]

    @property
    def is_passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.differences


class Report(Struct, frozen=True):
    """All outcomes in the order of files and cases."""

    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> int:
        """The number of cases that passed."""
        return sum(outcome.is_passed for outcome in self.outcomes)

    @property
    def failed(self) -> int:
        """The number of cases that failed."""
        return len(self.outcomes) - self.passed

    @property
    def internal(self) -> int:
        """The number of differences that are exceptions of ours."""
        return sum(part.is_internal for outcome in self.outcomes for part in outcome.differences)

    def __str__(self) -> str:
        lines = []
        for outcome in self.outcomes:
            for part in outcome.differences:
                place = outcome.file if outcome.line is None else f"{outcome.file}:{outcome.line}"
                lines.append(f"{place}: case {outcome.case}, {part.decision}")
                lines.append(f"  expected {part.expected}")
                lines.append(f"  found    {part.found}")
        lines.append(f"{self.internal} internal errors")
        lines.append(f"{self.passed} passed, {self.failed} failed")
        return "\n".join(lines)

    def to_value(self) -> dict[str, Any]:
        """Return the report for machines."""
        return {
            "passed": self.passed,
            "failed": self.failed,
            "internal": self.internal,
            "failures": [
                {
                    "file": outcome.file,
                    "case": outcome.case,
                    "line": outcome.line,
                    "decision": part.decision,
                    "expected": part.expected,
                    "found": part.found,
                }
                for outcome in self.outcomes
                for part in outcome.differences
            ],
        }


def run_paths(
    paths: Iterable[str | Path],
    *,
    functions: Mapping[str, Callable[..., Any]] = java.FUNCTIONS,
    now: DateAndTime = _NOW,
) -> Report:
    """Return how the cases of all test files end; a folder is searched whole.

    Next to a test file lies its model, `modelName`, with the models that it imports.
    """
    models: dict[tuple[Path, str | None], Model | TenutoError] = {}
    outcomes: list[Outcome] = []
    for path in _files(paths):
        found = _read(path)
        if found is None:
            continue
        key = (path.parent, found.model)
        if key not in models:
            models[key] = _load(path.parent, found, functions)
        outcomes.extend(_run_case(case, models[key], str(path), now) for case in found.cases)
    return Report(tuple(outcomes))


def _files(paths: Iterable[str | Path]) -> Iterator[Path]:
    for given in paths:
        path = Path(given)
        if path.is_dir():
            yield from sorted(
                file for file in path.rglob("*") if file.suffix in (".xml", ".yaml", ".yml")
            )
        elif path.is_file():
            yield path
        else:
            raise InputError(f"expected a test file or a folder at {path}, but there is none")


def _read(path: Path) -> CaseFile | None:
    source = path.read_bytes()
    if path.suffix == ".xml":
        return read_xml(source, str(path))
    import yaml  # costs every start of the command, and few read YAML

    try:
        data = yaml.safe_load(source)
    except yaml.YAMLError as error:
        raise InputError(f"expected YAML in {path}, but {error}") from error
    return read_plain(data, str(path))


def _load(
    folder: Path, file: CaseFile, functions: Mapping[str, Callable[..., Any]]
) -> Model | TenutoError:
    paths = sorted(folder.glob("*.dmn"), key=lambda path: (path.name != file.model, path.name))
    if not paths or (file.model is not None and paths[0].name != file.model):
        return InputError(f"expected the model {file.model} in {folder}, but it is not there")
    try:
        return Model(tuple(read(path.read_bytes(), name=path.name) for path in paths), functions)
    except TenutoError as error:
        return error


def _run_case(case: Case, model: Model | TenutoError, file: str, now: DateAndTime) -> Outcome:
    differences = []
    for expectation in case.expected:
        difference = _check(case, expectation, model, now)
        if difference is not None:
            differences.append(difference)
    return Outcome(file, case.id, case.line, tuple(differences))


def _check(
    case: Case, expectation: Expectation, model: Model | TenutoError, now: DateAndTime
) -> Difference | None:
    wanted = "an error" if expectation.is_error else show(expectation.value)
    name = expectation.decision
    if isinstance(model, TenutoError):
        return Difference(name, wanted, f"{type(model).__name__}: {model}")
    asked = case.invocable if case.kind == "decisionService" and case.invocable else name
    try:
        result = model.evaluate(asked, case.inputs, now=now)
    except TenutoError as error:
        return Difference(name, wanted, f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001  # a fault of ours is a finding of the run, not its end
        return Difference(name, wanted, f"{type(error).__name__}: {error}", is_internal=True)
    value = result.value
    if asked != name and isinstance(value, dict) and name in value:
        # A service with several output decisions gives them by name.
        value = value[name]
    if expectation.is_error:
        if value is None and any(warning.code and warning.line for warning in result.warnings):
            return None
        return Difference(name, wanted, _found(result, value))
    if agrees(value, expectation.value):
        return None
    return Difference(name, wanted, _found(result, value))


def _found(result: Result, value: Any) -> str:
    notes = "".join(f"; {warning.code}: {warning.message}" for warning in result.warnings[:3])
    return f"{show(value)}{notes}"


def agrees(value: Any, expected: Any) -> bool:
    """Tell whether a value is as expected: numbers within 1e-8, moments as FEEL compares them."""
    if type(value) in (int, Decimal) and type(expected) in (int, Decimal):
        return bool(abs(Decimal(value) - Decimal(expected)) < TOLERANCE)
    if type(value) is not type(expected):
        return False
    if isinstance(value, list):
        return len(value) == len(expected) and all(map(agrees, value, expected))
    if isinstance(value, dict):
        return value.keys() == expected.keys() and all(
            agrees(value[name], expected[name]) for name in value
        )
    return equal(value, expected, Meter(), _SITE) is True


def show(value: Any) -> str:
    """Return a value as text for a difference."""
    return str(dumps(plain(value)))
