"""What goes over the wire and comes back: requests to be repeated, answers, refusals.

Both faces of the remote client send what is written here; nothing in this module waits for a
server. RFC 9457 problem documents become the exceptions of `tenuto.errors`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from decimal import Decimal
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

import httpx
import msgspec

from tenuto import values
from tenuto.client.typed import pointers_of
from tenuto.deploy import Source, kind_of_name
from tenuto.errors import InputError, ModelError, Rejected, StoreError, TenutoError, Unreachable
from tenuto.runtime.clock import seconds
from tenuto.runtime.jitter import draw_jitter

if TYPE_CHECKING:
    from tenuto.client.bulk import Order

T = TypeVar("T")

API: Final = "/api/v1"
PROBLEM: Final = "application/problem+json"
IDEMPOTENCY_KEY: Final = "idempotency-key"
IF_MATCH: Final = "if-match"
LAST_EVENT_ID: Final = "last-event-id"

CONNECT_SECONDS_MAX: Final = 10.0
ANSWER_SECONDS_MAX: Final = 60.0
PATIENCE_SECONDS: Final = 60.0
PAUSE_SECONDS_FIRST: Final = 0.1
PAUSE_SECONDS_MAX: Final = 5.0
# A server that sends events writes a comment at least this often (HTML §9.2).
SILENCE_SECONDS_MAX: Final = 60.0

ORDINARY: Final = httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)
AT_END: Final = httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX, read=None)
STREAMING: Final = httpx.Timeout(
    ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX, read=SILENCE_SECONDS_MAX
)

# What the caller can mend by sending something else.
INPUT_CODES: Final = frozenset(
    {
        "invalid-body",
        "invalid-cursor",
        "invalid-expression",
        "invalid-header",
        "invalid-input",
        "invalid-json",
        "invalid-query",
        "body-too-large",
        "unsupported-media-type",
    }
)
encode = msgspec.json.Encoder(decimal_format="number").encode


class Call(NamedTuple):
    """One request. A call with a key, or one that only reads, may be sent again after any loss."""

    method: str
    path: str
    body: bytes | None = None
    query: Mapping[str, Any] | None = None
    key: str | None = None
    headers: Mapping[str, str] | None = None
    files: tuple[tuple[str, bytes], ...] = ()
    timeout: httpx.Timeout = ORDINARY

    @property
    def is_repeatable(self) -> bool:
        """Tell whether a second one does nothing that the first did not."""
        return self.method == "GET" or self.key is not None

    def arguments(self) -> dict[str, Any]:
        """Return what httpx is called with."""
        headers = dict(self.headers or {})
        if self.key is not None:
            headers[IDEMPOTENCY_KEY] = self.key
        if self.body is not None:
            headers["content-type"] = "application/json"
        found: dict[str, Any] = {"headers": headers, "timeout": self.timeout}
        if self.body is not None:
            found["content"] = self.body
        if self.query:
            found["params"] = [*_pairs(self.query)]
        if self.files:
            found["files"] = [("files", (name, content)) for name, content in self.files]
        return found


class Retries:
    """How long to wait before a call is sent again, and when to give up."""

    def __init__(self, call: Call, patience_seconds: float) -> None:
        """Give up when the next try would begin `patience_seconds` after the first."""
        self._call = call
        self._ends = seconds() + patience_seconds
        self._pause = PAUSE_SECONDS_FIRST

    def after_loss(self, error: httpx.TransportError) -> float:
        """Return the seconds to wait after a request without an answer.

        Raises `Unreachable` when it may have been carried out and must not be sent twice, or when
        patience has ended.
        """
        was_not_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        is_wrong = isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError)
        pause = self._next()
        if is_wrong or pause is None or not (was_not_sent or self._call.is_repeatable):
            doubt = "" if was_not_sent or is_wrong else "; it may have done what was asked"
            raise Unreachable(
                f"expected an answer of the server to {self._call.method} {self._call.path}, but "
                f"{_said(error)}{doubt}"
            ) from error
        return pause

    def after(self, response: httpx.Response) -> float | None:
        """Return the seconds to wait before the next try, or nothing: the answer stands."""
        status = response.status_code
        if status not in (429, 503) or not (status == 429 or self._call.is_repeatable):
            return None
        pause = self._next()
        if pause is None:
            return None
        wished = response.headers.get("retry-after", "")
        return max(pause, min(float(wished), ANSWER_SECONDS_MAX)) if wished.isdigit() else pause

    def _next(self) -> float | None:
        pause = self._pause * (0.5 + draw_jitter() / 2)
        self._pause = min(self._pause * 2, PAUSE_SECONDS_MAX)
        return pause if seconds() + pause < self._ends else None


class Event(NamedTuple):
    """A life-cycle event: `id` is its place in the stream, `data` the CloudEvent."""

    id: str
    type: str
    data: dict[str, Any]


class EventReader:
    """Reads a stream of server-sent events (HTML §9.2), and knows where it was."""

    def __init__(self, last_id: str | None = None) -> None:
        """Go on after `last_id`; without it from now on."""
        self.last_id = last_id
        self.retry_seconds = PAUSE_SECONDS_FIRST
        self._rest = b""
        self._fields: dict[str, str] = {}

    def begin(self, call: Call) -> dict[str, Any]:
        """Return what httpx is called with to go on where the last stream ended."""
        self._rest = b""
        self._fields = {}
        headers = {"accept": f"text/event-stream, {PROBLEM}"}
        if self.last_id is not None:
            headers[LAST_EVENT_ID] = self.last_id
        return call._replace(headers=headers).arguments()

    def read(self, part: bytes) -> list[Event]:
        """Return the events that are whole with this part."""
        # Lines end in LF alone: a text may hold what `splitlines` takes for a line's end.
        *lines, self._rest = (self._rest + part).split(b"\n")
        found = []
        for line in lines:
            if line:
                name, _, value = line.decode().partition(":")
                self._fields[name] = value.removeprefix(" ")
            else:
                found += self._whole()
        return found

    def _whole(self) -> list[Event]:
        """Return the event that ends here, if it is one and not only a place."""
        fields, self._fields = self._fields, {}
        self.last_id = fields.get("id", self.last_id)
        if "retry" in fields:
            self.retry_seconds = int(fields["retry"]) / 1000
        if "data" not in fields:
            return []
        data: dict[str, Any] = _DATA.decode(fields["data"])
        return [Event(self.last_id or "", fields.get("event", ""), data)]


def pause(wait_seconds: float) -> None:
    """Wait in a program that blocks."""
    threading.Event().wait(wait_seconds)


def settings(url: str, token: str | None) -> dict[str, Any]:
    """Return what an httpx client is made with. Raises `InputError` for what is no server's URL."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InputError(
            f"expected the URL of a server such as http://127.0.0.1:8080: {error}"
        ) from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise InputError(f"expected the URL of a server such as http://127.0.0.1:8080, got `{url}`")
    headers = {"accept": f"application/json, {PROBLEM}"}
    if token:
        if not token.isascii() or not token.isprintable():
            raise InputError("expected a token of printable ASCII characters")
        headers["authorization"] = f"Bearer {token}"
    return {
        "base_url": url.rstrip("/") + API,
        "headers": headers,
        "timeout": ORDINARY,
        # A proxy of the environment knows another loopback than this machine's.
        "trust_env": not _is_loopback(parsed.host),
        "follow_redirects": False,
    }


def body(**members: Any) -> bytes:
    """Return a JSON body; members that are nothing are left out."""
    return encode({name: value for name, value in members.items() if value is not None})


def variables_of(variables: Mapping[str, Any] | None) -> msgspec.Raw:
    """Return variables as JSON, numbers exact. Raises `ValueRefused` with the variable's name."""
    return _raw(_values_of(variables))


def order_of(order: Order) -> dict[str, Any]:
    """Return an order as JSON writes it, numbers exact. Raises `ValueRefused`."""
    data: dict[str, Any] = msgspec.to_builtins(
        msgspec.structs.replace(
            order, variables={}, where=msgspec.structs.replace(order.where, variables={})
        )
    )
    if order.variables:
        data["variables"] = variables_of(order.variables)
    if order.where.variables:
        data["where"]["variables"] = variables_of(order.where.variables)
    return data


def start_of(process: str, variables: Mapping[str, Any] | None, **more: Any) -> dict[str, Any]:
    """Return the members of a start; what JSON cannot say of its variables is said beside them.

    Raises `ValueRefused` with the variable's name.
    """
    found = _values_of(variables)
    typed = pointers_of(found) or None
    members = {"process": process, "variables": _raw(found), "typed": typed, **more}
    return {name: value for name, value in members.items() if value is not None}


def _values_of(variables: Mapping[str, Any] | None) -> dict[str, Any]:
    found = {}
    for name, plain in (variables or {}).items():
        value = values.from_python(plain)
        values.check_value(value, where=f"variable `{name}`")
        found[name] = value
    return found


def _raw(found: dict[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(values.dumps(values.from_python(found)).encode())


def value_of(plain: Any) -> msgspec.Raw:
    """Return one value as JSON, numbers exact. Raises `ValueRefused`."""
    value = values.from_python(plain)
    values.check_value(value, where="value")
    return msgspec.Raw(values.dumps(value).encode())


def files_of(sources: tuple[Source, ...]) -> tuple[tuple[str, bytes], ...]:
    """Return sources as the files of a form. Raises `InputError` for a name of another kind."""
    for name, kind, _ in sources:
        if kind_of_name(name) != kind:
            raise InputError(f"expected the name of a {kind} model to end so, got `{name}`")
    return tuple((name, source) for name, _, source in sources)


def answer_of(response: httpx.Response, decoder: msgspec.json.Decoder[T]) -> T:
    """Return the JSON of an answer. Raises what a problem document says."""
    check(response)
    try:
        return decoder.decode(response.content)
    except msgspec.DecodeError as error:
        raise Unreachable(
            f"expected an answer of Tenuto from {response.url}, but it does not read as one: "
            f"{error}; is the URL that of a Tenuto server of this release?"
        ) from error


def decoder_of(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Return what reads answers of a kind, numbers exact."""
    return msgspec.json.Decoder(kind, float_hook=Decimal)


class HttpAnswer(Protocol):
    """What the answers of HTTP clients have in common."""

    @property
    def status_code(self) -> int:
        """The status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields."""

    @property
    def content(self) -> bytes:
        """The body."""

    @property
    def url(self) -> object:
        """Where it comes from."""


def check(response: HttpAnswer) -> None:
    """Raise what an answer refuses; return if it refuses nothing."""
    if response.status_code < 300:
        return
    if not response.headers.get("content-type", "").startswith(PROBLEM):
        raise Unreachable(
            f"expected an answer of Tenuto from {response.url}, got status "
            f"{response.status_code}; is the URL that of a Tenuto server?"
        )
    raise refusal_of(msgspec.json.decode(response.content))


def refusal_of(problem: Mapping[str, Any]) -> TenutoError:
    """Return the exception that a problem document is."""
    code, detail = str(problem.get("code", "")), str(problem.get("detail", ""))
    if code == "model-refused":
        errors = problem.get("errors") or ()
        return ModelError(**errors[0]) if errors else InputError(detail)
    if code in INPUT_CODES:
        return InputError(detail)
    if code in {"store-failed", "store-busy", "store-full", "bug"}:
        return StoreError(f"the server failed: {detail}")
    return Rejected(code, detail)


_DATA: Final = decoder_of(dict[str, Any])


def _said(error: httpx.TransportError) -> str:
    return f"there is none: {error or type(error).__name__}"


def _pairs(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the fields of a query; what is nothing is left out, a list comes once for each."""
    found = []
    for name, value in query.items():
        items = value if isinstance(value, list) else [value]
        found += [(name, str(item)) for item in items if item is not None]
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
