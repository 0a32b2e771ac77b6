"""A loaded model: its decisions, and the door to make them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from tenuto import feel
from tenuto.dmn import notation
from tenuto.dmn.elements import Bkm, Decision, Element, Input, Service, closure_of
from tenuto.dmn.explain import explain
from tenuto.dmn.external import bind
from tenuto.dmn.link import link
from tenuto.dmn.result import Result
from tenuto.dmn.running import Frame, Run
from tenuto.dmn.table import Table
from tenuto.errors import BudgetExceeded, ModelError
from tenuto.feel.access import call_named
from tenuto.values import DateAndTime

# Chains of requirements beyond this are made bottom-up, so that Python's stack stays flat.
_LAZY_DEPTH_MAX = 24


class Model:
    """The decisions of one file with what it imports; safe to share between threads."""

    def __init__(
        self,
        files: tuple[notation.Definitions, ...],
        functions: Mapping[str, Callable[..., Any]],
    ) -> None:
        """Link and compile; raise `ModelError`."""
        main, compilers = link(files, bind(functions))
        # For analysis: every table, and every text with the names that are known to it.
        self.tables: tuple[Table, ...] = tuple(part for one in compilers for part in one.tables)
        self.texts = tuple(text for one in compilers for text in one.texts)
        self.id = main.definitions.id
        self.name = main.definitions.name
        self.namespace = main.definitions.namespace
        elements = main.elements.values()
        self.inputs = _by_id_and_name(part for part in elements if isinstance(part, Input))
        self.decisions = _by_id_and_name(part for part in elements if isinstance(part, Decision))
        self.bkms = _by_id_and_name(part for part in elements if isinstance(part, Bkm))
        self.services = _by_id_and_name(part for part in elements if isinstance(part, Service))
        self._orders: dict[Element, list[Element]] = {}

    def __repr__(self) -> str:
        return f"<Model {self.name!r}>"

    def find(self, key: str) -> Decision | Service | Bkm:
        """Return what can be evaluated by id or name; raise `ModelError` when there is none."""
        found: Decision | Service | Bkm | None = (
            self.decisions.get(key) or self.services.get(key) or self.bkms.get(key)
        )
        if found is None:
            names = sorted({decision.name for decision in self.decisions.values()})
            raise ModelError(
                f"expected a decision of the model {self.name!r}, but {key!r} is none; "
                f"it has {', '.join(names[:20])}",
                code="unknown-decision",
                element=key,
            )
        return found

    def requirements(self, decision: str) -> tuple[Element, ...]:
        """Return all that a decision requires, directly or not, each after its own."""
        return tuple(closure_of(self.find(decision))[:-1])

    def evaluate(
        self,
        decision: str,
        inputs: Mapping[str, Any],
        *,
        now: DateAndTime | datetime.datetime | None = None,
        budget: feel.Budget | None = None,
    ) -> Result:
        """Make a decision, by id or name; raise `BudgetExceeded`, or `ModelError` for no such one.

        `inputs` is read lazily, by the names of input data. A decision service takes its input
        decisions from there too, a business knowledge model its parameters.
        """
        element = self.find(decision)
        run = Run(now, budget)
        value = self._make(element, inputs, run)
        if run.error is not None:
            return Result(value, tuple(run.trace), run.warnings, run.error)
        return Result(value, tuple(run.trace), run.warnings)

    def decide(
        self,
        decision: str,
        inputs: Mapping[str, Any],
        *,
        now: DateAndTime | datetime.datetime | None = None,
    ) -> Any:
        """Return the value alone, at the least cost."""
        return self._make(self.find(decision), inputs, Run(now, None, is_traced=False))

    def explain(self, decision: str, inputs: Mapping[str, Any]) -> str:
        """Return as text how a decision is made for these inputs."""
        return explain(self.evaluate(decision, inputs))

    def _make(self, element: Decision | Service | Bkm, inputs: Mapping[str, Any], run: Run) -> Any:
        try:
            return self._make_in(Frame(inputs, run), element)
        except RecursionError:
            message = "expected fewer calls within calls, but the evaluation nests deeper"
            raise BudgetExceeded(message) from None

    def _make_in(self, frame: Frame, element: Decision | Service | Bkm) -> Any:
        run = frame.run
        if isinstance(element, Service):
            return element.serve(run, {part: part.given(frame) for part in element.inputs})
        if isinstance(element, Bkm):
            named = {name: frame.inputs.get(name) for name, _ in element.parameters}
            return call_named(element.give(frame), named, run, feel.Site(element.name, 0))
        order = self._orders.get(element)
        if order is None:
            order = self._orders[element] = _deep_order(element)
        for part in order:
            frame.value_of(part)
        return frame.value_of(element)


def _deep_order(element: Element) -> list[Element]:
    """Return what to make first: nothing, unless the requirements nest deeply."""
    depths: dict[Element, int] = {}
    order = closure_of(element)
    for part in order:
        needs = () if isinstance(part, Input) else part.requires
        depths[part] = 1 + max((depths.get(need, 0) for need in needs), default=0)
    if depths[element] <= _LAZY_DEPTH_MAX:
        return []
    return [part for part in order if isinstance(part, Decision)]


def _by_id_and_name(elements: Any) -> dict[str, Any]:
    found = list(elements)
    return {
        **{element.name: element for element in found},
        **{element.id: element for element in found},
    }
