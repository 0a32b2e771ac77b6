"""The shape of the code itself: the numbers to watch each month, by one script.

`BUDGETS` says where to think; nothing fails on them, since a number alone never reads the code.
"""

from __future__ import annotations

import ast
import io
import statistics
import tokenize
from typing import TYPE_CHECKING

from tidy.imports import imported
from tidy.purity import PURE_ROOMS
from tidy.sizes import FUNCTION_LINES_MAX, broad_excepts
from tidy.sources import FunctionNode, Source, functions, python_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PARAMETERS_MAX = 6
BUDGETS = {
    "shape.file_lines.p90": 350,
    "shape.file_lines.max": 600,
    "shape.functions_over_60_lines.percent": 0.5,
    "shape.functions_over_6_parameters.percent": 1,
    "shape.knot.percent": 0,
    "shape.import_depth_in_a_room.max": 6,
    "shape.fan_out.mean": 4,
    "shape.inheritance.max": 2,
    "shape.clock_calls_below_store.count": 0,
    "shape.type_ignores.per_1000_lines": 1,
    "shape.any.per_1000_lines": 2,
    "shape.broad_excepts.per_1000_lines": 0.3,
    "shape.comments.per_100_lines": 8,
    "shape.test_to_code.ratio": 2,
}
_CLOCKS = (
    *(".time.time", ".time.monotonic", ".time.sleep", ".time.perf_counter"),
    *(".datetime.now", ".datetime.utcnow", ".date.today"),
    *(".uuid.uuid4", ".uuid.uuid1", ".random.random", ".random.choice", ".random.randint"),
)

Graph = dict[str, frozenset[str]]


def run() -> dict[str, float]:
    """Return the shape of `src/tenuto` as flat numbers."""
    sources = python_files("src")
    tests = python_files("tests")
    return {**sizes(sources), **wiring(sources), **looseness(sources), **prose(sources, tests)}


def sizes(sources: Iterable[Source]) -> dict[str, float]:
    """Return how long files and functions are and how many parameters they take."""
    sources = list(sources)
    lengths = sorted(source.lines for source in sources)
    spans = [span for source in sources for span in functions(source)]
    return {
        "shape.modules.count": len(sources),
        "shape.file_lines.median": statistics.median(lengths),
        "shape.file_lines.p90": lengths[int(0.9 * (len(lengths) - 1))],
        "shape.file_lines.max": lengths[-1],
        "shape.functions_over_60_lines.percent": _percent(
            sum(span.lines > FUNCTION_LINES_MAX for span in spans), len(spans)
        ),
        "shape.functions_over_6_parameters.percent": _percent(
            sum(_parameters(span.node) > PARAMETERS_MAX for span in spans), len(spans)
        ),
    }


def wiring(sources: Iterable[Source]) -> dict[str, float]:
    """Return how modules hang together; imports in functions and for types count too."""
    sources = list(sources)
    graph = import_graph(sources)
    knots = [part for part in cycles(graph) if len(part) > 1]
    rooms = {source.room for source in sources}
    return {
        "shape.knot.percent": _percent(max(map(len, knots), default=0), len(graph)),
        "shape.import_depth_in_a_room.max": max(
            depth(_within(graph, f"tenuto.{room}")) for room in rooms if room
        ),
        "shape.fan_out.mean": round(statistics.mean(map(len, graph.values())), 2),
        "shape.inheritance.max": inheritance(sources),
    }


def looseness(sources: Iterable[Source]) -> dict[str, float]:
    """Return how often the rules are bent: types, clocks, and catching everything."""
    sources = list(sources)
    lines = sum(source.lines for source in sources)
    swallowing = sum(int(text.rsplit(" ", 1)[1]) for text in broad_excepts(sources, {}))
    ignores = sum(source.text.count("# type: ignore") for source in sources)
    anys = sum(
        isinstance(node, ast.Name) and node.id == "Any"
        for source in sources
        for node in ast.walk(source.tree)
    )
    clocks = sum(
        isinstance(node, ast.Call) and f".{ast.unparse(node.func)}".endswith(_CLOCKS)
        for source in sources
        if source.room in PURE_ROOMS
        for node in ast.walk(source.tree)
    )
    return {
        "shape.clock_calls_below_store.count": clocks,
        "shape.type_ignores.per_1000_lines": round(1_000 * ignores / lines, 2),
        "shape.any.per_1000_lines": round(1_000 * anys / lines, 2),
        "shape.broad_excepts.per_1000_lines": round(1_000 * swallowing / lines, 2),
    }


def prose(sources: Iterable[Source], tests: Iterable[Source]) -> dict[str, float]:
    """Return how much the code says about itself, and how much the tests say about it."""
    sources = list(sources)
    lines = sum(source.lines for source in sources)
    tested = sum(source.lines for source in tests)
    return {
        "shape.comments.per_100_lines": round(100 * sum(map(_comments, sources)) / lines, 2),
        "shape.test_to_code.ratio": round(tested / lines, 2),
    }


def import_graph(sources: Iterable[Source]) -> Graph:
    """Return what each module imports of the package, packages on the way left out."""
    by_module = {source.module: source for source in sources}
    modules = frozenset(by_module)
    graph: Graph = {}
    for name, source in by_module.items():
        found = imported(source, modules) - {name}
        # `from tenuto.graph import nodes` means the module, not the package on the way to it.
        graph[name] = frozenset(
            one for one in found if not any(other.startswith(f"{one}.") for other in found)
        )
    return graph


def cycles(graph: Mapping[str, Iterable[str]]) -> list[frozenset[str]]:
    """Return the strongly connected parts, each after those that it needs."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    parts: list[frozenset[str]] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], order[other])
        if low[name] == order[name]:
            start = stack.index(name)
            parts.append(frozenset(stack[start:]))
            del stack[start:]

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return parts


def depth(graph: Mapping[str, Iterable[str]]) -> int:
    """Return the modules on the longest chain of imports; a knot counts as one."""
    depths: dict[str, int] = {}
    for part in cycles(graph):
        below = [depths[other] for name in part for other in graph[name] if other not in part]
        depths |= dict.fromkeys(part, 1 + max(below, default=0))
    return max(depths.values(), default=0)


def inheritance(sources: Iterable[Source]) -> int:
    """Return the longest chain of classes of ours, by name."""
    bases = {
        node.name: frozenset(base.id for base in node.bases if isinstance(base, ast.Name))
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
    }
    ours = {name: [base for base in found if base in bases] for name, found in bases.items()}
    return depth(ours) - 1


def _within(graph: Graph, room: str) -> Graph:
    inside = {name for name in graph if name == room or name.startswith(f"{room}.")}
    return {name: graph[name] & inside for name in inside}


def _parameters(node: FunctionNode) -> int:
    taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return sum(argument.arg not in {"self", "cls"} for argument in taken)


def _comments(source: Source) -> int:
    tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
    return sum(token.type == tokenize.COMMENT for token in tokens)


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0
