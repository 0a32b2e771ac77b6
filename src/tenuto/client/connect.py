"""The way in for plain scripts: one call gives a client of a server."""

from __future__ import annotations

import os

from tenuto.client.blocking import BlockingClient
from tenuto.client.wire import PATIENCE_SECONDS
from tenuto.errors import InputError

URL: str = "TENUTO_URL"
TOKEN: str = "TENUTO_TOKEN"  # noqa: S105  (the name of a variable, not a token)


def connect(
    url: str | None = None,
    token: str | None = None,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
) -> BlockingClient:
    """Return a client of the server at `url`, which is a context manager.

    Without arguments the environment says where and who (`TENUTO_URL`, `TENUTO_TOKEN`). What meets
    a busy or restarting server is tried again for `patience_seconds`. Nothing is asked yet: a
    server that is not there shows with the first call.

    Raises `InputError` when there is no URL, or one that cannot be used.
    """
    where = url or os.environ.get(URL)
    if not where:
        raise InputError(
            f"expected the URL of a server such as http://127.0.0.1:8080, or {URL} in the "
            "environment, got neither"
        )
    return BlockingClient(where, token or os.environ.get(TOKEN), patience_seconds=patience_seconds)
