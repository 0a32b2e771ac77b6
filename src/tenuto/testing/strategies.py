"""Random processes: Hypothesis strategies for block-structured BPMN that can always be driven.

A *block* has one entry and one exit, so blocks nest without dead ends: whatever is drawn ends, or
stops at an incident that has a name. Every program brings its model, the variables of its start and
the choices of whoever drives it: which task is completed next, which message is sent, and when time
passes.

    from hypothesis import given
    from tenuto.testing import Scenario
    from tenuto.testing.strategies import drive, load, programs

    @given(programs())
    def test_every_process_ends(program):
        scenario = Scenario()
        load(scenario, program)
        case = scenario.start_with(program.process, program.variables)
        drive(scenario, program.choices)
        assert case.is_completed or case.incidents
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count, pairwise
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from hypothesis import strategies as st

from tenuto import BpmnError, JobContext, NoRetry
from tenuto.engine import commands as c
from tenuto.engine.rows import JobRow, SubscriptionRow
from tenuto.runtime.requests import Request
from tenuto.testing.scenario import Case, Scenario

STEPS_MAX = 2_000
PROCESS = "random"
KEY = "42"

_HEAD = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="urn:random">'
    '<error id="refused" errorCode="REFUSED"/>'
    '<message id="news" name="news"><extensionElements>'
    '<zeebe:subscription correlationKey="=key"/></extensionElements></message>'
)
_MESSAGE = '<messageEventDefinition messageRef="news"/>'


class Block(NamedTuple):
    """A part of a process with one entry and one exit.

    `kind` is one of `WRITERS`; `number` is a count or a choice of branches, `option` a variety of
    the kind, as its writer says.
    """

    kind: str
    parts: tuple[Block, ...] = ()
    number: int = 0
    option: str = ""


class Program(NamedTuple):
    """A process and how to drive it: start `process` with `variables`, then `drive` by
    `choices`.
    """

    root: Block
    source: bytes
    process: str
    variables: dict[str, Any]
    choices: tuple[int, ...]


# --- drawing


DEPTH_MAX = 4
DIGITS_MAX = 40
_NOTHING = Block("nothing")
_JOBS = ("work", "flaky", "by-hand", "work", "broken")
_LEAVES = ("service", "user", "message", "timer", "race", "refusal", "limit", "script", "service")
_COMPOSITES = (
    *("sequence", "sequence", "exclusive", "parallel", "parallel", "inclusive"),
    *("loop", "each", "each", "scope", "call"),
)
_OPTIONS: dict[str, tuple[str, ...]] = {
    "service": _JOBS,
    "limit": ("true", "false"),
    "each": ("false", "true"),
    "scope": ("", "timer", "error"),
}
_SEVERAL = frozenset({"sequence", "exclusive", "parallel", "inclusive"})


def programs(*, breaks: bool = True) -> st.SearchStrategy[Program]:
    """Draw a program; with `breaks` some jobs fail for good, which leaves an incident."""
    choices = st.lists(st.integers(0, 11), min_size=1, max_size=12)
    return st.builds(program_of, blocks(breaks=breaks), choices)


def blocks(*, breaks: bool = True) -> st.SearchStrategy[Block]:
    """Draw a block; it shrinks to one task that does nothing."""
    digits = st.lists(st.integers(0, 99), min_size=16, max_size=DIGITS_MAX)
    return digits.map(lambda drawn: grow(drawn, breaks=breaks))


def program_of(root: Block, choices: Sequence[int] = (0,)) -> Program:
    """Return the program of a block that was drawn or written down."""
    return Program(root, write(root), PROCESS, {"key": KEY, "items": [1, 2, 3]}, tuple(choices))


def grow(digits: Sequence[int], *, breaks: bool = True) -> Block:
    """Return the block that a row of digits stands for; every row stands for one.

    Digits are cheaper to draw than trees, any source of chance gives them, and fewer or smaller
    ones stand for a smaller block.
    """
    return _grow(iter(digits), 0, breaks=breaks)


def _grow(digits: Iterator[int], depth: int, *, breaks: bool) -> Block:
    digit = next(digits, 0)
    if not digit:
        return _NOTHING
    is_leaf = depth >= DEPTH_MAX or digit // 10 < 3 * depth
    kinds = _LEAVES if is_leaf else _COMPOSITES
    kind = kinds[digit % len(kinds)]
    parts: tuple[Block, ...] = ()
    number = next(digits, 0)
    if not is_leaf:
        width = 2 + number % 2 if kind in _SEVERAL else 1
        parts = tuple(_grow(digits, depth + 1, breaks=breaks) for _ in range(width))
    options = _OPTIONS.get(kind, ("",))
    option = options[number % len(options)]
    if option == "broken" and not breaks:
        option = "work"
    return Block(kind, parts, number % 8 if kind == "inclusive" else number % 4, option)


# --- writing


def write(root: Block, process: str = PROCESS) -> bytes:
    """Return the BPMN file of a process that is `root` between a start and an end."""
    writer = _Writer(process)
    body = writer.process(root)
    main = f'<process id="{process}" isExecutable="true">{body}</process>'
    return f"{_HEAD}{main}{''.join(writer.called)}</definitions>".encode()


class _Writer:
    """Gives ids and gathers the processes that call activities name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._ids = count(1)
        self.called: list[str] = []

    def id(self, prefix: str) -> str:
        """Return an id that nothing else has."""
        return f"{prefix}_{next(self._ids)}"

    def process(self, root: Block) -> str:
        """Return the content of a process or scope around a block."""
        body = _Body(self)
        entry, leave = body.block(root)
        begin, end = self.id("start"), self.id("end")
        body.add(f'<startEvent id="{begin}"/><endEvent id="{end}"/>')
        body.flow(begin, entry)
        body.flow(leave, end)
        return "".join(body.elements)


Ends = tuple[str, str]


class _Body:
    """The elements of one scope while they are written."""

    def __init__(self, writer: _Writer) -> None:
        self.writer = writer
        self.elements: list[str] = []

    def add(self, text: str) -> None:
        """Append elements."""
        self.elements.append(text)

    def node(self, tag: str, inner: str = "", attributes: str = "") -> str:
        """Append an element and return its id."""
        id = self.writer.id(tag)
        self.add(f'<{tag} id="{id}"{attributes}>{inner}</{tag}>')
        return id

    def flow(self, source: str, target: str, condition: str = "") -> str:
        """Append a sequence flow and return its id."""
        id = self.writer.id("flow")
        inner = ""
        if condition:
            inner = (
                '<conditionExpression xsi:type="tFormalExpression">='
                f"{escape(condition)}</conditionExpression>"
            )
        ends = f'sourceRef="{source}" targetRef="{target}"'
        self.add(f'<sequenceFlow id="{id}" {ends}>{inner}</sequenceFlow>')
        return id

    def block(self, block: Block) -> Ends:
        """Append a block and return its entry and exit."""
        return WRITERS[block.kind](self, block)

    def boundary(self, host: str, inner: str, interrupting: str = "true") -> str:
        """Append a boundary event and return its id."""
        attributes = f' attachedToRef="{host}" cancelActivity="{interrupting}"'
        return self.node("boundaryEvent", inner, attributes)

    def merge(self, *sources: str) -> str:
        """Append an exclusive merge of several paths and return its id."""
        gateway = self.node("exclusiveGateway")
        for source in sources:
            self.flow(source, gateway)
        return gateway


def _job(kind: str) -> str:
    return (
        f'<extensionElements><zeebe:taskDefinition type="{kind}" retries="2"/></extensionElements>'
    )


def _timer(duration: str) -> str:
    timed = f"<timeDuration>{duration}</timeDuration>"
    return f"<timerEventDefinition>{timed}</timerEventDefinition>"


def _script(expression: str, variable: str) -> str:
    return (
        f'<extensionElements><zeebe:script expression="={escape(expression)}" '
        f'resultVariable="{variable}"/></extensionElements>'
    )


def _same(id: str) -> Ends:
    return id, id


def _write_service(body: _Body, block: Block) -> Ends:
    """A service task; `option` is its job type."""
    return _same(body.node("serviceTask", _job(block.option)))


def _write_user(body: _Body, block: Block) -> Ends:
    """A user task."""
    return _same(body.node("userTask"))


def _write_script(body: _Body, block: Block) -> Ends:
    """A script task that counts the items."""
    return _same(body.node("scriptTask", _script("count(items)", "counted")))


def _write_nothing(body: _Body, block: Block) -> Ends:
    """A task of no type."""
    return _same(body.node("task"))


def _write_timer(body: _Body, block: Block) -> Ends:
    """An intermediate timer."""
    return _same(body.node("intermediateCatchEvent", _timer("PT5M")))


def _write_message(body: _Body, block: Block) -> Ends:
    """An intermediate message."""
    return _same(body.node("intermediateCatchEvent", _MESSAGE))


def _write_race(body: _Body, block: Block) -> Ends:
    """An event-based gateway: a message or a timer, whichever comes first."""
    gateway = body.node("eventBasedGateway")
    catches = [body.node("intermediateCatchEvent", inner) for inner in (_MESSAGE, _timer("PT10M"))]
    for one in catches:
        body.flow(gateway, one)
    return gateway, body.merge(*catches)


def _write_refusal(body: _Body, block: Block) -> Ends:
    """A service task whose handler throws a BPMN error, which a boundary event catches."""
    host = body.node("serviceTask", _job("refuse"))
    caught = body.boundary(host, '<errorEventDefinition errorRef="refused"/>')
    return host, body.merge(host, caught)


def _write_limit(body: _Body, block: Block) -> Ends:
    """A user task with a timer on its boundary; `option` tells whether it interrupts."""
    host = body.node("userTask")
    timer = body.boundary(host, _timer("PT1H"), block.option)
    if block.option == "true":
        return host, body.merge(host, timer)
    end = body.node("endEvent")
    body.flow(timer, end)
    return _same(host)


def _write_sequence(body: _Body, block: Block) -> Ends:
    """One part after another."""
    ends = [body.block(part) for part in block.parts]
    for (_, leave), (entry, _) in pairwise(ends):
        body.flow(leave, entry)
    return ends[0][0], ends[-1][1]


def _write_exclusive(body: _Body, block: Block) -> Ends:
    """A choice: branch `number`, or the default one, which is the last."""
    gateway = body.writer.id("exclusiveGateway")
    ends = [body.block(part) for part in block.parts]
    for index, (entry, _) in enumerate(ends[:-1]):
        body.flow(gateway, entry, f"{index} = {block.number}")
    default = body.flow(gateway, ends[-1][0])
    body.add(f'<exclusiveGateway id="{gateway}" default="{default}"/>')
    return gateway, body.merge(*(leave for _, leave in ends))


def _write_parallel(body: _Body, block: Block) -> Ends:
    """All branches, joined."""
    split, join = body.node("parallelGateway"), body.node("parallelGateway")
    for part in block.parts:
        entry, leave = body.block(part)
        body.flow(split, entry)
        body.flow(leave, join)
    return split, join


def _write_inclusive(body: _Body, block: Block) -> Ends:
    """The branches whose bit is set in `number`, else the last one, joined by what was taken."""
    split, join = body.writer.id("inclusiveGateway"), body.node("inclusiveGateway")
    default = ""
    for index, part in enumerate(block.parts):
        entry, leave = body.block(part)
        if part is block.parts[-1] and index == len(block.parts) - 1:
            default = body.flow(split, entry)
        else:
            body.flow(split, entry, "true" if block.number >> index & 1 else "false")
        body.flow(leave, join)
    body.add(f'<inclusiveGateway id="{split}" default="{default}"/>')
    return split, join


def _write_loop(body: _Body, block: Block) -> Ends:
    """A loop back through exclusive gateways that runs `number` times."""
    counter = body.writer.id("rounds")
    begin = body.node("scriptTask", _script("0", counter))
    entry, leave = body.block(block.parts[0])
    again = body.merge(begin)
    body.flow(again, entry)
    step = body.node("scriptTask", _script(f"{counter} + 1", counter))
    body.flow(leave, step)
    split, done = body.writer.id("exclusiveGateway"), body.node("task")
    body.flow(step, split)
    body.flow(split, again, f"{counter} < {block.number}")
    default = body.flow(split, done)
    body.add(f'<exclusiveGateway id="{split}" default="{default}"/>')
    return begin, done


def _write_each(body: _Body, block: Block) -> Ends:
    """A subprocess for each of `number` items; `option` tells whether one after another."""
    items = f"[{', '.join(map(str, range(block.number)))}]"
    loop = (
        f'<multiInstanceLoopCharacteristics isSequential="{block.option}"><extensionElements>'
        f'<zeebe:loopCharacteristics inputCollection="={items}" inputElement="item" '
        'outputCollection="results" outputElement="=item"/>'
        "</extensionElements></multiInstanceLoopCharacteristics>"
    )
    return _same(body.node("subProcess", loop + body.writer.process(block.parts[0])))


def _write_scope(body: _Body, block: Block) -> Ends:
    """An embedded subprocess; `option` puts a timer or an error event on its boundary."""
    host = body.node("subProcess", body.writer.process(block.parts[0]))
    if not block.option:
        return _same(host)
    caught = _timer("PT2H") if block.option == "timer" else "<errorEventDefinition/>"
    return host, body.merge(host, body.boundary(host, caught))


def _write_call(body: _Body, block: Block) -> Ends:
    """A call activity; the called process is in the same file."""
    called = body.writer.id(f"{body.writer.name}_called")
    inner = body.writer.process(block.parts[0])
    body.writer.called.append(f'<process id="{called}" isExecutable="true">{inner}</process>')
    element = f'<zeebe:calledElement processId="{called}"/>'
    return _same(body.node("callActivity", f"<extensionElements>{element}</extensionElements>"))


WRITERS: dict[str, Callable[[_Body, Block], Ends]] = {
    "service": _write_service,
    "user": _write_user,
    "script": _write_script,
    "nothing": _write_nothing,
    "timer": _write_timer,
    "message": _write_message,
    "race": _write_race,
    "refusal": _write_refusal,
    "limit": _write_limit,
    "sequence": _write_sequence,
    "exclusive": _write_exclusive,
    "parallel": _write_parallel,
    "inclusive": _write_inclusive,
    "loop": _write_loop,
    "each": _write_each,
    "scope": _write_scope,
    "call": _write_call,
}


# --- driving


def load(scenario: Scenario, program: Program) -> None:
    """Deploy a program and perform its jobs; those of type `by-hand` are left to `drive`."""
    scenario.deploy(program.source)
    scenario.handle("work", _work)
    scenario.handle("flaky", _fail_once)
    scenario.handle("refuse", _refuse)
    scenario.handle("broken", _break)


def _work(ctx: JobContext) -> dict[str, Any]:
    return {"worked": ctx.element}


def _fail_once(ctx: JobContext) -> None:
    if ctx.attempt == 1:
        raise ConnectionError("the first attempt fails")


def _refuse() -> None:
    raise BpmnError("REFUSED", "not this one")


def _break() -> None:
    raise NoRetry("no attempt can help")


def drive(
    scenario: Scenario,
    choices: Sequence[int],
    *,
    after: Callable[[], None] | None = None,
) -> int:
    """Do what can be done from outside, by `choices`, until nothing is left; return how often.

    Completes user tasks and open jobs, sends the messages that somebody waits for, and lets time
    pass to the next instant that matters. `after` is called after every action.
    """
    for step in range(STEPS_MAX):
        actions = _actions(scenario)
        if not actions:
            return step
        actions[choices[step % len(choices)] % len(actions)]()
        if after is not None:
            after()
    raise AssertionError(f"expected the program to end within {STEPS_MAX} actions")


def _actions(scenario: Scenario) -> list[Callable[[], object]]:
    """Return what can happen next, in an order that the same program always has."""
    reader = scenario.store.reader()
    found: list[Callable[[], object]] = []
    for task in reader.user_tasks(limit=1 << 31):
        complete = c.CompleteUserTask(task.element, {})
        found.append(_ask(scenario, Request(task.instance, complete)))
    for job in reader.rows("job", limit=1 << 31):
        assert isinstance(job, JobRow), "the job table holds job rows"
        if job.type == "by-hand" and job.status != "failed":
            found.append(_ask(scenario, Request(job.instance, c.CompleteJob(job.element, {}))))
    for name, key in _awaited(reader.rows("subscription", limit=1 << 31)):
        found.append(_publish(scenario, name, key))
    reader.close()
    due = scenario.next_due()
    if due is not None:
        found.append(_wait(scenario, due))
    return found


def _awaited(rows: Sequence[object]) -> list[tuple[str, str]]:
    awaited: dict[tuple[str, str], None] = {}
    for row in rows:
        assert isinstance(row, SubscriptionRow), "the subscription table holds subscriptions"
        awaited[(row.name, row.correlation_key)] = None
    return list(awaited)


def _ask(scenario: Scenario, request: Request) -> Callable[[], object]:
    return lambda: scenario.ask(request)


def _publish(scenario: Scenario, name: str, key: str) -> Callable[[], object]:
    return lambda: scenario.publish(name, key)


def _wait(scenario: Scenario, at: int) -> Callable[[], object]:
    return lambda: scenario.advance_to(max(at, scenario.clock.now()))


def describe(case: Case) -> str:
    """Return what an instance waits for, for the message of a failed test."""
    incidents = ", ".join(f"{one.element_id}: {one.code}" for one in case.incidents)
    return f"{case.status} at {case.active}; incidents: {incidents or 'none'}"
