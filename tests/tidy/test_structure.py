"""The rules about purity, imports and the engine's tables."""

import pytest

from tidy import completeness, imports, purity
from tidy.sources import parse


def module(name, text=""):
    """Return a module of the package with this text."""
    return parse(f"src/{name.replace('.', '/')}.py", text)


def package(name, text=""):
    """Return a package's own file with this text."""
    return parse(f"src/{name.replace('.', '/')}/__init__.py", text)


@pytest.mark.parametrize(
    "text",
    [
        "hash('a')",
        "x = id(y)",
        "open('f')",
        "for a in {1, 2}: ...",
        "[a for a in set(b)]",
        "print(1)",
    ],
)
def test_what_differs_between_runs_is_refused_below_the_store(text):
    """Built-ins and orders that change from run to run have no place in the core."""
    assert len(purity.impurities(module("tenuto.engine.turn", text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "for a in sorted({1, 2}): ...",
        "def __hash__(self): return hash(self.a)",
        "any(a for a in {1})",
    ],
)
def test_what_gives_one_outcome_passes(text):
    """Sorted sets, a value's own hash and order-free questions are pure."""
    assert purity.impurities(module("tenuto.values.number", text)) == []


def test_above_the_store_built_ins_are_free():
    """The command line may print and open."""
    assert purity.impurities(module("tenuto.cli.show", "print(open('f'))")) == []


def test_a_module_that_nothing_imports_is_named():
    """Reaching goes from the doors through imports of any form."""
    sources = [
        package("tenuto"),
        package("tenuto.cli", "from tenuto import feel\nfrom .show import main\n"),
        module("tenuto.cli.show", "LATE = 'tenuto.late:main'"),
        package("tenuto.feel", "from tenuto.feel.parse import parse"),
        module("tenuto.feel.parse", "import tenuto.graph.flows"),
        package("tenuto.graph"),
        module("tenuto.graph.flows"),
        module("tenuto.late"),
        module("tenuto.dead"),
    ]

    assert imports.unreached(sources) == ["src/tenuto/dead.py: nothing leads here"]


def test_a_relative_import_reaches():
    """One dot is the package, two dots the one above."""
    source = module("tenuto.feel.builtins.text", "from ..types import Kind\nfrom . import number")
    modules = frozenset({"tenuto.feel.types", "tenuto.feel.builtins.number"})

    assert imports.imported(source, modules) == modules


def test_the_front_is_not_for_rooms():
    """A room that takes a public name from the front is named; a room beside it is not."""
    front = package("tenuto", "from tenuto.workflows import step")
    source = module("tenuto.engine.turn", "from tenuto import step\nfrom tenuto import feel\n")

    (complaint,) = imports.front_imports(source, front)

    assert "'step'" in complaint


@pytest.mark.parametrize(
    "text",
    [
        "from tenuto.store.sqlite import open_store",
        "from tenuto.store import sqlite",
        "import tenuto.bpmn.compile",
        "def later():\n    from tenuto.bpmn.xml import read",
    ],
)
def test_few_may_name_an_adapter(text):
    """The corridor meets the port and the graph; only assembly and deployment name what is
    behind.
    """
    assert len(imports.reserved_imports(module("tenuto.runtime.loop", text))) == 1
    assert imports.reserved_imports(module("tenuto.assembly", text)) == []


def test_the_port_is_for_all():
    """The port of the store is not reserved."""
    source = module("tenuto.runtime.loop", "from tenuto.store.port import Store")

    assert imports.reserved_imports(source) == []


def test_an_unserved_kind_is_named():
    """A kind without a row in any table is named with what it lacks."""
    assert completeness.unserved([int, str], {int}, "processor") == ["str has no processor"]


def test_an_undocumented_name_is_named():
    """A name counts as documented where the page shows it as code."""
    assert completeness.undocumented(["not-found", "stale"], "| `not-found` | stale |") == [
        "stale is not documented"
    ]
