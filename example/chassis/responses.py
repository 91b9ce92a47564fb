"""Make a response from a view's return value: a value, or a tuple with its status and headers."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from http import HTTPStatus
from operator import or_
from typing import Any, Literal, get_args, get_origin

import msgspec
from flask import Response
from werkzeug import Response as BaseResponse

from .checks import bare, check_type, members
from .content import Content, response_of
from .mistakes import refuse
from .streams import respond, revalidate

EMPTY = {204, 205, 304}  # no content: https://www.rfc-editor.org/rfc/rfc9110#section-6.4.1
# Flask accepts tuples with these types after the value, but they do not name the status.
NO_STATUS = (int, HTTPStatus, dict, Mapping)
Headers = Mapping[str, Callable[[Any], str | None]]


class Responses:
    """The success responses of an operation.

    `types` has the type of the content for each status: NoneType for no content, Response for a
    response that the view makes itself. A value that is returned without a status gets `status`.
    """

    def __init__(
        self, function: Callable[..., Any], hint: Any, status: int | None, headers: Headers
    ) -> None:
        """Read a function's return annotation; raise TypeError if it is not supported."""
        plain, paired = split(function, hint)
        if Response in map(bare, sum(paired.values(), plain)) and (plain[1:] or paired):
            fix = "write `-> flask.Response` alone, or `tuple[T, Literal[201]]` for a status"
            raise refuse(function, f"a Response in a union cannot be described: {fix}")
        if len(plain) > 1 and type(None) in plain:
            fix = "raise NotFound, or add `tuple[None, Literal[204]]` in place of None"
            raise refuse(function, f"`-> T | None` does not declare the response for None: {fix}")
        if paired and any(map(is_tuple, plain)):
            raise refuse(function, "an array without a status is ambiguous: add its Literal status")
        if status and not plain:
            raise refuse(function, f"status={status} has no effect: every value has a status")
        if plain:
            default = status or (204 if plain == [type(None)] else 200)
            paired = {default: plain + paired.pop(default, []), **paired}
        self.types: dict[int, Any] = {code: reduce(or_, kinds) for code, kinds in paired.items()}
        self.status = next(iter(self.types))
        self.pairs = not any(map(is_tuple, plain))
        self.headers = {
            "ETag" if name.lower() == "etag" else name: headers[name] for name in headers
        }
        self.optional = {name for name, make in self.headers.items() if may_be_none(function, make)}
        self.contents: dict[int, Content] = {}  # other than JSON
        for code, kind in self.types.items():
            if code not in range(200, 400):
                raise refuse(function, f"{code} is not a success: raise it, and add it to `errors`")
            if code in EMPTY and kind not in (type(None), Response):
                raise refuse(function, f"{code} has no content: return None with it")
            if content := response_of(function, kind):
                self.contents[code] = content
                self.types[code] = content.shown
            elif kind is not Response:
                check_type(function, "return", kind)
        if "content-type" in map(str.lower, headers):
            fix = 'for another one, write `-> Annotated[T, Media("text/csv")]`'
            raise refuse(function, f"the Content-Type is application/json: {fix}")
        streams = [content for content in self.contents.values() if content.kind is Iterator]
        if headers and streams:
            fix = "return `tuple[T, Literal[200], dict[str, str]]`"
            raise refuse(function, f"`headers` need a value, and a stream has none: {fix}")
        if headers and {*self.types.values()} == {type(None)}:
            fix = "return `tuple[None, Literal[204], dict[str, str]]`"
            raise refuse(function, f"`headers` need a value, and it returns none: {fix}")

    def make(self, returned: Any) -> Response:
        """Make the response. A status that is not declared is sent, too."""
        if isinstance(returned, BaseResponse):
            return returned  # type: ignore[return-value]
        status, own = self.status, None
        if type(returned) is tuple and self.pairs and is_paired(returned):
            returned, status, own = (*returned, None)[:3]
        if returned is None and self.types.get(status, type(None)) is type(None):
            response = Response(status=status)
            del response.headers["Content-Type"]
        else:
            if content := self.contents.get(status):
                response = respond(content, returned, status)
            else:
                body = msgspec.json.encode(returned)
                response = Response(body, status, mimetype="application/json")
            for name, make in self.headers.items():
                if (value := make(returned)) is not None:
                    response.headers[name] = value
                elif name not in self.optional:
                    raise refuse(make, f"it returned None for {name}: annotate `-> str | None`")
        if own:
            response.headers.update(own)
        return revalidate(response) if "ETag" in self.headers else response


def split(function: Callable[..., Any], hint: Any) -> tuple[list[Any], dict[int, list[Any]]]:
    """Return the types that have no status, and the types of each status."""
    plain: list[Any] = []
    paired: dict[int, list[Any]] = {}
    for kind in members(hint):
        if isinstance(kind, type) and issubclass(kind, BaseResponse):
            kind = Response
        args = get_args(bare(kind)) if is_tuple(kind) else ()
        second = args[1] if args[1:] else None
        codes = get_args(second) if get_origin(second) is Literal else ()
        headers = [get_origin(each) or each for each in args[2:]]
        if is_status(codes) and headers in ([], [dict], [list], [Mapping]):
            for code in codes:
                paired.setdefault(int(code), []).append(type(None) if args[0] is None else args[0])
        elif codes or kind is tuple or (get_origin(second) or second) in NO_STATUS:
            fix = "write `tuple[T, Literal[201]]`, or `tuple[T, Literal[201], dict[str, str]]`"
            note = "; for an array in JSON, use `list`"
            raise refuse(function, f"`{kind}` does not name the status: {fix}{note}")
        else:
            plain.append(kind)
    return plain, paired


def is_status(codes: Sequence[Any]) -> bool:
    """Return whether the values of a Literal are statuses."""
    return bool(codes) and all(isinstance(code, int) for code in codes)


def is_paired(returned: tuple[Any, ...]) -> bool:
    """Return whether a tuple is a value with its status, as in Flask."""
    return len(returned) in (2, 3) and isinstance(returned[1], int)


def is_tuple(kind: Any) -> bool:
    """Return whether a value of this type may be a plain tuple."""
    return (get_origin(bare(kind)) or bare(kind)) in (tuple, Sequence)


def may_be_none(function: Callable[..., Any], make: Callable[..., Any]) -> bool:
    """Return whether the annotation of a header's function allows None."""
    try:
        return type(None) in members(inspect.signature(make, eval_str=True).return_annotation)
    except ValueError:  # a built-in function without a signature
        return False
    except Exception as error:
        raise refuse(function, f"`headers` has {make!r}, which cannot be used: {error}") from error
