"""Running scenario files, each model read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tenuto.deploy import Prepared, Source, check_handlers, prepare, read_files
from tenuto.errors import InputError, TenutoError
from tenuto.graph.findings import Severity
from tenuto.testing.written.answers import handlers_of_app
from tenuto.testing.written.coverage import Coverage
from tenuto.testing.written.model import Scenario
from tenuto.testing.written.play import Play
from tenuto.testing.written.read import is_scenario_file, read_scenarios
from tenuto.testing.written.report import Outcome, Report
from tenuto.worker.declared import declaration
from tenuto.worker.handlers import Handler

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
        self._held: set[tuple[object, ...]] = set()

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

    def hold(self, scenario: Scenario, handlers: Mapping[str, Handler]) -> None:
        """Hold the handlers that a scenario uses against its processes. Raises `InputError`."""
        prepared, _ = self.of(scenario)
        used = {kind: one for kind, one in handlers.items() if kind not in scenario.given.handlers}
        key = (scenario.given.models, scenario.given.app, *sorted(used))
        if key in self._held:
            return
        found = check_handlers(prepared.compiled.graphs, map(declaration, used.values()))
        errors = [one.message for one in found if one.severity is Severity.ERROR]
        if errors:
            raise InputError(f"{scenario.file}:{scenario.line}: {'; '.join(errors[:3])}")
        self._held.add(key)


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


def _app_of(scenario: Scenario) -> Mapping[str, Handler]:
    app = scenario.given.app
    return {} if app is None else handlers_of_app(app, Path(scenario.file).parent)


def _run(scenario: Scenario, models: Models, coverage: Coverage) -> Outcome:
    prepared, places = models.of(scenario)
    handlers = _app_of(scenario)
    models.hold(scenario, handlers)
    for graph in prepared.compiled.graphs:
        coverage.know(places[graph.id], graph)
    play = Play(scenario, prepared, handlers)
    try:
        outcome = play.run()
        for process, passed in play.passed():
            coverage.add(process, places[process], passed)
    finally:
        play.close()
    return outcome
