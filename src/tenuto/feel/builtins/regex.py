"""XPath regular expressions: matching in bounded time.

Most patterns are handed to Python's `re`. Those that could make it run away (repetition inside
repetition, many repetitions over a long text, back-references) or that it cannot say (class
subtraction, `\\w` of XML Schema, Unicode properties) run on a small backtracking machine of ours,
which spends steps of the budget. The choice depends on the pattern and the length of the text
alone, so a text means the same on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

import msgspec

from tenuto.feel.builtins.pattern import (
    Anchor,
    AnyChar,
    BackReference,
    Char,
    CharClass,
    Choice,
    Group,
    PatternError,
    Property,
    Repeat,
    Sequence,
    Span,
    Tree,
    class_test,
    parse_pattern,
)
from tenuto.feel.meter import Fault, Meter

# A pattern with k loops over a text of n characters costs `re` up to about n ** (k + 1) moves.
MOVES_MAX = 1_000_000
PROGRAM_MAX = 20_000
MOVES_PER_STEP = 64
Spans = tuple[int, ...]


class Flags(msgspec.Struct, frozen=True):
    """The flags of XPath: s, m, i, x and q."""

    dot_all: bool = False
    multiline: bool = False
    ignore_case: bool = False
    ignore_space: bool = False
    literal: bool = False


class Regex:
    """A compiled pattern; groups count from 1, a span of -1 did not take part."""

    def __init__(self, tree: Tree, groups: int, flags: Flags) -> None:
        """Prepare both ways of matching; each is built when first needed."""
        self.groups = groups
        self._tree = tree
        self._flags = flags
        self._loops = _count_loops(tree)
        self._native: re.Pattern[str] | None = None
        self._program: list[_Instruction] | None = None

    def find(self, text: str, meter: Meter) -> Iterator[Spans]:
        """Yield the spans of each match from left to right, the whole match first."""
        meter.charge(1 + (len(text) >> 6))
        if self._loops is None or (len(text) + 1) ** (self._loops + 1) > MOVES_MAX:
            return self._find_slowly(text, meter)
        return self._find_natively(text)

    def _find_natively(self, text: str) -> Iterator[Spans]:
        if self._native is None:
            flags = re.IGNORECASE if self._flags.ignore_case else re.NOFLAG
            self._native = re.compile(_to_python(self._tree, self._flags), flags)
        # Not finditer: after an empty match it looks at the same place again, which XPath does not.
        at = 0
        while at <= len(text):
            match = self._native.search(text, at)
            if match is None:
                return
            yield tuple(place for group in range(self.groups + 1) for place in match.span(group))
            at = match.end() if match.end() > match.start() else match.end() + 1

    def _find_slowly(self, text: str, meter: Meter) -> Iterator[Spans]:
        if self._program is None:
            self._program = _Assembler(self._flags).assemble(self._tree, self.groups)
        at = 0
        while at <= len(text):
            found = _run(self._program, text, at, self.groups, meter)
            if found is None:
                at += 1
                continue
            yield found
            at = found[1] if found[1] > found[0] else found[1] + 1


def compile_regex(pattern: str, flags: str | None) -> Regex:
    """Return the compiled pattern; raise `Fault` for what is none."""
    try:
        return _compile(pattern, flags or "")
    except PatternError as error:
        raise Fault("invalid-pattern", str(error)) from None


@lru_cache(maxsize=512)
def _compile(pattern: str, letters: str) -> Regex:
    flags = _parse_flags(letters)
    if flags.literal:
        return Regex(Sequence(tuple(Char(char) for char in pattern)), 0, flags)
    tree, groups = parse_pattern(pattern, ignores_space=flags.ignore_space)
    return Regex(tree, groups, flags)


def _parse_flags(letters: str) -> Flags:
    if set(letters) - set("smixq"):
        raise PatternError(f"expected flags out of s, m, i, x and q, but they are {letters!r}")
    return Flags("s" in letters, "m" in letters, "i" in letters, "x" in letters, "q" in letters)


def _count_loops(tree: Tree) -> int | None:
    """Return how many variable repetitions a pattern has; nothing when only ours may run it."""
    if isinstance(tree, Repeat):
        inner = _count_loops(tree.body)
        is_single = isinstance(tree.body, Char | AnyChar | CharClass)
        if inner is None or (tree.least != tree.most and not is_single):
            return None
        return inner * max(tree.least, 1) + (tree.least != tree.most)
    if isinstance(tree, Sequence | Choice):
        parts = tree.parts if isinstance(tree, Sequence) else tree.options
        total = 0
        for part in parts:
            loops = _count_loops(part)
            if loops is None:
                return None
            total += loops
        return total + (len(parts) > 8 and isinstance(tree, Choice))
    if isinstance(tree, Group):
        return _count_loops(tree.body)
    if isinstance(tree, CharClass):
        return 0 if _is_plain_class(tree) else None
    return None if isinstance(tree, BackReference) else 0


def _is_plain_class(tree: CharClass) -> bool:
    return tree.less is None and all(
        isinstance(member, Span) or (member.name in "ds" and not member.is_negated)
        for member in tree.members
    )


def _to_python(tree: Tree, flags: Flags) -> str:
    if isinstance(tree, Char):
        return re.escape(tree.char)
    if isinstance(tree, AnyChar):
        return r"[\s\S]" if flags.dot_all else r"[^\n\r]"
    if isinstance(tree, CharClass):
        members = "".join(map(_member_to_python, tree.members))
        return f"[{'^' if tree.is_negated else ''}{members}]"
    if isinstance(tree, Anchor):
        if flags.multiline:
            return r"(?:(?<=\n)|\A)" if tree.is_start else r"(?:(?=\n)|\Z)"
        return r"\A" if tree.is_start else r"\Z"
    if isinstance(tree, Sequence):
        return "".join(_to_python(part, flags) for part in tree.parts)
    if isinstance(tree, Choice):
        return f"(?:{'|'.join(_to_python(option, flags) for option in tree.options)})"
    if isinstance(tree, Group):
        return f"({'' if tree.number else '?:'}{_to_python(tree.body, flags)})"
    assert isinstance(tree, Repeat)
    most = "" if tree.most < 0 else tree.most
    lazy = "" if tree.is_greedy else "?"
    return f"(?:{_to_python(tree.body, flags)}){{{tree.least},{most}}}{lazy}"


def _member_to_python(member: Span | Property) -> str:
    if isinstance(member, Property):
        return r"\d" if member.name == "d" else r" \t\n\r"
    return f"{re.escape(chr(member.low))}-{re.escape(chr(member.high))}"


# -- our own machine: a program of small instructions, a stack of what to try next


class _Instruction(msgspec.Struct):
    """`test` consumes a character; `split` tries two ways; `save` notes a place."""

    kind: str
    test: Callable[[str], bool] | None = None
    first: int = 0
    second: int = 0


class _Assembler:
    """Turns a tree into a program."""

    def __init__(self, flags: Flags) -> None:
        self._flags = flags
        self._program: list[_Instruction] = []
        self._registers = 0

    def assemble(self, tree: Tree, groups: int) -> list[_Instruction]:
        self._registers = 2 * (groups + 1)
        self._emit(_Instruction("save", first=0))
        self._add(tree)
        self._emit(_Instruction("save", first=1))
        self._emit(_Instruction("match", first=self._registers))
        return self._program

    def _emit(self, instruction: _Instruction) -> _Instruction:
        if len(self._program) >= PROGRAM_MAX:
            raise Fault("invalid-pattern", "expected a pattern with fewer repetitions")
        self._program.append(instruction)
        return instruction

    def _add(self, tree: Tree) -> None:
        if isinstance(tree, Sequence):
            for part in tree.parts:
                self._add(part)
        elif isinstance(tree, Choice):
            self._add_choice(tree)
        elif isinstance(tree, Group):
            self._add_group(tree)
        elif isinstance(tree, Repeat):
            self._add_repeat(tree)
        elif isinstance(tree, Anchor):
            kind = (
                ("line_start" if tree.is_start else "line_end")
                if self._flags.multiline
                else ("start" if tree.is_start else "end")
            )
            self._emit(_Instruction(kind))
        elif isinstance(tree, BackReference):
            self._emit(_Instruction("reference", None, 2 * tree.number, self._flags.ignore_case))
        else:
            self._emit(_Instruction("test", self._test_of(tree)))

    def _add_group(self, tree: Group) -> None:
        if tree.number:
            self._emit(_Instruction("save", first=2 * tree.number))
        self._add(tree.body)
        if tree.number:
            self._emit(_Instruction("save", first=2 * tree.number + 1))

    def _add_choice(self, tree: Choice) -> None:
        jumps = []
        for option in tree.options[:-1]:
            split = self._emit(_Instruction("split"))
            split.first = len(self._program)
            self._add(option)
            jumps.append(self._emit(_Instruction("jump")))
            split.second = len(self._program)
        self._add(tree.options[-1])
        for jump in jumps:
            jump.first = len(self._program)

    def _add_repeat(self, tree: Repeat) -> None:
        for _ in range(tree.least):
            self._add(tree.body)
        if tree.most < 0:
            register = self._registers
            self._registers += 1
            start = len(self._program)
            split = self._emit(_Instruction("split"))
            self._emit(_Instruction("save", first=register))
            self._add(tree.body)
            # A round that took nothing would go on for ever.
            self._emit(_Instruction("progress", first=register))
            self._emit(_Instruction("jump", first=start))
            self._aim(split, start + 1, len(self._program), is_greedy=tree.is_greedy)
            return
        splits = []
        for _ in range(tree.most - tree.least):
            splits.append((self._emit(_Instruction("split")), len(self._program)))
            self._add(tree.body)
        for split, inside in splits:
            self._aim(split, inside, len(self._program), is_greedy=tree.is_greedy)

    def _aim(self, split: _Instruction, inside: int, beyond: int, *, is_greedy: bool) -> None:
        split.first, split.second = (inside, beyond) if is_greedy else (beyond, inside)

    def _test_of(self, tree: Tree) -> Callable[[str], bool]:
        if isinstance(tree, AnyChar):
            return _is_anything if self._flags.dot_all else _is_no_line_end
        if isinstance(tree, Char):
            wanted = tree.char
            if self._flags.ignore_case:
                return lambda char: char.lower() == wanted.lower() or char.upper() == wanted.upper()
            return wanted.__eq__
        assert isinstance(tree, CharClass)
        return _class_test(tree, ignore_case=self._flags.ignore_case)


def _is_anything(char: str) -> bool:
    return True


def _is_no_line_end(char: str) -> bool:
    return char not in "\n\r"


def _class_test(tree: CharClass, *, ignore_case: bool) -> Callable[[str], bool]:
    test = class_test(tree.members)
    less = _class_test(tree.less, ignore_case=ignore_case) if tree.less else None
    seen: dict[str, bool] = {}

    def is_member(char: str) -> bool:
        forms = {char, char.lower(), char.upper()} if ignore_case else {char}
        return any(test(form) for form in forms if len(form) == 1)

    def decide(char: str) -> bool:
        verdict = seen.get(char)
        if verdict is None:
            excluded = less is not None and less(char)
            verdict = is_member(char) is not tree.is_negated and not excluded
            seen[char] = verdict
        return verdict

    return decide


def _run(
    program: list[_Instruction], text: str, start: int, groups: int, meter: Meter
) -> Spans | None:
    """Return the spans of a match that begins at `start`, trying ways in the order of XPath."""
    size = program[-1].first
    stack: list[tuple[int, int, Spans]] = [(0, start, (-1,) * size)]
    moves = 0
    while stack:
        place, at, saved = stack.pop()
        while True:
            moves += 1
            if not moves % MOVES_PER_STEP:
                meter.charge(1)
            step = program[place]
            kind = step.kind
            place += 1
            if kind == "test":
                assert step.test is not None
                if at >= len(text) or not step.test(text[at]):
                    break
                at += 1
            elif kind == "split":
                stack.append((step.second, at, saved))
                place = step.first
            elif kind == "jump":
                place = step.first
            elif kind == "save":
                saved = (*saved[: step.first], at, *saved[step.first + 1 :])
            elif kind == "match":
                meter.charge(1 + moves // MOVES_PER_STEP)
                return saved[: 2 * (groups + 1)]
            elif kind == "reference":
                taken = text[saved[step.first] : saved[step.first + 1]]
                again = text[at : at + len(taken)]
                if taken != again and not (step.second and taken.lower() == again.lower()):
                    break
                at += len(taken)
            elif not _holds(kind, step, text, at, saved):
                break
    return None


def _holds(kind: str, step: _Instruction, text: str, at: int, saved: Spans) -> bool:
    if kind == "progress":
        return saved[step.first] != at
    if kind in ("start", "line_start"):
        return at == 0 or (kind == "line_start" and text[at - 1] == "\n")
    return at == len(text) or (kind == "line_end" and text[at] == "\n")
