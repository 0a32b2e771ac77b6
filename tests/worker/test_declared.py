"""What handlers declare by annotations, and results that are records."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, NewType, TypedDict

import pytest
from msgspec import Struct

from tenuto import JobContext, handler
from tenuto.graph.data import InputDeclaration, OutputDeclaration
from tenuto.values import YearsMonthsDuration
from tenuto.worker.declared import declaration, feel_type, fields_of
from tenuto.worker.handlers import MARK
from tests.spec.models import end, flows, model, start, task

Iban = NewType("Iban", str)


class Paid(TypedDict):
    """What a payment gives."""

    receipt: str
    sums: list[Decimal]


class Partly(TypedDict, total=False):
    """What may be given."""

    note: str


@dataclass
class Address:
    """Where somebody lives."""

    street: str
    number: int | None = None


@dataclass
class Customer:
    """Somebody with addresses."""

    name: str
    addresses: list[Address]


class Parcel(Struct):
    """What is sent."""

    weight: Decimal
    to: Address


@dataclass
class Tree:
    """Something that contains itself."""

    branches: list[Tree]


def declared(function):
    """Return what a function declares as a handler."""
    return declaration(getattr(handler("work")(function), MARK))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (bool, "boolean"),
        (int, "number"),
        (float, "number"),
        (Decimal, "number"),
        (str, "string"),
        (Iban, "string"),
        (date, "date"),
        (time, "time"),
        (datetime, "date and time"),
        (timedelta, "days and time duration"),
        (YearsMonthsDuration, "years and months duration"),
        (int | Decimal, "number"),
        (str | None, "string"),
        (typing.Union.__getitem__((str, None)), "string"),
        (str | int, "Any"),
        (Literal["a", "b"], "string"),
        (Literal["a", 1], "Any"),
        (list, "list<Any>"),
        (list[date], "list<date>"),
        (tuple[int, ...], "list<number>"),
        (tuple[int, str], "list<Any>"),
        (dict, "context"),
        (dict[str, int], "context"),
        (Mapping[str, Any], "context"),
        (Paid, "context<receipt: string, sums: list<number>>"),
        (Address, "context<street: string, number: number>"),
        (Parcel, "context<weight: number, to: context<street: string, number: number>>"),
        (Any, "Any"),
        (set[str], "Any"),
        (object, "Any"),
        ([], "Any"),
    ],
)
def test_an_annotation_has_a_feel_type(kind, name):
    """Types that FEEL does not know are Any; None beside a type does not count."""
    assert feel_type(kind) == name


def test_a_type_that_contains_itself_is_cut():
    """Its FEEL type ends somewhere."""
    assert feel_type(Tree).count("context") < 10


def test_parameters_are_inputs():
    """Required are those without default that do not take None; the context is none."""

    async def charge(
        iban: str, amount: Decimal, ctx: JobContext, note: str | None, count: int = 1
    ) -> None:
        del iban, amount, ctx, note, count

    found = declared(charge)

    assert found.inputs == (
        InputDeclaration("iban", "string", required=True),
        InputDeclaration("amount", "number", required=True),
        InputDeclaration("note", "string", required=False),
        InputDeclaration("count", "number", required=False),
    )
    assert found.outputs == ()
    assert found.place.endswith("test_parameters_are_inputs.<locals>.charge")


@pytest.mark.parametrize(
    ("returned", "outputs"),
    [
        (Paid, (OutputDeclaration("receipt", "string"), OutputDeclaration("sums", "list<number>"))),
        (Partly, (OutputDeclaration("note", "string"),)),
        (
            Address,
            (OutputDeclaration("street", "string"), OutputDeclaration("number", "number")),
        ),
        (None, ()),
        (dict[str, Any], None),
        (Any, None),
    ],
)
def test_what_is_returned_is_declared_by_its_members(returned, outputs):
    """A TypedDict, a dataclass and None say everything; a dict says nothing."""

    def work():
        """Work."""

    work.__annotations__["return"] = returned

    assert declared(work).outputs == outputs


def test_a_function_without_annotations_declares_nothing():
    """It takes and returns anything."""

    def work(a, b=None):
        """Work."""

    found = declared(work)

    assert [one.type for one in found.inputs] == ["Any", "Any"]
    assert found.outputs is None


def test_a_record_is_plain_data():
    """Dataclasses and structs inside lists and dicts are contexts."""
    customer = Customer("Ann", [Address("High Street", 3)])

    assert fields_of(customer) == {
        "name": "Ann",
        "addresses": [{"street": "High Street", "number": 3}],
    }
    assert fields_of(Parcel(Decimal("1.5"), Address("Low", None))) == {
        "weight": Decimal("1.5"),
        "to": {"street": "Low", "number": None},
    }


@pytest.mark.parametrize("other", [1, "a", [1], Customer, object()])
def test_what_is_no_record_has_no_fields(other):
    """A class itself, a list and plain values are none."""
    assert fields_of(other) is None


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_handler_may_return_a_record(scenario, asynchronous):
    """Its fields become variables, nested ones contexts."""
    scenario.deploy(model(start() + task("w") + end() + flows("start>w", "w>end")))
    made = Customer("Ann", [Address("High Street", 3)])

    async def work_async() -> Customer:
        return made

    scenario.handle("work", work_async if asynchronous else lambda: made)
    case = scenario.start("p")

    assert case.variables == {
        "name": "Ann",
        "addresses": [{"street": "High Street", "number": 3}],
    }


def test_another_result_is_an_incident(scenario):
    """A text is no set of variables: the job says what was expected."""
    scenario.deploy(model(start() + task("w") + end() + flows("start>w", "w>end")))
    scenario.handle("work", lambda: "done")

    case = scenario.start("p")

    (incident,) = case.incidents
    assert "a dict of variables, a dataclass or None, got str" in incident.message
