"""`tenuto test`: run scenarios of processes and test files of decisions, without a database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tenuto.cli import exits
from tenuto.cli.output import JSON, TABLE, Table, emit_json, emit_lines, emit_tables, output_option
from tenuto.errors import InputError

if TYPE_CHECKING:
    from tenuto.dmn.tck import Report as DecisionReport
    from tenuto.testing.written import Report
    from tenuto.testing.written.coverage import Passed

SUFFIXES = (".xml", ".yaml", ".yml")


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--min-coverage",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Exit with 1 when less of a process's elements or sequence flows was passed.",
)
@click.option("--junit", "junit_file", metavar="FILE", help="Write the results as JUnit XML too.")
@output_option
@click.pass_context
def test(
    ctx: click.Context,
    paths: tuple[str, ...],
    min_coverage: float | None,
    junit_file: str | None,
    output: str,
) -> None:
    """Run the tests in files and folders, and show what differs.

    Scenarios of processes are YAML: what is given, what happens, what holds then. They run on the
    engine itself, in memory and on a virtual clock; elements and sequence flows that no scenario
    passed are listed. Tests of decisions are those of the DMN Technology Compatibility Kit, or
    YAML with the same content, beside their models. The last line counts; exits with 1 when a
    test failed.
    """
    from tenuto.cli.database import quiet_logs
    from tenuto.dmn.tck import run_paths
    from tenuto.testing.written import is_written, run_files

    quiet_logs()  # what handlers log is not what the tests say
    files = list(find_files(paths))
    written = [path for path in files if is_written(path)]
    decisions = run_paths(path for path in files if path not in frozenset(written))
    scenarios = run_files(written)
    if not decisions.outcomes and not scenarios.outcomes:
        raise InputError(f"expected tests in {', '.join(paths)}, but found none")
    if junit_file is not None:
        write_junit(junit_file, decisions, scenarios)
    emit(decisions, scenarios, output)
    uncovered = [] if min_coverage is None else scenarios.below(min_coverage)
    for one in uncovered:
        click.echo(
            f"expected {min_coverage:g} % of process {one.process} ({one.model}) to be passed, "
            f"got {one.percent:.1f} %",
            err=True,
        )
    failed = bool(decisions.failed or scenarios.failed or uncovered)
    ctx.exit(exits.REFUSED if failed else exits.OK)


def find_files(paths: Iterable[str]) -> Iterator[Path]:
    """Give the files that are named, and those in folders that may be tests, sorted, each once.

    Folders whose name begins with a dot are left out. Raises `InputError`.
    """
    seen: set[Path] = set()
    for given in paths:
        path = Path(given)
        if not path.exists():
            raise InputError(f"expected a test file or folder at `{path}`, but there is none")
        for file in _search(path) if path.is_dir() else [path]:
            if file not in seen:
                seen.add(file)
                yield file


def _search(folder: Path) -> list[Path]:
    found = []
    for file in folder.rglob("*"):
        inside = file.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "node_modules" for part in inside)
        if file.suffix in SUFFIXES and not hidden and file.is_file():
            found.append(file)
    return sorted(found)


def emit(decisions: DecisionReport, scenarios: Report, output: str) -> None:
    """Print what came out: differences, coverage and counts."""
    if output == JSON:
        emit_json(to_value(decisions, scenarios))
    elif output == TABLE:
        if decisions.outcomes:
            click.echo("\n".join(str(decisions).splitlines()[:-1]))
        for line in scenarios.lines():
            click.echo(line)
        emit_tables([coverage_table(scenarios)])
        for line in missed_lines(scenarios):
            click.echo(line)
        passed = decisions.passed + scenarios.passed
        click.echo(f"{passed} passed, {decisions.failed + scenarios.failed} failed")
    else:
        value = to_value(decisions, scenarios)
        emit_lines([*value["failures"], *value["scenarios"], *value["coverage"]])


def to_value(decisions: DecisionReport, scenarios: Report) -> dict[str, Any]:
    """Return the results for machines; `passed` and `failed` count scenarios and decision cases."""
    value = decisions.to_value()
    value["passed"] += scenarios.passed
    value["failed"] += scenarios.failed
    value["scenarios"] = [outcome.to_value() for outcome in scenarios.outcomes]
    value["coverage"] = [one.to_value() for one in scenarios.coverage]
    return value


def coverage_table(scenarios: Report) -> Table:
    """Return a row for each process: how much of it was passed."""
    rows = [
        (one.process, one.model, share(one.elements), share(one.flows))
        for one in scenarios.coverage
    ]
    return Table("Coverage", ("process", "model", "elements", "sequence flows"), rows)


def missed_lines(scenarios: Report) -> Iterator[str]:
    """Give what was never passed, process by process."""
    for one in scenarios.coverage:
        for kind, passed in (("elements", one.elements), ("sequence flows", one.flows)):
            if passed.missed:
                yield f"never passed in {one.process}: {kind} {', '.join(passed.missed)}"


def share(passed: Passed) -> str:
    """Return a count as people read it.

    >>> from tenuto.testing.written.coverage import Passed
    >>> share(Passed(8, ("pay", "close")))
    '6 of 8 (75 %)'
    """
    return f"{passed.count} of {passed.total} ({int(passed.percent)} %)"


def write_junit(name: str, decisions: DecisionReport, scenarios: Report) -> None:
    """Write every result as JUnit XML. Raises `InputError` when the file cannot be written."""
    from tenuto.cli.junit import Tested, junit

    results = [
        Tested(
            outcome.file,
            outcome.case,
            "\n".join(
                f"{one.decision}: expected {one.expected}, found {one.found}"
                for one in outcome.differences
            ),
        )
        for outcome in decisions.outcomes
    ]
    results += [
        Tested(
            outcome.file,
            outcome.name,
            "\n".join(
                f"line {one.line}: {one.what}: expected {one.expected}, found {one.found}"
                for one in outcome.differences
            ),
            outcome.seconds,
        )
        for outcome in scenarios.outcomes
    ]
    try:
        Path(name).write_bytes(junit(results))
    except OSError as error:
        raise InputError(f"expected to write results to `{name}`: {error.strerror}") from error
