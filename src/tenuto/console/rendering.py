"""Templates: values are shown as text, never as HTML; scripts and styles are files of ours."""

from __future__ import annotations

import hmac
import json
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from tenuto.api.http import HTML, Response
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.http import Request
    from tenuto.api.service import Service

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = (("content-security-policy", POLICY),)
SPANS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))

_templates = Environment(
    loader=PackageLoader("tenuto.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(
    template: str, service: Service, request: Request, status: int = 200, **context: Any
) -> Response:
    """Return a page for whoever calls."""
    caller = request.principal
    text = _templates.get_template(template).render(
        caller=caller,
        may=caller.may if caller is not None else lambda _: False,
        P=Permission,
        csrf=csrf_of(service, caller.token) if caller is not None else "",
        path=request.path,
        now=service.node.now(),
        **context,
    )
    return Response(status, text.encode(), HTML, HEADERS)


def render_alone(template: str, status: int, **context: Any) -> Response:
    """Return a page for nobody in particular."""
    text = _templates.get_template(template).render(caller=None, csrf="", path="", **context)
    return Response(status, text.encode(), HTML, HEADERS)


def csrf_of(service: Service, token: str) -> str:
    """Return what proves that a form came from a page of ours in the same session."""
    return service.master.derive("csrf", token).hex()


def is_genuine(service: Service, token: str, given: str) -> bool:
    """Tell whether a form came from a page of ours in the same session."""
    return hmac.compare_digest(csrf_of(service, token).encode(), given.encode())


def ago(text: str | None, now: int) -> str:
    """Return how far an instant is from now, as people say it.

    >>> ago("1970-01-01T00:00:00.000Z", 90_000), ago("1970-01-01T02:00:00.000Z", 0)
    ('1 min ago', 'in 2 h')
    """
    if text is None:
        return ""
    at = int(datetime.fromisoformat(text).timestamp() * 1000)
    distance = abs(now - at)
    for size, unit in SPANS:
        if distance >= size:
            count = f"{distance // size} {unit}"
            return f"{count} ago" if at <= now else f"in {count}"
    return "just now"


def clock(text: str | None) -> str:
    """Return an instant for a title: date and time in UTC."""
    return "" if text is None else text.replace("T", " ").replace("Z", " UTC")


def shown(value: Any) -> str:
    """Return a value as a person reads it: text as it is, everything else as JSON."""
    return (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_plain)
    )


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)


_templates.filters.update(ago=ago, clock=clock, shown=shown)
