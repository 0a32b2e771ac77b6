"""The numbers about the code, on code small enough to count by hand."""

import json

from click.testing import CliRunner

import bench.__main__ as program
from bench import shape
from tidy.sources import parse


def module(name, text=""):
    """Return a module of the package with this text."""
    return parse(f"src/{name.replace('.', '/')}.py", text)


def test_a_chain_is_as_deep_as_it_has_modules():
    """Depth counts the modules on the longest way down."""
    assert shape.depth({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == 3


def test_a_cycle_is_one_part():
    """Modules that import each other in a ring are one knot."""
    parts = shape.cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}})

    assert parts == [frozenset({"b", "c"}), frozenset({"a"})]


def test_the_knot_counts_imports_inside_functions():
    """A cycle that is hidden in a function is a cycle."""
    sources = [
        module("tenuto.feel.parse", "from tenuto.feel import syntax"),
        module("tenuto.feel.syntax", "def later():\n    from tenuto.feel import parse"),
    ]

    assert shape.wiring(sources)["shape.knot.percent"] == 100


def test_inheritance_counts_steps_between_our_classes():
    """A base from elsewhere is no step."""
    text = "class A(Exception): ...\nclass B(A): ...\nclass C(B): ..."

    assert shape.inheritance([module("tenuto.errors", text)]) == 2


def test_looseness_counts_clocks_and_types():
    """Clock calls in the core and bent types are found."""
    text = "x: Any = time.time()  # type: ignore[misc]\n"

    numbers = shape.looseness([module("tenuto.engine.turn", text)])

    assert numbers["shape.clock_calls_below_store.count"] == 1
    assert numbers["shape.any.per_1000_lines"] == 1_000
    assert numbers["shape.type_ignores.per_1000_lines"] == 1_000


def test_the_shape_covers_every_budget():
    """Each number that has a budget is measured."""
    assert set(shape.BUDGETS) <= set(shape.run())


def test_one_benchmark_keeps_the_numbers_of_others(tmp_path):
    """Running one benchmark merges its keys into the file of all."""
    into = tmp_path / "results" / "latest.json"
    program.merge(into, {"w1.sqlite.alone.p50_ms": 1.5})

    outcome = CliRunner().invoke(program.main, ["--only", "shape", "--into", str(into)])

    assert outcome.exit_code == 0, outcome.output
    kept = json.loads(into.read_text(encoding="utf-8"))
    assert kept["w1.sqlite.alone.p50_ms"] == 1.5
    assert kept["shape.modules.count"] > 0


def test_an_unknown_benchmark_is_refused(tmp_path):
    """A wrong name is told the right ones."""
    outcome = CliRunner().invoke(program.main, ["--only", "nothing", "--into", str(tmp_path / "x")])

    assert outcome.exit_code == 2
    assert "shape" in outcome.output
