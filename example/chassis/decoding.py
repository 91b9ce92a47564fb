"""Decode JSON in bounded time and memory, and distinguish malformed JSON from invalid values."""

import math
import re
from decimal import Decimal
from itertools import islice
from threading import Lock
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import inspect

from .values import dec_hook

T = TypeVar("T")
MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# Checks the syntax, but not the encoding, without building values.
SYNTAX = msgspec.json.Decoder(msgspec.Raw)
# msgspec refuses 5.0 as an integer, which JSON Schema allows.
NOT_AN_INTEGER = re.compile(r"Expected `[^`]*\bint\b[^`]*`, got `float`")
# msgspec takes 25 microseconds for a number such as 1e308 (CPython 3.11), and holds the GIL. If a
# body has more than MANY such numbers, Python converts its numbers. A body of at most SHORT bytes
# is always fast.
LARGE_EXPONENT = re.compile(rb"[\d.][eE][+-]?0*[1-9]\d\d\s*[,\]}]")
MANY, SHORT = 100, 2000
# A process decodes longer bodies one at a time, so that /health competes with only one of them for
# the GIL.
one_at_a_time = Lock()


class Decoder(Generic[T]):
    """Decode JSON to a type, strictly: a string is not converted to a number."""

    def __init__(self, kind: type[T]) -> None:
        self.type = kind
        self.decoder = msgspec.json.Decoder(kind, dec_hook=dec_hook)
        self.has_floats = has_floats(inspect.type_info(kind), set())

    def decode(self, raw: bytes) -> T:
        """Return the value; raise ValidationError or, if it is not JSON, an error in MALFORMED."""
        if len(raw) <= SHORT:
            return self.strict(raw)
        with one_at_a_time:
            return self.loose(raw) if self.has_floats and has_many(raw) else self.strict(raw)

    def strict(self, raw: bytes) -> T:
        try:
            return self.decoder.decode(raw)
        except msgspec.ValidationError as error:
            SYNTAX.decode(raw)  # msgspec stops at the first invalid value: check the rest
            raw.decode()
            if not NOT_AN_INTEGER.search(str(error)):
                raise
        return self.loose(raw)

    def loose(self, raw: bytes) -> T:
        """Return the value; convert floats with `number`."""
        return msgspec.convert(UNTYPED.decode(raw), self.type, str_keys=True, dec_hook=dec_hook)


def has_floats(info: Any, seen: set[int]) -> bool:
    """Return whether a type contains floats; `seen` has the ids of the types already visited."""
    if isinstance(info, tuple):
        return any(has_floats(each, seen) for each in info)
    if not isinstance(info, msgspec.Struct) or id(info) in seen:
        return False
    seen.add(id(info))
    parts = tuple(getattr(info, name) for name in info.__struct_fields__)
    is_float = isinstance(info, inspect.FloatType | inspect.AnyType | inspect.CustomType)
    return is_float or has_floats(parts, seen)


def has_many(raw: bytes) -> bool:
    return next(islice(LARGE_EXPONENT.finditer(raw), MANY, None), None) is not None


def number(text: str) -> int | float:
    """Convert a number with a point or exponent; return an int if it is whole and at most 2**64."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("Number out of range")
    if not value.is_integer() or abs(value) > 2**64:
        return value
    return int(value) if abs(value) < 2**53 else int(Decimal(text))  # beyond a float's precision


UNTYPED = msgspec.json.Decoder(float_hook=number)
