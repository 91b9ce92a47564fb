"""A view's signature is its contract: what it takes and gives, in type annotations."""

import functools
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar, get_type_hints

import msgspec
from flask import Response, request
from msgspec import UNSET
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, UnsupportedMediaType

from .errors import Fault, Invalid

T = TypeVar("T")


class Input(msgspec.Struct, forbid_unknown_fields=True):
    """The base of what a caller sends, as a body or a query: a field it does not have is refused."""


def operation(status: int = 200) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Make a view of a function whose annotations say what it takes and gives.

    - `body: T`: the JSON body, converted strictly ("5" is no number); 400, 413, 415 or 422 if not;
    - `query: T`: the query string, converted from text ("5" is a number); 422 if not;
    - any other parameter comes from the path;
    - `-> T`: the JSON answer, sent with `status`; `-> None`: no content; `-> flask.Response`:
      sent as it is, and not described in the document.

    The first line of its docstring is the operation's summary in the document.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Response]:
        hints = get_type_hints(function, include_extras=True)
        body = msgspec.json.Decoder(hints["body"]) if "body" in hints else None
        query = hints.get("query")
        lists = lists_of(query) if query else set()
        if hints["return"] is Response:
            hints["return"] = type(None)

        @functools.wraps(function)
        def view(**arguments: Any) -> Response:
            for name, value in arguments.items():
                arguments[name] = read_path(value, hints[name])
            if body:
                arguments["body"] = read_body(body)
            if query:
                arguments["query"] = read_query(query, lists)
            answer = function(**arguments)
            if isinstance(answer, Response):
                return answer
            if answer is None:
                response = Response(status=status)
                del response.headers["Content-Type"]
                return response
            return Response(msgspec.json.encode(answer), status, mimetype="application/json")

        vars(view).update(status=status, hints=hints)  # for the document
        return view

    return decorate


def read_body(decoder: msgspec.json.Decoder[T]) -> T:
    """Decode the request's body; the one place where it is read."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("The Content-Type must be application/json.")
    try:
        raw = request.get_data(cache=False)
        request.stream.read(1)  # Werkzeug cuts chunks off at the limit; reading on is the 413
    except HTTPException:
        raise
    except Exception as error:  # the server's own, when the body is broken on its way: bad chunks
        raise BadRequest("The body could not be read to its end.") from error
    if len(raw) < (request.content_length or 0):
        raise BadRequest("The body is shorter than its Content-Length.")
    try:
        try:
            return decoder.decode(raw)
        except msgspec.ValidationError:
            # msgspec stops at the first fault, behind which the JSON may be broken, and takes 5.0
            # for no integer, which it is in JSON Schema. So a second look, before the refusal.
            return msgspec.convert(UNTYPED.decode(raw), decoder.type, str_keys=True)
    except msgspec.ValidationError as error:
        detail, place = fault_of(error)
        pointer = "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in place)
        raise Invalid(Fault(detail, pointer=pointer)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON that can be read: {error}.") from error


def read_path(value: Any, kind: type[T]) -> T:
    """Convert a part of the path; what its type does not allow is not found."""
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise NotFound from error


def read_query(kind: type[T], lists: set[str]) -> T:
    """Convert the query string; only a parameter named in `lists` may be repeated."""
    given = {
        name: values if name in lists or len(values) > 1 else values[0]
        for name, values in request.args.lists()
    }
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        detail, place = fault_of(error)
        raise Invalid(Fault(detail, parameter=place[0] if place else UNSET)) from error


def lists_of(query: type) -> set[str]:
    """Give the names of the parameters that may be repeated: those whose schema is an array's."""
    schema = msgspec.json.schema(query)
    properties = schema["$defs"][schema["$ref"].rpartition("/")[2]]["properties"]
    return {
        name
        for name, kind in properties.items()
        if "array" in [each.get("type") for each in [kind, *kind.get("anyOf", [])]]
    }


def number(text: str) -> int | float:
    """Read a number that has a point or an exponent: a whole one is an integer."""
    value, exact = float(text), Decimal(text)
    if not math.isfinite(value):
        raise ValueError("Number out of range")
    return int(exact) if exact == exact.to_integral_value() else value


UNTYPED = msgspec.json.Decoder(float_hook=number)


def fault_of(error: msgspec.ValidationError) -> tuple[str, list[str]]:
    """Split msgspec's message into what is wrong and the path to it, as far as it names one.

    "Expected `int`, got `str` - at `$.rows[0].n`": "Expected `int`, got `str`", ["rows", "0", "n"].
    """
    text, path = str(error), ""
    if at := re.fullmatch(r"(.*) - at (?:`key` in )?`\$([^`]*)`", text, re.DOTALL):
        text, path = at.groups()
    place = re.findall(r"[^.\[\]]+", path.partition("[...]")[0])
    if field := re.fullmatch(
        r"Object (?:missing required|contains unknown) field `(.*)`", text, re.DOTALL
    ):
        place.append(field[1])
    return text, place
