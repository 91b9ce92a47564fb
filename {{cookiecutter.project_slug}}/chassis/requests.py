"""Convert a request to the types that a view declares; report each fault and its place."""

import math
import re
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from flask import request
from msgspec import UNSET, structs
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    NotFound,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)

from .errors import Fault, Invalid
from .values import dec_hook, is_storable, not_finite

T = TypeVar("T")


def read_body(decoder: msgspec.json.Decoder[T], media_type: str) -> T:
    """Decode the request's body; nothing else reads it."""
    if request.mimetype != media_type:
        raise UnsupportedMediaType(f"The Content-Type must be {media_type}.")
    limit = request.max_content_length or 0
    request.max_content_length = limit + 1  # Werkzeug truncates chunked bodies without an error
    try:
        raw = request.get_data(cache=False)
    except HTTPException:
        raise
    except Exception as error:  # gunicorn's own, for a broken body, such as bad chunks
        raise BadRequest("The body could not be read to its end.") from error
    if len(raw) > limit:
        raise RequestEntityTooLarge
    if len(raw) < (request.content_length or 0):
        raise BadRequest("The body is shorter than its Content-Length.")
    try:
        try:
            return decoder.decode(raw)
        except msgspec.ValidationError:
            # msgspec stops at the first fault, although the JSON after it may be malformed. It also
            # refuses 5.0 as an integer, which JSON Schema allows. So decode again before refusing.
            return msgspec.convert(
                UNTYPED.decode(raw), decoder.type, str_keys=True, dec_hook=dec_hook
            )
    except msgspec.ValidationError as error:
        detail, place = fault_of(error)
        raise Invalid(Fault(detail, pointer=pointer_to(place))) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from error


def read_path(value: Any, kind: type[T]) -> T:
    """Convert a path parameter; raise 404 if it is invalid."""
    try:
        made = msgspec.convert(value, kind, strict=False, dec_hook=dec_hook)
    except msgspec.ValidationError as error:
        raise NotFound from error
    if not is_storable(made):
        raise NotFound
    return made


def read_query(kind: type[T], lists: set[str]) -> T:
    """Convert the query string; only a parameter named in `lists` may be repeated."""
    given = {
        name: values if name in lists or len(values) > 1 else values[0]
        for name, values in request.args.lists()
    }
    return read_parameters(given, kind)


def read_headers(kind: type[T]) -> T:
    """Convert the headers that a type names; ignore the others."""
    names = [field.encode_name for field in structs.fields(kind)]  # type: ignore[arg-type]
    headers = request.headers
    return read_parameters({name: headers[name] for name in names if name in headers}, kind)


def read_parameters(given: dict[str, Any], kind: type[T]) -> T:
    try:
        made = msgspec.convert(given, kind, strict=False, dec_hook=dec_hook)
    except msgspec.ValidationError as error:
        detail, place = fault_of(error)
        raise Invalid(Fault(detail, parameter=place[0] if place else UNSET)) from error
    for name in not_finite(made):
        raise Invalid(Fault("Expected a finite number", parameter=name))
    return made


def lists_of(query: type) -> set[str]:
    """Return the names of the parameters that may be repeated: those whose schema is an array."""
    schema = msgspec.json.schema(query)
    properties = schema["$defs"][schema["$ref"].rpartition("/")[2]]["properties"]
    return {
        name
        for name, kind in properties.items()
        if "array" in [each.get("type") for each in [kind, *kind.get("anyOf", [])]]
    }


def number(text: str) -> int | float:
    """Convert a number with a point or an exponent; return an int if it is whole."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("Number out of range")
    if not value.is_integer():
        return value
    return int(value) if abs(value) < 2**53 else int(Decimal(text))  # beyond a float's precision


UNTYPED = msgspec.json.Decoder(float_hook=number)


def pointer_to(place: list[str]) -> str:
    """Return a JSON pointer: https://www.rfc-editor.org/rfc/rfc6901."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in place)


def fault_of(error: msgspec.ValidationError) -> tuple[str, list[str]]:
    """Split msgspec's message into what is wrong and the path to it, if it names one.

    "Expected `int`, got `str` - at `$.rows[0].n`": "Expected `int`, got `str`", ["rows", "0", "n"].
    """
    text, path = str(error), ""
    if at := re.fullmatch(r"(.*) - at (?:`key` in )?`\$([^`]*)`", text, re.DOTALL):
        text, path = at.groups()
    known, unknown, _ = path.partition("[...]")  # msgspec does not name the key of a dict
    place = re.findall(r"[^.\[\]]+", known)
    if unknown:
        return text, place
    if field := re.fullmatch(
        r"Object (?:missing required|contains unknown) field `(.*)`", text, re.DOTALL
    ):
        place.append(field[1])
    return text, place
