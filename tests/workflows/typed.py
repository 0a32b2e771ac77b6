"""What users see of the types: checked by mypy, and again with every line that must be refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_type

from tenuto import step, wf, workflow
from tenuto.client.client import Client
from tenuto.client.handle import Handle


@dataclass
class Order:
    """What is ordered."""

    id: str


@dataclass
class Receipt:
    """What was paid."""

    amount: int


@step
async def charge(order: Order, amount: int = 1) -> Receipt:
    """Charge."""
    return Receipt(amount)


@step(retries=3, timeout="30s")
def count(text: str) -> int:
    """Count, on a thread."""
    return len(text)


@workflow(version=2)
async def fulfil(order: Order) -> Receipt:
    """Charge and count."""
    receipt = await charge(order, amount=2)
    assert_type(receipt, Receipt)
    return receipt


@workflow
def plain(text: str) -> int:
    """Count in a plain function."""
    found = count(text)
    assert_type(found, int)
    assert_type(count.options(timeout="5s")(text), int)
    return found


approve = wf.Message[bool]("approve", bool)
place = wf.State[str]("place", str)


async def use(client: Client) -> None:
    """Use them as a caller."""
    handle = await client.begin(fulfil, Order("1"))
    assert_type(handle, Handle[Receipt])
    assert_type(await handle.result(), Receipt)
    await handle.send(approve, True)
    assert_type(await handle.state(place), str | None)
    assert_type(await approve.receive(), bool)


async def wrong(client: Client) -> None:
    """Each of these lines is refused."""
    await charge("no order")  # REFUSED
    await charge(Order("1"), amount="much")  # REFUSED
    count(1)  # REFUSED
    await client.begin(fulfil)  # REFUSED
    await client.begin(fulfil, Order("1"), "more")  # REFUSED
    await client.begin(fulfil.options(id="o-1"), "no order")  # REFUSED
    handle = await client.begin(fulfil, Order("1"))
    await handle.send(approve, "yes")  # REFUSED
    text: str = await handle.result()  # REFUSED
    print(text)
