"""What goes into a workflow and comes out of its steps, as bytes and back by annotation.

The bytes are those of `tenuto.values`, with floats and bytes kept as Python has them. Dataclasses,
`msgspec` structs and pydantic models become dicts; their annotation makes them what they were.
"""

from __future__ import annotations

import dataclasses
import enum
import typing
from collections.abc import Callable, Mapping, Set
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import PurePath
from typing import Any, Final

import msgspec

from tenuto import values
from tenuto.errors import InputError, ValueRefused
from tenuto.values.codec import EXT_BYTES, EXT_FLOAT
from tenuto.workflows.chance import UUID

DEPTH_MAX: Final = 64
_NATIVE: Final = frozenset((str, int, bool, type(None)))
_TEMPORAL: Final = (datetime, date, time, timedelta, Decimal)
_TIMES: Final = (datetime, date, time, timedelta)
_TEXT: Final = (str, str | None)
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
_encode: Final = msgspec.msgpack.Encoder().encode


def encode(value: object, *, where: str) -> bytes:
    """Return the bytes of plain data, dataclasses, structs and models.

    Raises `ValueRefused` with the path from `where` for anything else.
    """
    try:
        data = _encode(value if type(value) in _NATIVE else _pack(value, where, 0))
    except OverflowError:
        data = _encode(_pack(value, where, 0))
    except UnicodeEncodeError as error:
        raise ValueRefused(
            f"{where}: expected Unicode text, but a string holds a lone surrogate"
        ) from error
    if len(data) > values.ENCODED_BYTES_MAX:
        raise ValueRefused(
            f"{where}: expected at most {values.ENCODED_BYTES_MAX} bytes, but it has {len(data)}; "
            "keep the content elsewhere and its reference here"
        )
    return data


def _pack(value: Any, where: str, depth: int) -> Any:
    kind = type(value)
    if kind in _NATIVE:
        if kind is int and not _INT_MIN <= value <= _INT_MAX:
            return _decoded_parts(value)
        return value
    if depth > DEPTH_MAX:
        raise ValueRefused(f"{where}: expected at most {DEPTH_MAX} levels, but it has more")
    for kinds, pack in _PACKERS:
        if isinstance(value, kinds):
            return pack(value, where, depth)
    fields = _fields_of(value)
    if fields is None:
        raise ValueRefused(
            f"{where}: expected plain data, a dataclass, a struct or a model, but it is a "
            f"{kind.__name__}; return what describes it, or keep it elsewhere"
        )
    return _pack_mapping(fields, where, depth)


def _pack_mapping(value: Mapping[str, Any], where: str, depth: int) -> Any:
    return {_key(key, where): _pack(one, f"{where}.{key}", depth + 1) for key, one in value.items()}


def _pack_many(value: Any, where: str, depth: int) -> Any:
    return [_pack(one, f"{where}[{place}]", depth + 1) for place, one in enumerate(value)]


_PACKERS: Final[tuple[tuple[Any, Callable[[Any, str, int], Any]], ...]] = (
    (Mapping, _pack_mapping),
    ((list, tuple, Set), _pack_many),
    (enum.Enum, lambda value, where, depth: _pack(value.value, where, depth + 1)),
    (float, lambda value, *_: msgspec.msgpack.Ext(EXT_FLOAT, repr(float(value)).encode())),
    ((bytes, bytearray), lambda value, *_: msgspec.msgpack.Ext(EXT_BYTES, bytes(value))),
    (_TEMPORAL, lambda value, *_: _decoded_parts(values.from_python(value))),
    ((*values.TEMPORAL_TYPES, values.Range), lambda value, *_: _decoded_parts(value)),
    ((UUID, PurePath), lambda value, *_: str(value)),
    (str, lambda value, *_: str(value)),
    (int, lambda value, *_: int(value)),
)


def _decoded_parts(value: Any) -> Any:
    """Return what msgspec writes as a value's own bytes."""
    return msgspec.Raw(values.encode(value))


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise ValueRefused(f"{where}: expected text as a key, but it is {key!r}")
    return str(key)


def _fields_of(value: Any) -> Mapping[str, Any] | None:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, msgspec.Struct):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    dump = getattr(value, "model_dump", None)  # pydantic
    if callable(dump):
        fields: dict[str, Any] = dump()
        return fields
    item = getattr(value, "item", None)  # a numpy scalar
    if callable(item) and getattr(value, "shape", None) == ():
        raise ValueRefused(f"expected plain data, but it is a {type(value).__name__}: call .item()")
    return None


def _unpack(code: int, data: memoryview) -> object:
    if code == EXT_FLOAT:
        return float(bytes(data))
    if code == EXT_BYTES:
        return bytes(data)
    value = values.decode(_encode(msgspec.msgpack.Ext(code, bytes(data))))
    return values.to_python(value)


_decode: Final = msgspec.msgpack.Decoder(ext_hook=_unpack).decode


def decode(data: bytes, kind: Any = Any, *, where: str = "a value") -> Any:
    """Return what bytes hold, as an annotation says.

    Raises `InputError` when the annotation does not fit.
    """
    plain = _decode(data)
    if kind is Any or _is_plain_kind(kind):
        return plain
    try:
        validate = getattr(kind, "model_validate", None)  # pydantic
        if validate is not None:
            return validate(plain)
        return msgspec.convert(plain, kind, strict=False, builtin_types=_TEMPORAL)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise InputError(
            f"{where}: expected {getattr(kind, '__name__', kind)}, got {plain!r:.200}: {error}"
        ) from error


def decode_argument(data: bytes, kind: Any, *, where: str) -> Any:
    """Return an argument as its annotation says; a parameter that is text takes a date, time or
    duration as its ISO 8601 text, such as the `scheduled_at` of a schedule.

    Raises `InputError` when the annotation does not fit.
    """
    if kind in _TEXT and isinstance(_decode(data), _TIMES):
        return str(values.decode(data))
    return decode(data, kind, where=where)


@lru_cache(maxsize=4096)
def _is_plain_kind(kind: Any) -> bool:
    """Tell whether decoded data of this annotation is what it should be already."""
    return (
        kind in (None, type(None), str, int, bool, dict, list, object, bytes)
        or isinstance(kind, typing.TypeVar)
        or (
            typing.get_origin(kind) in (dict, list)
            and all(_is_plain_kind(one) or one is Any for one in typing.get_args(kind))
        )
    )


def pack_update(id: str, value: bytes) -> bytes:
    """Return an update as it travels: its id beside its encoded value."""
    return encode([id, value], where="update")


def unpack_update(data: bytes) -> tuple[str, bytes]:
    """Return the id and the encoded value of an update."""
    id, value = decode(data)
    return str(id), bytes(value)
