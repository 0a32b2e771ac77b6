"""What a changed model would have decided: old and new over the same recorded inputs.

Every record is decided twice. A record that lacks an input which the new model reads is counted,
never guessed. A FEEL text over inputs and outcome says what an outcome is worth, so that the
difference is known in money.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from tenuto import feel
from tenuto.dmn.model import Model
from tenuto.dmn.result import Result, plain
from tenuto.errors import BudgetExceeded
from tenuto.feel.arithmetic import CONTEXT, is_number
from tenuto.feel.compare import is_same
from tenuto.values import DateAndTime, Number, dumps, simplify_number

CASES_MAX = 100
CASES_SHOWN = 20

Rules = tuple[str, ...]


class Change(Struct, frozen=True):
    """Records whose outcome changed from some rules to others, and what that is worth."""

    before: Rules
    after: Rules
    count: int
    difference: Number


class Case(Struct, frozen=True):
    """One record whose outcome changed."""

    key: str
    inputs: dict[str, Any]
    before: Any
    after: Any
    difference: Number | None


class Comparison(Struct, frozen=True):
    """Old and new model over a number of records.

    `missing` counts the incomplete records by the input that they lack; `failed` are those that
    either model cannot decide; `unvalued` changed, but their difference is no number.
    """

    decision: str
    total: int
    unchanged: int
    changed: int
    incomplete: int
    failed: int
    unvalued: int
    missing: dict[str, int]
    changes: tuple[Change, ...]
    cases: tuple[Case, ...]
    difference: Number | None

    @property
    def unaffected_percent(self) -> Number:
        """The share of the decided records whose outcome stays."""
        decided = self.unchanged + self.changed
        if not decided:
            return 0
        return simplify_number(round(CONTEXT.divide(Decimal(100 * self.unchanged), decided), 2))

    def to_value(self) -> dict[str, Any]:
        """Return the comparison as a plain value."""
        return {
            "decision": self.decision,
            "total": self.total,
            "unchanged": self.unchanged,
            "changed": self.changed,
            "incomplete": self.incomplete,
            "failed": self.failed,
            "unvalued": self.unvalued,
            "unaffected percent": self.unaffected_percent,
            "difference": self.difference,
            "missing": dict(self.missing),
            "changes": [
                {
                    "before": list(change.before),
                    "after": list(change.after),
                    "count": change.count,
                    "difference": change.difference,
                }
                for change in self.changes
            ],
            "cases": [
                {
                    "key": case.key,
                    "inputs": plain(case.inputs),
                    "before": plain(case.before),
                    "after": plain(case.after),
                    "difference": case.difference,
                }
                for case in self.cases
            ],
        }

    def __str__(self) -> str:
        if not self.total:
            return f"{self.decision}: no records"
        lines = [
            f"{self.decision}: {self.total} records, {self.changed} changed, "
            f"{self.unaffected_percent} % unaffected"
        ]
        if self.difference is not None:
            lines.append(f"difference {self.difference:+}")
        for change in self.changes:
            before, after = ", ".join(change.before), ", ".join(change.after)
            worth = "" if self.difference is None else f", {change.difference:+}"
            lines.append(f"  {before or 'no rule'} → {after or 'no rule'}: {change.count}{worth}")
        lines += [f"  without {name}: {count}" for name, count in self.missing.items()]
        if self.failed:
            lines.append(f"  without a decision: {self.failed}")
        lines += [_case_line(case) for case in self.cases[:CASES_SHOWN]]
        if self.changed > CASES_SHOWN:
            lines.append(f"  {self.changed - CASES_SHOWN} more changed records")
        return "\n".join(lines)


class _Recorded(Mapping[str, Any]):
    """Recorded inputs, which remember what was asked for in vain."""

    __slots__ = ("inputs", "lacking")

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        self.inputs = inputs
        self.lacking: list[str] = []

    def __getitem__(self, name: str) -> Any:
        try:
            return self.inputs[name]
        except KeyError:
            self.lacking.append(name)
            raise

    def __iter__(self) -> Iterator[str]:  # pragma: no cover - a mapping has it, nothing asks
        return iter(self.inputs)

    def __len__(self) -> int:  # pragma: no cover - as above
        return len(self.inputs)


class _Tally:
    """What is counted while records go by."""

    def __init__(self) -> None:
        self.total = self.unchanged = self.changed = 0
        self.incomplete = self.failed = self.unvalued = 0
        self.missing: dict[str, int] = {}
        self.changes: dict[tuple[Rules, Rules], tuple[int, Number]] = {}
        self.cases: list[Case] = []
        self.difference: Number = 0


def compare(
    old: Model,
    new: Model,
    decision: str,
    records: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    value: str | None = None,
    now: DateAndTime | datetime.datetime | None = None,
) -> Comparison:
    """Return what changes for records, given as pairs of a key and the inputs.

    `value` is a FEEL text over the inputs, the outcome as `outcome`, and its members. Raises
    `FeelSyntaxError` for it, and `ModelError` when a model has no such decision.
    """
    worth = None if value is None else _compile(value, (old, new), decision)
    old.find(decision)
    new.find(decision)
    tally = _Tally()
    for key, inputs in records:
        tally.total += 1
        _compare_one(tally, (old, new, decision), (key, inputs), worth, now)
    changes = [
        Change(before, after, count, difference)
        for (before, after), (count, difference) in tally.changes.items()
    ]
    changes.sort(key=lambda change: (-change.count, change.before, change.after))
    return Comparison(
        decision=decision,
        total=tally.total,
        unchanged=tally.unchanged,
        changed=tally.changed,
        incomplete=tally.incomplete,
        failed=tally.failed,
        unvalued=tally.unvalued,
        missing=dict(sorted(tally.missing.items())),
        changes=tuple(changes),
        cases=tuple(tally.cases),
        difference=None if worth is None else tally.difference,
    )


def _compile(text: str, models: tuple[Model, Model], decision: str) -> feel.Expression:
    names = {"outcome"}
    for model in models:
        names |= set(model.inputs)
        for table in model.tables:
            names |= set(table.columns)
    return feel.compile(text, names=sorted(names))


def _compare_one(
    tally: _Tally,
    models: tuple[Model, Model, str],
    record: tuple[str, Mapping[str, Any]],
    worth: feel.Expression | None,
    now: Any,
) -> None:
    old, new, decision = models
    key, inputs = record
    try:
        if _stays(models, inputs, now):
            tally.unchanged += 1
            return
        asked = _Recorded(inputs)
        before = old.evaluate(decision, inputs, now=now)
        after = new.evaluate(decision, asked, now=now)
    except BudgetExceeded:
        tally.failed += 1
        return
    if asked.lacking:
        tally.incomplete += 1
        for name in dict.fromkeys(asked.lacking):
            tally.missing[name] = tally.missing.get(name, 0) + 1
        return
    if before.error is not None or after.error is not None:
        tally.failed += 1
        return
    if is_same(before.value, after.value):
        tally.unchanged += 1
        return
    tally.changed += 1
    difference = None if worth is None else _difference(worth, inputs, (before, after), now)
    if worth is not None:
        if difference is None:
            tally.unvalued += 1
        else:
            tally.difference = _add(tally.difference, difference)
    path = (_rules(before), _rules(after))
    count, sum_ = tally.changes.get(path, (0, 0))
    tally.changes[path] = (count + 1, _add(sum_, difference or 0))
    if len(tally.cases) < CASES_MAX:
        tally.cases.append(Case(key, dict(inputs), before.value, after.value, difference))


def _stays(
    models: tuple[Model, Model, str],
    inputs: Mapping[str, Any],
    now: Any,
) -> bool:
    """Tell whether both outcomes are plainly the same, which takes no trace: most of them are.

    Null is not plain: it may mean an error or an input that is missing.
    """
    old, new, decision = models
    asked = _Recorded(inputs)
    after = new.decide(decision, asked, now=now)
    if after is None or asked.lacking:
        return False
    return is_same(old.decide(decision, inputs, now=now), after)


def _rules(result: Result) -> Rules:
    return tuple(rule.id for rule in result.decisions[-1].matched) if result.decisions else ()


def _difference(
    worth: feel.Expression, inputs: Mapping[str, Any], results: tuple[Result, Result], now: Any
) -> Number | None:
    before, after = (
        worth.call(
            {
                **inputs,
                **(result.value if isinstance(result.value, dict) else {}),
                "outcome": result.value,
            },
            now,
        )
        for result in results
    )
    if not is_number(before) or not is_number(after):
        return None
    return simplify_number(CONTEXT.subtract(Decimal(after), Decimal(before)))


def _add(total: Number, part: Number) -> Number:
    return simplify_number(CONTEXT.add(Decimal(total), Decimal(part)))


def _case_line(case: Case) -> str:
    """Return a changed record; of outcomes with members only those that differ."""
    before, after = case.before, case.after
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        names = [name for name in before if not is_same(before[name], after[name])]
        before, after = ({name: side[name] for name in names} for side in (before, after))
    worth = "" if case.difference is None else f", {case.difference:+}"
    return f"  {case.key}: {_show(before)} → {_show(after)}{worth}"


def _show(value: Any) -> str:
    return str(dumps(plain(value)))
