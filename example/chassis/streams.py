"""Make a response of text, bytes, a file or a stream; let a client cache a response."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from flask import Response, request, send_file, stream_with_context
from werkzeug.exceptions import NotFound

from .content import Content


def respond(content: Content, returned: Any, status: int) -> Response:
    """Make a response with the media type of its content."""
    media_type = content.types[0]
    if content.kind is None:
        return Response(msgspec.json.encode(returned), status, mimetype=media_type)
    if content.kind is Iterator:
        return Response(start(iter(returned)), status, mimetype=media_type)
    if content.kind is not Path:
        return Response(returned, status, mimetype=media_type)
    if not returned.is_file():
        raise NotFound("There is no such file.")
    response = send_file(returned.absolute(), media_type, conditional=True)
    if response.status_code == 200:  # not 206 (a range) or 304 (not modified)
        response.status_code = status
    return response


def start(chunks: Iterator[Any]) -> Iterator[Any]:
    """Make the first chunk before the response begins, so that an error in it can become a problem.

    The other chunks are made while the response is sent, in the context of the request.
    """
    close = getattr(chunks, "close", bool)
    first = next(chunks, b"")

    def rest() -> Iterator[Any]:
        try:
            yield first
            yield from chunks
        finally:
            close()

    if request.method == "HEAD":
        close()
        return iter(())
    return stream_with_context(rest())


def revalidate(response: Response) -> Response:
    """Let a client cache a response with an ETag; it must revalidate the response before each use.

    Return 304 if the client's ETag matches: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2.
    """
    if request.method not in ("GET", "HEAD"):
        return response
    response.headers.setdefault("Cache-Control", "private, no-cache")
    tag, _ = response.get_etag()
    if tag is None or not request.if_none_match.contains_weak(tag):
        return response
    kept = [header for header in response.headers if not header[0].startswith("Content-")]
    return Response(status=304, headers=kept)
