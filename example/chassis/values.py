"""Define types for request data; every datastore stores and returns their values unchanged.

The OpenAPI document shows their limits. `Annotated[Text, Meta(max_length=100)]` sets a limit of
your own; for numbers, write `Annotated[int, Meta(ge=1, le=30)]` instead of Int64.
"""

import math
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, inspect, structs

ZONED = Annotated[datetime, Meta(tz=True)]
# With an offset, a time on the first or the last day may be outside the years 1 to 9999 in UTC.
YEARS = "^(?!0000|(0001-01-01|9999-12-31).*[+-])"
AMOUNT = r"^-?(0|[1-9][0-9]{0,10})(\.[0-9]{1,4})?$"
# Types with values that datastores cannot store or Python cannot compute, and their replacements.
REFUSED: dict[type, str] = {
    inspect.DateTimeType: "use chassis.Time",
    inspect.DecimalType: "use chassis.Money",
    inspect.TimeDeltaType: "use seconds, such as Annotated[int, Meta(ge=0, le=86_400)]",
}


class FromText(type):
    """Metaclass of types that are strings in JSON; `read` converts a string to type `made`."""

    made: type
    read: Any

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.made)


class AnyTime(metaclass=FromText):
    made = datetime

    @staticmethod
    def read(text: str) -> datetime:
        time: datetime = msgspec.convert(text, ZONED)
        try:
            return time.astimezone(UTC)
        except OverflowError:
            raise ValueError("Expected a time in the years 1 to 9999 of UTC") from None


class AnyMoney(metaclass=FromText):
    made = Decimal

    @staticmethod
    def read(text: str) -> Decimal:
        if not re.fullmatch(AMOUNT, text):
            raise ValueError(f"Expected `str` matching regex '{AMOUNT}'")
        return shortest(Decimal(text))


if TYPE_CHECKING:
    Time: TypeAlias = datetime
    Money: TypeAlias = Decimal
else:
    # A time with an offset, converted to UTC.
    Time = Annotated[
        AnyTime,
        Meta(extra_json_schema={"type": "string", "format": "date-time", "pattern": YEARS}),
    ]
    # A number with up to four digits after the point, exact: callers send text, such as "12.50".
    Money = Annotated[
        AnyMoney,
        Meta(extra_json_schema={"type": "string", "format": "decimal", "pattern": AMOUNT}),
    ]
# A string without NUL: JSON allows NUL, but not every datastore can store it. The limit is in the
# pattern, because msgspec refuses a second max_length.
Text = Annotated[
    str, Meta(pattern="^[^\\u0000]{0,10000}$", extra_json_schema={"maxLength": 10_000})
]
Date = Annotated[date, Meta(extra_json_schema={"pattern": "^(?!0000)"})]
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1, extra_json_schema={"format": "int64"})]
# A finite number. In a query, msgspec would accept nan and inf.
Float = Annotated[
    float,
    Meta(
        ge=-1.7976931348623157e308,
        le=1.7976931348623157e308,
        extra_json_schema={"format": "double"},
    ),
]


def shortest(number: Decimal) -> Decimal:
    """Return an equal number whose text is the shortest: 1.1 for 1.10, and 100 for 1E+2."""
    whole = number == number.to_integral_value()
    return (number.quantize(Decimal(1)) if whole else number.normalize()) + 0  # no -0


def dec_hook(kind: Any, value: Any) -> Any:
    """Convert a value to a type of this module, for msgspec."""
    if not isinstance(kind, FromText):
        raise ValueError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")
    if isinstance(value, kind):
        return value
    if not isinstance(value, str):
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
    try:
        return kind.read(value)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None  # so that msgspec adds the path


def is_storable(value: Any) -> bool:
    """Return whether datastores can store a path parameter: no NUL, no NaN, at most 64 bits."""
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def not_finite(parameters: Any) -> Iterator[str]:
    """Yield the names of parameters that are NaN or infinite, which msgspec accepts as text."""
    if isinstance(parameters, msgspec.Struct) and all(
        isinstance(value, str | int) for value in structs.astuple(parameters)
    ):
        return  # most parameters have no float: skip the slow check
    for name, value in msgspec.to_builtins(parameters, enc_hook=bool).items():
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, float) and not math.isfinite(each):
                yield name


def refused(kind: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield the fields of a type whose own types are in REFUSED, each with its correction."""
    todo: list[tuple[str, Any]] = [(name, inspect.type_info(kind))]
    seen = set()
    while todo:
        name, info = todo.pop()
        if type(info) in REFUSED:
            yield name, REFUSED[type(info)]
        if id(info) not in seen:
            seen.add(id(info))
            for part in map(info.__getattribute__, info.__struct_fields__):
                for each in part if isinstance(part, tuple) else (part,):
                    if isinstance(each, inspect.Type | inspect.Field):
                        todo.append((getattr(each, "encode_name", name), each))
