"""`tenuto run`: the main job from a shell."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import click

from tenuto.cli.database import database_option, working
from tenuto.cli.output import output_option, say
from tenuto.errors import InputError

if TYPE_CHECKING:
    from tenuto.cli.records import Record

SUFFIXES = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json"}


class Options(NamedTuple):
    """What was asked of a run."""

    models: tuple[str, ...]
    input: str | None
    format: str | None
    process: str | None
    app: str | None
    database: str
    business_key: str | None
    batch: str
    rejects: str | None
    limit: int | None
    wait: float
    strict: bool
    output: str


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--input", metavar="FILE", help="CSV, NDJSON or JSON records; - is standard input.")
@click.option(
    "--format",
    type=click.Choice(["csv", "ndjson", "json"]),
    help="What the input is, where its name does not say it.",
)
@click.option("--process", metavar="ID", help="The process to start, where models have several.")
@click.option("--app", metavar="MODULE[:NAME]", help="The Python module with the handlers.")
@database_option
@click.option("--business-key", metavar="COLUMN", help="The column that names an instance.")
@click.option(
    "--batch",
    default="",
    metavar="NAME",
    help="Tells two deliveries apart whose records are equal at the same place.",
)
@click.option("--rejects", metavar="FILE", help="Where bad records go; INPUT.rejects.ndjson.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Read the first N records only.")
@click.option(
    "--wait",
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Stay for retries that are due within this time.",
)
@click.option("--strict", is_flag=True, help="Exit with 2 when any record was rejected.")
@output_option
@click.pass_context
def run(ctx: click.Context, /, **options: Any) -> None:
    """Deploy the MODELs, start one instance per record, work the jobs, and report.

    Columns that the process declares as inputs are read as the declared type; other columns are
    text. Records that cannot be read go to the rejects file with line and reason, the rest run.
    The run ends when nothing can move without a person, a message, a timer or a worker that is not
    here. Without --input it only works what the database holds.

    Interrupted and run again with the same input it goes on: a record is known by the process, its
    place in the input and its content, and starts no second instance.
    """
    ctx.exit(work(Options(**options)))


def work(options: Options) -> int:
    """Run and report; return the exit code."""
    from tenuto.assembly import load_app
    from tenuto.cli.batch_run import BatchRun, rejects_path
    from tenuto.cli.report import exit_of, report_run
    from tenuto.cli.summary import outcome
    from tenuto.worker.program import Program

    if options.input is None and not options.models and options.app is None:
        raise InputError("expected models, --input or --app, but there is nothing to do")
    handlers = load_app(options.app) if options.app else Program()
    with (
        open_input(options) as source,
        working(options.database, handlers=handlers) as running,
        stopping_gracefully() as stop,
    ):
        batch = BatchRun(running, sorted(handlers), stop)
        batch.deploy(options.models)
        batch.hold(handlers)
        if source is not None:
            assert options.input is not None, "an open input has a name"
            target = batch.target(options.process, options.business_key, options.batch)
            records = source.records(options.limit)
            batch.feed(target, records, source, rejects_path(options.input, options.rejects))
        batch.settle(options.wait)
        batch.stop_clock()
        found = outcome(running.client.read, batch.keys, batch.cursor)
    report_run(batch, found, options.output)
    return exit_of(batch, found, strict=options.strict)


class Input:
    """The input of a run: an open file whose format is known."""

    def __init__(self, file: BinaryIO, kind: str, size: int | None) -> None:
        """Read `file` as records of a kind; `size` in bytes is None where it is not known."""
        from tenuto.cli.lines import Counted

        self._source = Counted(file)
        self.format = kind
        self.size = size

    def records(self, limit: int | None) -> Iterator[Record]:
        """Give the records, at most `limit` of them."""
        from itertools import islice

        from tenuto.cli.records import read_records

        return islice(read_records(self._source, self.format), limit)


@contextlib.contextmanager
def open_input(options: Options) -> Iterator[Input | None]:
    """Open the input before anything else is done. Raises `InputError`."""
    name = options.input
    if name is None:
        yield None
        return
    if name == "-":
        if options.format is None:
            raise InputError("expected --format with --input -, but it was not given")
        yield Input(sys.stdin.buffer, options.format, None)
        return
    path = Path(name)
    kind = options.format or SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"expected {', '.join(SUFFIXES)} or --format, got `{name}`")
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"expected an input at `{name}`: {error.strerror}") from error
    with file:
        yield Input(file, kind, path.stat().st_size if path.is_file() else None)


@contextlib.contextmanager
def stopping_gracefully() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C and SIGTERM set; a second Ctrl-C does not wait any more."""
    stop = threading.Event()

    def ask_to_stop(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        say("stopping: the work at hand is being finished; Ctrl-C again does not wait for it")

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {one: signal.signal(one, ask_to_stop) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
