"""Handlers that the tests give to `tenuto run`."""

import asyncio
import os

from tenuto import NoRetry, handler


@handler("charge")
async def charge(id: str, amount: float):
    """Charge an order; one that is named `broken` never can be."""
    if id == "broken":
        raise NoRetry("no such card")
    await asyncio.sleep(float(os.environ.get("SHOP_SECONDS", "0")))
    return {"charged": amount}
