"""Requests that come twice: what a caller meant is told by a fingerprint of the request.

A command may hold what the server drew or read (a jitter, who has a task), so the command of a
repeat is not the first one's; what the caller sent is.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from tenuto.api.http import Request
    from tenuto.runtime import requests as runtime

_sorted = msgspec.json.Encoder(order="sorted", decimal_format="number").encode


def once(asked: runtime.Request, request: Request, given: Any) -> runtime.Request:
    """Return what is asked of the corridor, under the caller's idempotency key if it gave one.

    `given` is the body that came. The same key with another body or path is refused.
    """
    key = request.idempotency_key
    if key is None:
        return asked
    meant = f"{request.method} {request.path}\0".encode() + _sorted(given)
    return asked._replace(idempotency_key=key, fingerprint=hashlib.sha256(meant).digest())
