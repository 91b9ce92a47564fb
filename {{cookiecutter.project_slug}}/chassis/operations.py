"""A view's signature is its contract: what it takes and returns, in type annotations."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from flask import Response

from .checks import read_signature, refuse
from .errors import Error
from .requests import lists_of, read_body, read_headers, read_path, read_query

V = TypeVar("V", bound=Callable[..., Any])


class Input(msgspec.Struct, forbid_unknown_fields=True):
    """The base of what a caller sends, as a body or a query: an unknown field is refused."""


def operation(
    status: int = 200,
    headers: Mapping[str, Callable[[Any], str]] | None = None,
    errors: Sequence[type[Error]] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Make a view of a function whose annotations declare what it takes and returns.

    - `body: T`: the JSON body, converted strictly ("5" is not a number); 400, 413, 415 or 422 if
      that fails;
    - `query: T`: the query string, converted from text ("5" is a number); 422 if that fails;
    - `headers: T`: the headers that T names, converted in the same way;
    - any other parameter comes from the path; 404 if it cannot be converted;
    - `-> T`: the JSON response, sent with `status`; `-> None`: no content; `-> flask.Response`:
      sent unchanged; the document shows only the status.

    `headers` maps names of response headers to functions that make them from the returned value.
    `errors` are the error types that the view raises. The first line of the docstring is the
    operation's summary in the document. Raises TypeError, when the module is imported, for a
    signature that cannot work.
    """
    made = headers or {}
    if callable(status):
        raise refuse(status, "write @operation(), with parentheses")
    for error in errors:
        if not hasattr(error, "model"):
            raise TypeError(f"@operation(errors=…): {error!r} is not a subclass of chassis.Error")

    def decorate(function: Callable[..., Any]) -> Callable[..., Response]:
        hints = read_signature(function)
        body = msgspec.json.Decoder(hints["body"]) if "body" in hints else None
        query = hints.get("query")
        lists = lists_of(query) if query else set()

        @functools.wraps(function)
        def view(**arguments: Any) -> Response:
            for name, value in arguments.items():
                arguments[name] = read_path(value, hints[name])
            if body:
                arguments["body"] = read_body(body)
            if query:
                arguments["query"] = read_query(query, lists)
            if "headers" in hints:
                arguments["headers"] = read_headers(hints["headers"])
            returned = function(**arguments)
            if isinstance(returned, Response):
                return returned
            if returned is None:
                response = Response(status=status)
                del response.headers["Content-Type"]
                return response
            response = Response(msgspec.json.encode(returned), status, mimetype="application/json")
            for header, make in made.items():
                response.headers[header] = make(returned)
            return response

        # For the document and for chassis/checks.py.
        vars(view).update(status=status, hints=hints, headers=made, errors=errors)
        vars(function).update(operation=view)
        return view

    return decorate


def undocumented(view: V) -> V:
    """Mark a view that is served, but is meant to be missing from the document.

    For a view that is not yours: `undocumented(app.view_functions["blueprint.static"])`.
    """
    if isinstance(view, type):
        raise refuse(view, "it is a class: set `decorators = [undocumented]` in it")
    vars(view).update(undocumented=True)
    return view
