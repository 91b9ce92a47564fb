"""A view's signature is its contract: what it takes and gives, in type annotations."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import msgspec
from flask import Response

from .parsing import lists_of, read_body, read_headers, read_path, read_query


class Input(msgspec.Struct, forbid_unknown_fields=True):
    """The base of what a caller sends, as a body or a query: a field it does not have is refused."""


def operation(
    status: int = 200, headers: Mapping[str, Callable[[Any], str]] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Make a view of a function whose annotations say what it takes and gives.

    - `body: T`: the JSON body, converted strictly ("5" is no number); 400, 413, 415 or 422 if not;
    - `query: T`: the query string, converted from text ("5" is a number); 422 if not;
    - `headers: T`: the headers that T names, converted in the same way;
    - any other parameter comes from the path;
    - `-> T`: the JSON answer, sent with `status`; `-> None`: no content; `-> flask.Response`:
      sent as it is, and not described in the document.

    `headers` gives, by name, functions that make headers of the answer.
    The first line of its docstring is the operation's summary in the document.
    """

    made = headers or {}

    def decorate(function: Callable[..., Any]) -> Callable[..., Response]:
        hints = get_type_hints(function, include_extras=True)
        body = msgspec.json.Decoder(hints["body"]) if "body" in hints else None
        query = hints.get("query")
        lists = lists_of(query) if query else set()
        if hints.get("return") is Response:
            hints["return"] = type(None)
        for kind in hints.values():  # msgspec must not see a type first in two threads at a time
            msgspec.json.Decoder(kind)

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
            answer = function(**arguments)
            if isinstance(answer, Response):
                return answer
            if answer is None:
                response = Response(status=status)
                del response.headers["Content-Type"]
                return response
            response = Response(msgspec.json.encode(answer), status, mimetype="application/json")
            for header, make in made.items():
                response.headers[header] = make(answer)
            return response

        vars(view).update(status=status, hints=hints, headers=made)  # for the document
        return view

    return decorate
