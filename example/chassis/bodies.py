"""Limit the body of each request, however it is read: by an operation, a plain view or middleware.

The limit is `request.max_content_length`. By default it is MAX_JSON_BYTES for JSON and URL-encoded
forms, because these take many times their size in memory. For other bodies, it is MAX_BODY_BYTES.
To use another limit, set this attribute before you read the body.
"""

from functools import cached_property
from io import BufferedReader, BytesIO, RawIOBase
from typing import IO, TYPE_CHECKING, Any

import flask
from flask import Flask, current_app
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream

FORM = "application/x-www-form-urlencoded"


class Body(RawIOBase):
    """Read a body; raise 413 if it is longer than `limit`, and 400 if it is incomplete."""

    def __init__(self, stream: "InputStream", limit: int, length: int | None) -> None:
        """Take the server's stream; `length` is the Content-Length, None if the body is chunked."""
        self.stream, self.limit, self.length = stream, limit, length
        self.size = 0  # bytes read so far

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        wanted = len(into) if self.length is None else min(len(into), self.length - self.size)
        if not wanted:
            return 0
        try:
            data = self.stream.read(wanted)
        except Exception as error:  # each server has its own exceptions, for example for bad chunks
            detail = "a pause was too long, a chunk is malformed, or too many chunks are small."
            raise BadRequest(f"The body could not be read to its end: {detail}") from error
        self.size += len(data)
        if self.size > self.limit:
            raise too_large(self.limit)
        if not data and self.length is not None:
            raise BadRequest("The body is shorter than its Content-Length.")
        into[: len(data)] = data
        return len(data)


def too_large(limit: int) -> RequestEntityTooLarge:
    return RequestEntityTooLarge(f"The body is larger than {limit} bytes.")


class Request(flask.Request):
    """Limit `stream`, and every attribute and method that reads it."""

    @property
    def max_content_length(self) -> int | None:
        """The maximum size of the body, in bytes. Set it to change the limit for this request."""
        most = super().max_content_length
        if self._max_content_length is None and (self.is_json or self.mimetype == FORM):
            return min(most or self.for_json, self.for_json)
        return most

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        self._max_content_length = value

    @property
    def for_json(self) -> int:
        return int(current_app.extensions["settings"].max_json_bytes)

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body. Werkzeug's stream ends a chunked body at the limit without an error."""
        length, limit = self.content_length, self.max_content_length
        if length is None and not self.environ.get("wsgi.input_terminated"):
            return BytesIO()  # the server does not mark the end of a chunked body
        if limit is None:
            return super().stream
        if length and length > limit:
            raise too_large(limit)
        return BufferedReader(Body(self.environ["wsgi.input"], limit, length))

    def get_json(self, *args: Any, **options: Any) -> Any:
        """Parse the body as JSON; `force=True` ignores its media type."""
        if self._max_content_length is None:
            self.max_content_length = min(self.max_content_length or self.for_json, self.for_json)
        return super().get_json(*args, **options)


def register(app: Flask) -> None:
    app.request_class = Request
    app.config["MAX_CONTENT_LENGTH"] = app.extensions["settings"].max_body_bytes
