"""Variable values: what a process may hold, how it is kept, and how Python sees it.

A `Value` is None, a bool, an int, a `Decimal`, a str, one of the temporal values, a `Range`, a list
of values or a dict from text to values. A float is never a value; `from_python` turns one into the
decimal of its shortest text.
"""

from tenuto.values.check import (
    DEPTH_MAX,
    ENCODED_BYTES_MAX,
    KEY_LENGTH_MAX,
    NUMBER_DIGITS_MAX,
    check_form,
    check_value,
    encode_checked,
)
from tenuto.values.codec import (
    Number,
    Value,
    decode,
    encode,
    encode_together,
    simplify_number,
)
from tenuto.values.convert import from_python, to_python
from tenuto.values.iso import (
    parse_date,
    parse_date_and_time,
    parse_duration,
    parse_temporal,
    parse_time,
)
from tenuto.values.json import dumps, from_json, loads, to_json
from tenuto.values.range import Range
from tenuto.values.temporal import (
    TEMPORAL_TYPES,
    Date,
    DateAndTime,
    DaysTimeDuration,
    Temporal,
    Time,
    YearsMonthsDuration,
    Zone,
)

__all__ = [
    "DEPTH_MAX",
    "ENCODED_BYTES_MAX",
    "KEY_LENGTH_MAX",
    "NUMBER_DIGITS_MAX",
    "TEMPORAL_TYPES",
    "Date",
    "DateAndTime",
    "DaysTimeDuration",
    "Number",
    "Range",
    "Temporal",
    "Time",
    "Value",
    "YearsMonthsDuration",
    "Zone",
    "check_form",
    "check_value",
    "decode",
    "dumps",
    "encode",
    "encode_checked",
    "encode_together",
    "from_json",
    "from_python",
    "loads",
    "parse_date",
    "parse_date_and_time",
    "parse_duration",
    "parse_temporal",
    "parse_time",
    "simplify_number",
    "to_json",
    "to_python",
]
