"""What users write, as the type checker sees it. Never run: mypy reads it under `make check`."""

import tenuto
from tenuto import errors


def reads_a_refusal(refusal: errors.Rejected) -> tuple[str, str]:
    """A refusal carries a stable code and a sentence."""
    return refusal.code, refusal.message


def asks_a_server() -> tuple[str, str | None]:
    """A blocking client gives texts for keys, and what it shows has fields."""
    with tenuto.connect("http://127.0.0.1:8080", token="tnt_a_b") as client:
        key = client.start("order", {"amount": 12}, business_key="A-7")
        return key, client.show(key).business_key


async def asks_in_a_loop(client: tenuto.RemoteClient) -> list[str]:
    """The client for event loops has the same methods, to be awaited."""
    found = [event.id async for event in client.events(types=["io.tenuto.task.created"])]
    return [*found, *(task.task for task in await client.tasks(group="clerks"))]
