"""One turn of one instance: what element code sees of the engine.

A turn runs a command to rest: it emits records (each applied at once), asks other aggregates by
commands, and stops when no token can move, or after `TRANSITIONS_MAX` element transitions or
`FEEL_STEPS_MAX` FEEL steps, by count and never by time, so that a replay is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from tenuto import feel, values
from tenuto.engine.appliers import APPLIERS
from tenuto.engine.state import ROOT, Element, InstanceState
from tenuto.engine.stored import (
    INLINE_BYTES_MAX,
    Encoded,
    PayloadRef,
    Stored,
    Variables,
    digest_of,
    frame,
)
from tenuto.errors import BudgetExceeded, ValueRefused
from tenuto.graph.nodes import PassTask

if TYPE_CHECKING:
    from tenuto.engine.commands import Command, StartInstance
    from tenuto.engine.records import Record
    from tenuto.engine.routine_records import OutcomeTaken, StepResumed
    from tenuto.engine.update_records import UpdateAsked
    from tenuto.engine.world import World
    from tenuto.graph.data import Formula
    from tenuto.graph.nodes import AnyNode
    from tenuto.graph.process import ProcessGraph
    from tenuto.keys import KeyMint
    from tenuto.values import Value

AWAIT = PassTask(id="(await)", scope="")
TRANSITIONS_MAX = 1_000
FEEL_STEPS_MAX = 20_000
ACTIVATIONS_MAX = 100_000


class Stuck(Exception):
    """An element cannot go on; the caller turns this into an incident. Never leaves the engine."""

    def __init__(self, code: str, message: str) -> None:
        """Give the stable code and the sentence that the incident shows."""
        super().__init__(message)
        self.code = code
        self.message = message


class Woken(NamedTuple):
    """What a coroutine has to see: an outcome with its place in the order, a step that may be
    tried again, with the number of its attempt, or an update to be validated.
    """

    element: int
    number: int
    record: OutcomeTaken | StepResumed | UpdateAsked


class Turn:
    """The narrow verbs that element code uses. Only `emit` changes state, through the appliers."""

    __slots__ = (
        "_decoded",
        "_next",
        "commands",
        "definition",
        "graph",
        "kept",
        "mint",
        "now",
        "payloads",
        "records",
        "started_by",
        "state",
        "steps",
        "touched",
        "transitions",
        "updated",
        "woken",
        "world",
    )

    def __init__(
        self, world: World, state: InstanceState, graph: ProcessGraph, now: int, mint: KeyMint
    ) -> None:
        """Begin with no records; `payloads` holds the bytes of values by digest, `kept` the new
        ones.
        """
        self.world = world
        self.state = state
        self.graph = graph
        self.now = now
        self.mint = mint
        self.records: list[Record] = []
        self.commands: list[tuple[int, Command]] = []
        self.definition = state.definition
        self.payloads: dict[bytes, bytes] = {}
        self.kept: dict[bytes, bytes] = {}
        self.transitions = 0
        self.steps = 0
        self.touched: list[int] = []
        self.woken: list[Woken] = []
        self.updated: list[tuple[int, str]] = []
        self.started_by: StartInstance | None = None
        self._next = 0
        self._decoded: dict[Stored, Value] = {}

    def emit(self, record: Record) -> None:
        """Append a record and fold it into the state."""
        APPLIERS[type(record)](self.state, record, self.now)
        self.records.append(record)

    def send(self, receiver: int, command: Command) -> None:
        """Ask another aggregate; the command leaves with the commit of this turn."""
        self.commands.append((receiver, command))

    def next_number(self) -> int:
        """Return a fresh number for an element, a wait or an incident of this instance."""
        number = max(self._next, self.state.next_number)
        self._next = number + 1
        return number

    def touch(self, scope: int) -> None:
        """Remember to look whether the scope has ended."""
        self.touched.append(scope)

    def element(self, number: int) -> Element:
        """Return a live element instance."""
        return self.state.elements[number]

    def node(self, number: int) -> AnyNode:
        """Return the graph node of a live element instance.

        What stands for an await of a coroutine has none of its own.
        """
        return self.graph.nodes.get(self.state.elements[number].id, AWAIT)

    # --- values

    def decode(self, stored: Stored) -> Value:
        """Return the value behind stored bytes or a payload reference."""
        if stored in self._decoded:
            return self._decoded[stored]
        value: Value = values.decode(self.bytes_of(stored))
        self._decoded[stored] = value
        return value

    def bytes_of(self, stored: Stored) -> bytes:
        """Return the encoded bytes of a stored value."""
        if not isinstance(stored, PayloadRef):
            return stored
        found = self.payloads.get(stored.digest)
        if found is None:
            raise Stuck(
                "value-erased",
                f"expected the value {stored.digest.hex()[:12]}… of {stored.size} bytes, but it "
                "was erased; set the variable again and retry",
            )
        return found

    def carry(self, variables: Variables) -> Encoded:
        """Return variables as a command takes them to another aggregate: bytes, no references."""
        return {name: self.bytes_of(stored) for name, stored in variables.items()}

    def keep(self, value: Value) -> Stored:
        """Return the stored form of a value; large ones become payloads of this commit."""
        try:
            data = values.encode_checked(value, where="a result")
        except ValueRefused as refused:
            raise Stuck("value-refused", str(refused)) from refused
        return self.keep_bytes(data)

    def keep_together(self, variables: Variables) -> Stored:
        """Return the stored form of variables as one value, each with the bytes that it has."""
        data = values.encode_together(self.carry(variables))
        if len(data) > values.ENCODED_BYTES_MAX:
            raise Stuck(
                "value-refused",
                f"{', '.join(variables)}: expected at most {values.ENCODED_BYTES_MAX} bytes "
                f"together, but they have {len(data)}; keep the content elsewhere and its "
                "reference here",
            )
        return self.keep_bytes(data)

    def keep_explained(self, value: Value) -> Stored:
        """Return the stored form of what explains a decision: its parts are values already."""
        try:
            data = values.encode(value)
        except ValueRefused:
            return self.keep(value)
        return self.keep_bytes(data) if len(data) <= INLINE_BYTES_MAX else self.keep(value)

    def keep_bytes(self, data: bytes) -> Stored:
        """Return the stored form of encoded bytes."""
        if len(data) <= INLINE_BYTES_MAX:
            return data
        digest = digest_of(frame(data))
        self.payloads[digest] = self.kept[digest] = data
        return PayloadRef(digest, len(data))

    def view(self, scope: int, local: dict[str, Value] | None = None) -> ScopeView:
        """Return the variables that are visible in a scope, `local` ones first, decoded on
        access.
        """
        return ScopeView(self, scope, local)

    def evaluate(self, source: Formula, scope: int, local: dict[str, Value] | None = None) -> Value:
        """Return the value of a formula in a scope.

        Raises `Stuck` when its budget is spent. A FEEL error is null, as the standard says.
        """
        return self.explain(source, scope, local)[0]

    def explain(
        self, source: Formula, scope: int, local: dict[str, Value] | None = None
    ) -> tuple[Value, str]:
        """Return the value of a formula and, where FEEL warned, why it may be null."""
        expression = source.expression
        if expression is None:
            return source.constant, ""
        budget = feel.Budget(steps=max(1, FEEL_STEPS_MAX - self.steps))
        try:
            result = expression.evaluate(
                ScopeView(self, scope, local), now=instant_value(self.now), budget=budget
            )
        except BudgetExceeded as exceeded:
            raise Stuck(
                "feel-budget",
                f"expected `{source.source}` to end within {FEEL_STEPS_MAX} steps: {exceeded}",
            ) from exceeded
        self.steps += result.steps
        return result.value, "; ".join(warning.message for warning in result.warnings)


class ScopeView(Mapping[str, "Value"]):
    """Variables as FEEL sees them: the innermost scope that has the name wins."""

    __slots__ = ("_local", "_scope", "_turn")

    def __init__(self, turn: Turn, scope: int, local: dict[str, Value] | None) -> None:
        """Look from `scope` outwards, after `local`."""
        self._turn = turn
        self._scope = scope
        self._local = local

    def _stored(self, name: str) -> Stored | None:
        elements = self._turn.state.elements
        number = self._scope
        while True:
            element = elements[number]
            found = element.variables.get(name)
            if found is not None:
                return found
            if number == ROOT:
                return None
            number = element.scope

    def __getitem__(self, name: str) -> Value:
        """Return the value of the innermost variable of that name."""
        if self._local is not None and name in self._local:
            return self._local[name]
        stored = self._stored(name)
        if stored is None:
            raise KeyError(name)
        return self._turn.decode(stored)

    def __contains__(self, name: object) -> bool:
        """Tell whether the name is visible."""
        if self._local is not None and name in self._local:
            return True
        return isinstance(name, str) and self._stored(name) is not None

    def _names(self) -> dict[str, None]:
        names: dict[str, None] = dict.fromkeys(self._local or ())
        for number in scope_chain(self._turn.state, self._scope):
            names.update(dict.fromkeys(self._turn.state.elements[number].variables))
        return names

    def __iter__(self) -> Iterator[str]:
        """Yield visible names, innermost first."""
        return iter(self._names())

    def __len__(self) -> int:
        """Count visible names."""
        return len(self._names())


@lru_cache(maxsize=4)
def instant_value(at: int) -> values.DateAndTime:
    """Return an instant as FEEL sees it: a date and time in UTC."""
    return values.DateAndTime.of_instant(at * 1_000_000, 0)


def scope_chain(state: InstanceState, number: int) -> list[int]:
    """Return an element number and those of its enclosing scopes, innermost first."""
    chain = [number]
    while number != ROOT:
        number = state.elements[number].scope
        chain.append(number)
    return chain


def visible_variables(state: InstanceState, scope: int) -> dict[str, Stored]:
    """Return the stored variables that are visible in a scope."""
    innermost = state.elements[scope]
    if innermost.scope == ROOT and not innermost.variables:
        return dict(state.elements[ROOT].variables)
    found: dict[str, Stored] = {}
    for number in reversed(scope_chain(state, scope)):
        found.update(state.elements[number].variables)
    return found
