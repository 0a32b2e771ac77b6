"""Running scenario files, each model read once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tenuto.deploy import Prepared, Source, prepare, read_files
from tenuto.errors import InputError, TenutoError
from tenuto.testing.written.coverage import Coverage
from tenuto.testing.written.model import Scenario
from tenuto.testing.written.play import Play
from tenuto.testing.written.read import is_scenario_file, read_scenarios
from tenuto.testing.written.report import Outcome, Report

ENDINGS = (".scenario.yaml", ".scenario.yml", ".scenarios.yaml", ".scenarios.yml")


def is_written(path: Path) -> bool:
    """Tell whether a file holds scenarios: by its name, or by what stands at its top.

    Raises `InputError` for a file that cannot be read.
    """
    if path.name.endswith(ENDINGS):
        return True
    if path.suffix not in (".yaml", ".yml"):
        return False
    try:
        return is_scenario_file(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"expected a test file at `{path}`: {error.strerror}") from error


def run_files(paths: Iterable[str | Path]) -> Report:
    """Run the scenarios of files in their order; return how each ended and what was passed.

    Raises `InputError` for a file that cannot be used, and for models that are refused.
    """
    models = Models()
    coverage = Coverage()
    outcomes = tuple(
        _run(scenario, models, coverage)
        for path in map(Path, paths)
        for scenario in read_scenarios(path, str(path))
    )
    return Report(outcomes, coverage.found())


class Models:
    """Models that were read, by their paths."""

    def __init__(self) -> None:
        """Begin with none."""
        self._read: dict[tuple[Path, ...], tuple[Prepared, dict[str, str]]] = {}

    def of(self, scenario: Scenario) -> tuple[Prepared, dict[str, str]]:
        """Return what a scenario deploys, and the model file of each process.

        Raises `InputError` that names the scenario's place.
        """
        paths = tuple(path.resolve() for path in scenario.given.models)
        if paths not in self._read:
            try:
                self._read[paths] = _prepare(paths)
            except TenutoError as error:
                place = f"{scenario.file}:{scenario.line}"
                raise InputError(f"{place}: expected models that run, but {error}") from error
        return self._read[paths]


def _prepare(paths: tuple[Path, ...]) -> tuple[Prepared, dict[str, str]]:
    sources: list[Source] = []
    files: list[Path] = []
    for path in paths:
        found = read_files([path])
        folder = path if path.is_dir() else path.parent
        sources += found
        files += [folder / name for name, _, _ in found]
    prepared = prepare(sources)
    places = {
        process: _shown(file)
        for file, report in zip(files, prepared.reports, strict=True)
        for process in report.processes
    }
    return prepared, places


def _shown(path: Path) -> str:
    """Return a path as people know it: from the present folder where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _run(scenario: Scenario, models: Models, coverage: Coverage) -> Outcome:
    prepared, places = models.of(scenario)
    for graph in prepared.compiled.graphs:
        coverage.know(places[graph.id], graph)
    play = Play(scenario, prepared)
    try:
        outcome = play.run()
        for process, passed in play.passed():
            coverage.add(process, places[process], passed)
    finally:
        play.close()
    return outcome
