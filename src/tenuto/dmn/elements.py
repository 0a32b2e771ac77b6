"""The elements of a requirements graph, compiled: inputs, decisions, functions and services.

DMN 1.5 §6.3. Each gives its value in a frame: an input reads it, a decision runs its logic in a
scope of what it requires, a business knowledge model and a decision service give a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tenuto import feel
from tenuto.dmn import notation
from tenuto.dmn.kinds import ANY, Kind, admit
from tenuto.dmn.result import Evaluated
from tenuto.dmn.running import Frame, Giver, Inner, Logic, Run, Scope
from tenuto.values import TEMPORAL_TYPES, Range, from_python

_FEEL_CLASSES = frozenset(
    (type(None), bool, int, str, list, dict, Range, feel.Function, *TEMPORAL_TYPES)
)


class Input:
    """A value from outside."""

    def __init__(self, data: notation.InputData, kind: Kind) -> None:
        """Take the name under which callers give it."""
        self.id = data.id
        self.name = data.name
        self.kind = kind
        self.description = data.description
        self._site = feel.Site(f"input {data.name}", 0)

    def give(self, frame: Frame) -> Any:
        """Return the value that the caller gave, converted; null with a warning when missing."""
        value = _read_input(frame, self.name, self._site)
        return value if self.kind is ANY else admit(value, self.kind, frame.run, self._site)

    given = give


def _read_input(frame: Frame, name: str, site: feel.Site) -> Any:
    try:
        value = frame.inputs[name]
    except KeyError:
        message = f"expected an input {name!r}, but none is given"
        frame.run.warn("missing-input", message, site)
        return None
    return value if type(value) in _FEEL_CLASSES else from_python(value)


class Decision:
    """A decision of a model: `id`, `name`, what it is for, and how it is made."""

    def __init__(self, data: notation.Decision, kind: Kind) -> None:
        """Begin without logic and requirements; linking adds them."""
        self.id = data.id
        self.name = data.name
        self.description = data.description
        self.question = data.question
        self.notation = data
        self.kind = kind
        self.requires: tuple[Element, ...] = ()
        self.givers: dict[str, Giver] = {}
        self.logic: Logic | None = None
        self._site = feel.Site(f"decision {data.name}", 0)

    def __repr__(self) -> str:
        return f"<Decision {self.id!r}>"

    def give(self, frame: Frame) -> Any:
        """Make the decision and note how it was made."""
        run = frame.run
        run.note()
        matched, own = run.matched, run.own
        run.matched, run.own = [], []
        run.enter()
        try:
            return self._make(frame, run)
        finally:
            run.leave()
            run.matched, run.own = matched, own

    def given(self, frame: Frame) -> Any:
        """Return the value that the caller of a decision service gave instead of making it."""
        return _read_input(frame, self.name, self._site)

    def _make(self, frame: Frame, run: Run) -> Any:
        assert self.logic is not None, "linking gives every decision its logic"
        scope = Scope(frame, self.givers)
        value = self.logic(scope, run)
        if self.kind is not ANY:
            value = admit(value, self.kind, run, self._site)
        if run.is_traced:
            run.note()
            # Functions are what a decision calls, not what it is about.
            read = {
                name: item for name, item in scope.items() if not isinstance(item, feel.Function)
            }
            run.trace.append(
                Evaluated(self.id, self.name, read, tuple(run.matched), value, tuple(run.own))
            )
        return value


class Bkm:
    """A business knowledge model: a function that decisions call."""

    def __init__(self, data: notation.Bkm) -> None:
        """Begin without logic; linking adds it."""
        self.id = data.id
        self.name = data.name
        self.description = data.description
        self.notation = data
        self.parameters: tuple[tuple[str, feel.Type], ...] = ()
        self.result = ANY
        self.requires: tuple[Element, ...] = ()
        self.givers: dict[str, Giver] = {}
        self.logic: Logic | None = None
        self._site = feel.Site(f"function {data.name}", 0)

    def give(self, frame: Frame) -> Any:
        """Return the function, which reads what it requires in this frame."""
        logic = self.logic
        assert logic is not None, "linking gives every function its logic"
        scope = Scope(frame, self.givers)
        if isinstance(self.notation.logic, notation.Function) and (
            self.notation.logic.kind != "FEEL"
        ):
            return logic(scope, frame.run)
        run = frame.run
        names = [name for name, _ in self.parameters]
        kind = self.result

        def call(arguments: tuple[Any, ...], meter: feel.Meter) -> Any:
            value = logic(Inner(scope, dict(zip(names, arguments, strict=True))), run)
            return value if kind is ANY else admit(value, kind, run, self._site)

        return feel.Function(self.parameters, call, name=self.name, result=feel.ANY)


class Service:
    """A decision service: output decisions over given inputs and given input decisions."""

    def __init__(self, data: notation.Service, kind: Kind) -> None:
        """Begin without decisions; linking adds them."""
        self.id = data.id
        self.name = data.name
        self.description = data.description
        self.notation = data
        self.kind = kind
        self.outputs: tuple[Decision, ...] = ()
        self.inputs: tuple[Input | Decision, ...] = ()
        self.requires: tuple[Element, ...] = ()
        self._site = feel.Site(f"decision service {data.name}", 0)

    @property
    def parameters(self) -> tuple[tuple[str, feel.Type], ...]:
        """Names and types of what it is called with: input data first, then input decisions."""
        return tuple((element.name, element.kind.type) for element in self.inputs)

    def give(self, frame: Frame) -> Any:
        """Return the service as a function."""
        run = frame.run

        def call(arguments: tuple[Any, ...], meter: feel.Meter) -> Any:
            given: dict[Input | Decision, Any] = {}
            for element, argument in zip(self.inputs, arguments, strict=True):
                value = given[element] = admit(argument, element.kind, run, self._site)
                if value is None and argument is not None:
                    # Unlike a function, a service is not called with what does not conform.
                    return None
            return self.serve(run, given)

        return _ServiceFunction(self, call)

    def serve(self, run: Run, given: Mapping[Input | Decision, Any]) -> Any:
        """Return the value of the output decision, or a context of several by name."""
        inner = Frame({}, run)
        for element, value in given.items():
            inner.known[element] = admit(value, element.kind, run, self._site)
        values = [inner.value_of(decision) for decision in self.outputs]
        if len(values) == 1:
            value = values[0]
        else:
            value = {
                decision.name: value for decision, value in zip(self.outputs, values, strict=True)
            }
        return admit(value, self._result_kind, run, self._site)

    @property
    def _result_kind(self) -> Kind:
        kind = self.kind.type
        return Kind(kind.result) if isinstance(kind, feel.FunctionType) else self.kind


class _ServiceFunction(feel.Function):
    """A service as a value: it converts its arguments itself."""

    __slots__ = ("_service",)

    def __init__(self, service: Service, call: Callable[..., Any]) -> None:
        names = tuple((name, feel.ANY) for name, _ in service.parameters)
        super().__init__(names, call, name=service.name)
        self._service = service

    @property
    def types(self) -> tuple[feel.FunctionType, ...]:
        kinds = tuple(kind for _, kind in self._service.parameters)
        return (feel.FunctionType(kinds, self.result),)


class Imported:
    """What is required of another model, as a context by its name here."""

    def __init__(self, members: dict[str, Element]) -> None:
        """Take the members by their names in that model."""
        self.members = members

    def give(self, frame: Frame) -> Any:
        """Return the context."""
        return {name: frame.value_of(element) for name, element in self.members.items()}


Element = Input | Decision | Bkm | Service


def closure_of(root: Element) -> list[Element]:
    """Return all that an element requires, each after what it requires itself, the root last."""
    ordered: list[Element] = []
    seen: set[Element] = {root}
    pending: list[tuple[Element, Iterator[Element]]] = [(root, iter(_needs(root)))]
    while pending:
        element, needs = pending[-1]
        following = next((need for need in needs if need not in seen), None)
        if following is None:
            ordered.append(element)
            pending.pop()
        else:
            seen.add(following)
            pending.append((following, iter(_needs(following))))
    return ordered


def _needs(element: Element) -> tuple[Element, ...]:
    return () if isinstance(element, Input) else element.requires
