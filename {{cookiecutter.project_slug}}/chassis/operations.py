"""Declare what a view takes and returns, in the type annotations of its function."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from flask import Response
from werkzeug.exceptions import HTTPException

from .checks import check_options, read_signature
from .content import Content, body_of, show
from .mistakes import mark, plain, refuse
from .readers import reader_of
from .requests import lists_of, read_headers, read_path, read_query
from .responses import Headers, Responses
from .security import Scheme, require

V = TypeVar("V", bound=Callable[..., Any])


class Input(msgspec.Struct, forbid_unknown_fields=True):
    """Base class for request bodies and queries. An unknown field is refused with 422."""


@dataclass(frozen=True)
class Operation:
    """A view's declaration, from which the OpenAPI document is made."""

    takes: dict[str, Any]  # the type of each parameter of the view
    body: Content | None
    examples: dict[str, Any]  # of the body; empty, or with the key `examples`
    responses: Responses
    errors: Sequence[Any]  # statuses and error types
    openapi: dict[str, Any]  # merged into the operation's description


def operation(
    status: int | None = None,
    headers: Headers | None = None,
    errors: Sequence[int | type[HTTPException]] = (),
    security: Scheme[Any] | Sequence[Scheme[Any]] | None = None,
    *,
    operation_id: str = "",
    tags: Sequence[str] = (),
    deprecated: bool = False,
    examples: Mapping[str, Any] | None = None,
    document: bool = True,
    openapi: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Make a view from a function whose annotations declare its parameters and its response.

    Parameters:

    - `body: T`: the JSON body, converted strictly ("5" is not a number); 400, 413, 415 or 422 if
      that fails. If T is a Patch, the body is a JSON Merge Patch. With `T | None`, it is optional;
    - `body: Annotated[T, Media("text/csv")]`: a body of this type. T is `str` (UTF-8), `bytes` or
      `IO[bytes]` (read while it arrives). For a form, T is a Struct, with an Upload for each file.
      For JSON of another media type, T is any type;
    - `query: T`: the query string, converted from text ("5" is a number); 422 if that fails;
    - `headers: T`: the headers that T names, converted in the same way;
    - any other parameter comes from the path; 404 if it cannot be converted.

    Return annotations:

    - `-> T`: JSON, sent with `status`, or 200; `-> None`: no content, 204;
    - `-> tuple[T, Literal[202]]`: JSON with this status, for `return value, 202`;
    - `-> tuple[T, Literal[201], dict[str, str]]`: also with headers. A union of these is allowed;
    - `-> Annotated[T, Media("text/csv")]`: T is `str`, `bytes`, `Path` (a file, or a part of it),
      `Iterator[str]` or `Iterator[bytes]` (a stream; the view may yield). For JSON, T is any type;
    - `-> flask.Response`: sent unchanged. The document shows only the status, and the media types
      of `Annotated[Response, Media("image/png")]`.

    Arguments of the decorator:

    - `headers`: response headers, each with a function that makes it from the returned value. If
      the function is annotated as `-> str | None`, the header is optional;
    - `errors`: the errors that the view raises: a status, or a subclass of Error;
    - `security`: a caller needs credentials for one of these schemes; by default, the schemes of
      the blueprint or the application (chassis/security.py);
    - `examples`: bodies, by name; `operation_id`, `tags` and `deprecated` as in OpenAPI;
    - `openapi`: other fields of the operation in OpenAPI, merged into its description as a JSON
      Merge Patch; `document=False` leaves the operation out.

    The first line of the docstring is the operation's summary, and the rest is its description.
    Raises TypeError, when the module is imported, for a declaration that is not supported.
    """
    if callable(status):
        raise refuse(status, "write @operation(), with parentheses")

    def decorate(function: Callable[..., Any]) -> Callable[..., Response]:
        takes, returns = read_signature(function)
        check_options(function, status, headers or {}, errors)
        responses = Responses(function, returns, status, headers or {})
        body = body_of(function, takes["body"]) if "body" in takes else None
        read_body = reader_of(body) if body else None
        query, header_type = takes.get("query"), takes.get("headers")
        lists = lists_of(query) if query else set()

        @functools.wraps(function)
        def view(**arguments: Any) -> Response:
            for name, value in arguments.items():
                arguments[name] = read_path(value, takes[name])
            if read_body:
                arguments["body"] = read_body()
            if query:
                arguments["query"] = read_query(query, lists)
            if header_type:
                arguments["headers"] = read_headers(header_type)
            return responses.make(function(**arguments))

        own = {"operationId": operation_id, "tags": list(tags), "deprecated": deprecated}
        described = {name: value for name, value in own.items() if value}
        described |= plain(function, "openapi", openapi or {})
        if isinstance(tags, str):
            raise refuse(function, f"`tags` is a string: write [{tags!r}]")
        takes |= {"body": body.shown} if body else {}
        shown = show(function, takes.get("body"), examples or {})
        made = view if security is None else require(view, security)
        # For the document and for chassis/checks.py.
        declared = Operation(takes, body, shown, responses, errors, described)
        vars(made).update(operation=declared)
        vars(made).pop("is_wrapped", None)
        vars(function).update(is_wrapped=True)
        return made if document else undocumented(made)

    return decorate


def undocumented(view: V) -> V:
    """Mark a view that is served, but not shown in the OpenAPI document.

    For a view of an extension: `undocumented(app.view_functions["blueprint.static"])`.
    """
    return mark(view, "undocumented", undocumented=True)
