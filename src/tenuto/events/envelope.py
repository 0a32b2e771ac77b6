"""CloudEvents 1.0.2 as HTTP brings them: structured, in batches, or in headers.

The JSON event format and the HTTP binding of the specification. An event that is not one is refused
with its place in the batch; the others go on.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from tenuto import values
from tenuto.errors import InputError

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
BATCH_MAX: Final = 1_000
TEXT_LENGTH_MAX: Final = 1_024

_NAME = re.compile(r"[a-z0-9]{1,40}")
_UNFIT = re.compile(r"[\x00-\x20\x7f-\x9f<>\"{}|\\^`]")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_CONTROL = re.compile(r"[\x00-\x1f]")
_INTEGER_MAX = 2**31
_PAYLOAD = frozenset({"data", "data_base64"})
_KNOWN = frozenset({"specversion", "id", "source", "type", "time", "subject", "datacontenttype"})
_batch = msgspec.json.Decoder(list[Any], float_hook=Decimal)
_single = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_any = msgspec.json.Decoder(float_hook=Decimal)
_canonical = msgspec.json.Encoder(order="sorted", decimal_format="number")


class Event(Struct, frozen=True):
    """A CloudEvent. `context` holds its attributes by name and its payload as `data`.

    `digest` is SHA-256 of its content, whatever the order of its members.
    """

    id: str
    source: str
    type: str
    context: dict[str, Any]
    digest: bytes


class EventRefused(Struct, frozen=True):
    """Something that is no CloudEvent; `code` is a problem code."""

    code: str
    message: str


class NoEvents(InputError):
    """A request whose body or headers hold no CloudEvents at all."""


def is_binary(headers: Mapping[str, str]) -> bool:
    """Tell whether an event is in the headers (HTTP binding, section 3.1)."""
    return "ce-specversion" in headers or "ce-id" in headers or "ce-type" in headers


def read_batch(body: bytes) -> list[Event | EventRefused]:
    """Return the events of a batch, in order. Raises `NoEvents` when it is no batch."""
    try:
        found = _batch.decode(body)
    except (msgspec.MsgspecError, ArithmeticError, ValueError, RecursionError) as error:
        raise NoEvents(f"expected a JSON array of CloudEvents: {error}") from None
    if len(found) > BATCH_MAX:
        raise NoEvents(f"expected at most {BATCH_MAX} events in a batch, got {len(found)}")
    return [read_event(raw) for raw in found]


def read_structured(body: bytes) -> Event | EventRefused:
    """Return the event of a JSON object. Raises `NoEvents` when it is none."""
    try:
        return read_event(_single.decode(body))
    except (msgspec.MsgspecError, ArithmeticError, ValueError, RecursionError) as error:
        raise NoEvents(f"expected a JSON object with a CloudEvent: {error}") from None


def read_binary(headers: Mapping[str, str], body: bytes) -> Event | EventRefused:
    """Return the event whose attributes are headers and whose payload is the body."""
    raw: dict[str, Any] = {}
    for name, value in headers.items():
        if name.startswith("ce-"):
            try:
                raw[name[3:]] = unquote(value.strip().strip('"'), errors="strict")
            except UnicodeDecodeError:
                return EventRefused(
                    "invalid-event", f"expected `{name}` to be percent-encoded UTF-8"
                )
    if "content-type" in headers:
        raw["datacontenttype"] = headers["content-type"]
    if body:
        raw["data_base64"] = base64.b64encode(body).decode()
    return read_event(raw)


def read_event(raw: Any) -> Event | EventRefused:
    """Return the event of parsed JSON, or why it is none."""
    if type(raw) is not dict:
        return _refused(f"expected an object, got {_kind(raw)}")
    if raw.get("specversion") != "1.0":
        return _refused(f'expected `specversion` to be "1.0", got {_shown(raw.get("specversion"))}')
    for name in ("id", "source", "type"):
        value = raw.get(name)
        if type(value) is not str or not 0 < len(value) <= TEXT_LENGTH_MAX:
            return _refused(
                f"expected `{name}` to be a text of 1 to {TEXT_LENGTH_MAX} characters, got "
                f"{_shown(value)}"
            )
    if _UNFIT.search(raw["source"]):
        return _refused(f"expected `source` to be a URI reference, got {_shown(raw['source'])}")
    try:
        context = _attributes(raw)
        if "time" in context:
            context["time"] = _instant(context["time"])
        context["data"] = _data(raw)
        digest = hashlib.sha256(_canonical.encode(raw)).digest()
    except InputError as error:
        return _refused(str(error))
    return Event(raw["id"], raw["source"], raw["type"], context, digest)


def _lacking(raw: dict[str, Any]) -> str | None:
    """Return what an event lacks of the required attributes, or nothing."""
    version = raw.get("specversion")
    if version != "1.0":
        return f"expected `specversion` to be `1.0`, got {_shown(version)}"
    for name in ("id", "source", "type"):
        value = raw.get(name)
        if type(value) is not str or not 0 < len(value) <= TEXT_LENGTH_MAX:
            return (
                f"expected `{name}` to be a text of 1 to {TEXT_LENGTH_MAX} characters, got "
                f"{_shown(value)}"
            )
    if _UNFIT.search(raw["source"]):
        return f"expected `source` to be a URI reference, got {_shown(raw['source'])}"
    return None


def _attributes(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the context attributes. Raises `InputError` for what is none (section 3.1)."""
    found: dict[str, Any] = {}
    for name, value in raw.items():
        if name in _PAYLOAD or value is None:
            continue
        if name not in _KNOWN and not _NAME.fullmatch(name):
            raise InputError(f"expected an attribute name of a-z and 0-9, got `{name[:60]}`")
        kind = type(value)
        if kind is str:
            if len(value) > TEXT_LENGTH_MAX * 8 or _CONTROL.search(value):
                raise InputError(f"expected `{name}` to be a text without control characters")
        elif kind is not bool and not (kind is int and -_INTEGER_MAX <= value < _INTEGER_MAX):
            raise InputError(
                f"expected `{name}` to be a text, a boolean or a 32-bit integer, got {_kind(value)}"
            )
        found[name] = value
    return found


def _instant(text: Any) -> values.Value:
    if type(text) is not str or not _RFC_3339.fullmatch(text):
        raise InputError(f"expected `time` to be an RFC 3339 timestamp, got {_shown(text)}")
    instant = values.parse_date_and_time(text.upper())
    if instant is None:
        raise InputError(f"expected `time` to be an instant that exists, got {_shown(text)}")
    return instant


def _data(raw: dict[str, Any]) -> Any:
    """Return the payload: JSON as data, text as text, anything else as base64 text."""
    if "data_base64" not in raw:
        return raw.get("data")
    if raw.get("data") is not None:
        raise InputError("expected `data` or `data_base64`, got both")
    text = raw["data_base64"]
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise InputError("expected `data_base64` to be base64") from None
    kind = str(raw.get("datacontenttype", "")).partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return _any.decode(content)
        except (msgspec.MsgspecError, ArithmeticError, ValueError, RecursionError) as error:
            raise InputError(f"expected the payload to be JSON: {error}") from None
    if kind.startswith("text/"):
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise InputError("expected the payload to be UTF-8 text") from None
    return text


def _refused(message: str) -> EventRefused:
    return EventRefused("invalid-event", message)


def _kind(value: Any) -> str:
    return {dict: "an object", list: "an array", type(None): "nothing"}.get(
        type(value), f"a {type(value).__name__}"
    )


def _shown(value: Any) -> str:
    if type(value) is str:
        return f"`{value[:60]}`" if len(value) <= TEXT_LENGTH_MAX else "a longer text"
    return _kind(value)
