"""Hypothesis strategies for random block-structured processes.

A process is a tree of blocks: tasks, choices, parallel and inclusive splits with their joins,
bounded loops, subprocesses, multi-instance work, timers and messages. Every one can finish when
somebody completes its user tasks, publishes its messages and lets time pass (`drive`). Needs
Hypothesis.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from hypothesis import strategies as st

from tenuto.testing.scenario import Case, Scenario

ROUNDS_MAX = 400
MESSAGE = "nudge"
JOB = "work"
_HEAD = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" targetNamespace="urn:random">'
    f'<message id="m" name="{MESSAGE}"><extensionElements>'
    '<zeebe:subscription correlationKey="=key"/></extensionElements></message>'
)
_LEAVES = ("job", "user", "script", "pass", "timer", "message", "many", "many-in-turn", "guarded")
_NODES = ("sequence", "choice", "parallel", "inclusive", "loop", "scope", "first")


class Block(NamedTuple):
    """A node of the tree: its kind, its parts, and a number that conditions and counts use."""

    kind: str
    parts: tuple[Block, ...] = ()
    number: int = 0


class RandomProcess(NamedTuple):
    """A process as BPMN, the variables to start it with, and the tree it was made from."""

    source: bytes
    variables: dict[str, Any]
    block: Block


def blocks(depth: int = 3) -> st.SearchStrategy[Block]:
    """Return a strategy for trees of at most `depth` levels."""
    numbers = st.integers(0, 3)
    leaf = st.builds(Block, st.sampled_from(_LEAVES), st.just(()), numbers)
    if depth <= 0:
        return leaf
    parts = st.lists(blocks(depth - 1), min_size=1, max_size=3).map(tuple)
    node = st.builds(Block, st.sampled_from(_NODES), parts, numbers)
    return st.one_of(leaf, node)


def processes(depth: int = 3) -> st.SearchStrategy[RandomProcess]:
    """Return a strategy for processes that can all finish."""
    bits = st.integers(0, 15)
    return st.builds(_process, blocks(depth), bits)


def _process(block: Block, bits: int) -> RandomProcess:
    writer = _Writer()
    entry, leave = writer.write(block)
    writer.add('<startEvent id="start"/><endEvent id="end"/>')
    writer.flow("start", entry)
    writer.flow(leave, "end")
    body = "".join(writer.parts)
    source = f'{_HEAD}<process id="p" isExecutable="true">{body}</process></definitions>'
    variables = {"bits": bits, "items": [3, 1, 2], "key": "k", "n": 0}
    return RandomProcess(source.encode(), variables, block)


class _Writer:
    """Writes blocks as elements; each block has one way in and one way out."""

    def __init__(self, ids: Iterator[int] | None = None) -> None:
        self.parts: list[str] = []
        self._ids = ids if ids is not None else itertools.count(1)

    def add(self, markup: str) -> None:
        """Append elements."""
        self.parts.append(markup)

    def name(self, kind: str) -> str:
        """Return a fresh id."""
        return f"{kind}{next(self._ids)}"

    def flow(self, source: str, target: str, condition: str = "") -> str:
        """Connect two elements; return the flow's id."""
        id = self.name("f")
        inner = ""
        if condition:
            text = escape(condition)
            inner = (
                f'<conditionExpression xsi:type="tFormalExpression">={text}</conditionExpression>'
            )
        ends = f'sourceRef="{source}" targetRef="{target}"'
        self.add(f'<sequenceFlow id="{id}" {ends}>{inner}</sequenceFlow>')
        return id

    def write(self, block: Block) -> tuple[str, str]:
        """Write a block; return the ids of its way in and its way out."""
        if block.kind in _LEAVES:
            return self._leaf(block)
        if block.kind == "sequence":
            return self._sequence(block)
        if block.kind == "loop":
            return self._loop(block)
        if block.kind == "scope":
            return self._scope(block)
        if block.kind == "first":
            return self._first()
        return self._split(block)

    def _leaf(self, block: Block) -> tuple[str, str]:
        id = self.name(block.kind.replace("-", ""))
        job = f'<extensionElements><zeebe:taskDefinition type="{JOB}"/></extensionElements>'
        if block.kind == "job":
            self.add(f'<serviceTask id="{id}">{job}</serviceTask>')
        elif block.kind == "user":
            self.add(f'<userTask id="{id}"/>')
        elif block.kind == "pass":
            self.add(f'<task id="{id}"/>')
        elif block.kind == "script":
            script = '<zeebe:script expression="=n + 1" resultVariable="n"/>'
            inner = f"<extensionElements>{script}</extensionElements>"
            self.add(f'<scriptTask id="{id}">{inner}</scriptTask>')
        elif block.kind == "timer":
            timer = "<timerEventDefinition><timeDuration>PT1H</timeDuration></timerEventDefinition>"
            self.add(f'<intermediateCatchEvent id="{id}">{timer}</intermediateCatchEvent>')
        elif block.kind == "message":
            message = '<messageEventDefinition messageRef="m"/>'
            self.add(f'<intermediateCatchEvent id="{id}">{message}</intermediateCatchEvent>')
        elif block.kind == "guarded":
            return self._guarded(id)
        else:
            self.add(f'<serviceTask id="{id}">{job}{self._many(block)}</serviceTask>')
        return id, id

    def _many(self, block: Block) -> str:
        flag = "true" if block.kind == "many-in-turn" else "false"
        over = (
            '<zeebe:loopCharacteristics inputCollection="=items" inputElement="item" '
            'outputCollection="made" outputElement="=item * 2"/>'
        )
        return (
            f'<multiInstanceLoopCharacteristics isSequential="{flag}">'
            f"<extensionElements>{over}</extensionElements></multiInstanceLoopCharacteristics>"
        )

    def _guarded(self, id: str) -> tuple[str, str]:
        """Write a user task that a timer interrupts; both ways meet again."""
        boundary, merge = self.name("late"), self.name("x")
        timer = "<timerEventDefinition><timeDuration>PT2H</timeDuration></timerEventDefinition>"
        self.add(f'<userTask id="{id}"/><exclusiveGateway id="{merge}"/>')
        self.add(f'<boundaryEvent id="{boundary}" attachedToRef="{id}">{timer}</boundaryEvent>')
        self.flow(id, merge)
        self.flow(boundary, merge)
        return id, merge

    def _sequence(self, block: Block) -> tuple[str, str]:
        ends = [self.write(part) for part in block.parts]
        for (_, leave), (entry, _) in itertools.pairwise(ends):
            self.flow(leave, entry)
        return ends[0][0], ends[-1][1]

    def _split(self, block: Block) -> tuple[str, str]:
        kind = {"choice": "exclusive", "parallel": "parallel", "inclusive": "inclusive"}[block.kind]
        split, join = self.name("s"), self.name("j")
        ends = [self.write(part) for part in block.parts]
        default = None
        for index, (entry, leave) in enumerate(ends):
            bit = f"modulo(floor(bits / {2 ** ((index + block.number) % 4)}), 2) = 1"
            last = index == len(ends) - 1 and kind != "parallel"
            flow = self.flow(split, entry, "" if kind == "parallel" or last else bit)
            default = flow if last else default
            self.flow(leave, join)
        chosen = f' default="{default}"' if default else ""
        self.add(f'<{kind}Gateway id="{split}"{chosen}/><{kind}Gateway id="{join}"/>')
        return split, join

    def _loop(self, block: Block) -> tuple[str, str]:
        """Write a part that runs until its own counter is at its number."""
        entry, test, count = self.name("x"), self.name("g"), self.name("c")
        first, last = self.write(block.parts[0])
        counter = f"count{count}"
        script = (
            f'<zeebe:script expression="=if {counter} = null then 1 else {counter} + 1" '
            f'resultVariable="{counter}"/>'
        )
        self.add(f'<exclusiveGateway id="{entry}"/>')
        self.add(
            f'<scriptTask id="{count}"><extensionElements>{script}</extensionElements></scriptTask>'
        )
        self.flow(entry, first)
        self.flow(last, count)
        self.flow(count, test)
        self.flow(test, entry, f"{counter} < {block.number + 1}")
        leave = self.name("x")
        default = self.flow(test, leave)
        self.add(f'<exclusiveGateway id="{test}" default="{default}"/>')
        self.add(f'<exclusiveGateway id="{leave}"/>')
        return entry, leave

    def _scope(self, block: Block) -> tuple[str, str]:
        id, inner = self.name("sub"), _Writer(self._ids)
        start, end = self.name("start"), self.name("end")
        entry, leave = inner._sequence(block)
        inner.add(f'<startEvent id="{start}"/><endEvent id="{end}"/>')
        inner.flow(start, entry)
        inner.flow(leave, end)
        self.add(f'<subProcess id="{id}">{"".join(inner.parts)}</subProcess>')
        return id, id

    def _first(self) -> tuple[str, str]:
        """Write an event-based gateway: a message or a timer, whichever comes first."""
        gateway, merge = self.name("e"), self.name("x")
        self.add(f'<eventBasedGateway id="{gateway}"/><exclusiveGateway id="{merge}"/>')
        for kind in ("timer", "message"):
            event, _ = self._leaf(Block(kind))
            self.flow(gateway, event)
            self.flow(event, merge)
        return gateway, merge


def drive(scenario: Scenario, case: Case, *, turn: int = 0) -> int:
    """Do one thing that moves a random process: a task, a message, or an hour; tell how many were
    done.

    `turn` chooses among what can be done, so that a caller decides the order.
    """
    tasks = [task for task in scenario.tasks() if task.instance == str(case.key)]
    if tasks and turn % 3 != 2:
        task = tasks[turn % len(tasks)]
        scenario.complete(task.key, {"seen": turn})
        return 1
    if turn % 3 == 1:
        scenario.publish(MESSAGE, "k", time_to_live="PT0S")
        return 1
    scenario.advance("PT1H")
    return 1


def finish(scenario: Scenario, case: Case, *, seed: int = 0) -> None:
    """Drive a process until it ends. Raises `AssertionError` when it does not."""
    for turn in range(seed, seed + ROUNDS_MAX):
        if not case.state.is_live:
            return
        drive(scenario, case, turn=turn)
    raise AssertionError(f"expected the process to end, but it stands at {case.active}")
