"""Convert a request to the types that a view declares; report the first fault and its place."""

from typing import Any, TypeVar

import msgspec
from flask import request
from msgspec import UNSET, structs
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, NotFound

from .decoding import MALFORMED, Decoder
from .errors import FAULT, Fault, Invalid, cut
from .faults import fault_of, pointer_to
from .media import schema_of
from .values import dec_hook, is_storable, not_finite

T = TypeVar("T")
# Python's own messages name a place in a string, or Python's limit, but not these reasons.
REASONS = {UnicodeDecodeError: "it is not in UTF-8", RecursionError: "it is nested too deeply"}


def read_body(decoder: Decoder[T]) -> T:
    """Decode the request's JSON body. The body is not cached, because nothing else reads it."""
    raw = request.get_data(cache=False)
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        detail, place = fault_of(error, decoder.type)
        raise Invalid(Fault(detail, pointer=pointer_to(place))) from error
    except MALFORMED as error:
        why = REASONS.get(type(error), error) if raw else "it is empty"
        raise BadRequest(f"The body is not valid JSON: {why}.") from error


def read_path(value: Any, kind: type[T]) -> T:
    """Convert a path parameter; raise 404 if it is invalid."""
    try:
        made = msgspec.convert(value, kind, strict=False, dec_hook=dec_hook)
    except msgspec.ValidationError as error:
        why = cut(fault_of(error, kind)[0], FAULT)  # it can repeat the value
        raise NotFound(f"A value in the path is invalid: {why}.") from error
    if not is_storable(made):
        raise NotFound("A value in the path is invalid: it cannot be stored.")
    return made


def read_query(kind: type[T], lists: set[str]) -> T:
    """Convert the query string; only a parameter named in `lists` may be repeated."""
    return read_parameters(single(request.args, lists), kind)


def single(given: MultiDict[str, Any], lists: set[str]) -> dict[str, Any]:
    """Return values by name: a list if the name is in `lists`, or was given more than once."""
    return {
        name: values if name in lists or len(values) > 1 else values[0]
        for name, values in given.lists()
    }


def read_headers(kind: type[T]) -> T:
    """Convert the headers that a type names; ignore the others."""
    names = [field.encode_name for field in structs.fields(kind)]  # type: ignore[arg-type]
    headers = request.headers
    return read_parameters({name: headers[name] for name in names if name in headers}, kind)


def read_parameters(given: dict[str, Any], kind: type[T]) -> T:
    try:
        made = msgspec.convert(given, kind, strict=False, dec_hook=dec_hook)
    except msgspec.ValidationError as error:
        detail, place = fault_of(error, kind)
        raise Invalid(Fault(detail, parameter=place[0] if place else UNSET)) from error
    for name in not_finite(made):
        raise Invalid(Fault("Expected a finite number", parameter=name))
    return made


def lists_of(query: type) -> set[str]:
    """Return the names of the parameters that may be repeated: those whose schema is an array."""
    schema = msgspec.json.schema(query, schema_hook=schema_of)
    properties = schema["$defs"][schema["$ref"].rpartition("/")[2]]["properties"]
    return {
        name
        for name, kind in properties.items()
        if "array" in [each.get("type") for each in [kind, *kind.get("anyOf", [])]]
    }
