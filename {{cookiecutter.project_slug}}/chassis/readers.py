"""Read a body of a declared media type; refuse other types and compressed bodies with 415."""

from collections.abc import Callable
from functools import partial
from typing import IO, Any

from flask import request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from .content import INPUTS, Content
from .decoding import Decoder
from .forms import convert, read_form
from .media import is_one_of
from .requests import lists_of, read_body


class Unsupported(UnsupportedMediaType):
    """415, with a header that names what is supported.

    https://www.rfc-editor.org/rfc/rfc9110#section-15.5.16
    """

    def __init__(self, detail: str, header: str, supported: str) -> None:
        super().__init__(detail)
        self.header = header, supported

    def get_headers(self, *_: Any) -> list[tuple[str, str]]:
        return [*super().get_headers(), self.header]


def reader_of(content: Content) -> Callable[[], Any]:
    """Return a function that reads a body of the current request."""
    kind = content.kind
    read: Callable[[], Any]
    if kind is None:
        read = partial(read_body, Decoder(content.shown))
    elif kind is str:
        read = partial(read_text, content.shown)
    elif kind is bytes:
        read = read_bytes
    elif kind in INPUTS:
        read = read_input
    else:
        read = partial(read_form, kind, lists_of(kind))
    types, most, is_optional = content.types, content.max_bytes, content.is_optional

    def checked() -> Any:
        if most:
            request.max_content_length = most
        if is_optional and is_empty():
            return None
        if request.mimetype not in types and not is_one_of(request.mimetype, types):
            detail = f"The Content-Type must be {' or '.join(types)}."
            raise Unsupported(detail, "Accept", ", ".join(types))
        coding = request.environ.get("HTTP_CONTENT_ENCODING")
        if coding and coding.lower() != "identity":
            detail = "The body is compressed: send it without a Content-Encoding."
            raise Unsupported(detail, "Accept-Encoding", "identity")
        return read()

    return checked


def is_empty() -> bool:
    """Return whether the request has no body. A chunked body is read and cached for this check."""
    if request.content_length is None and "HTTP_TRANSFER_ENCODING" in request.environ:
        return not request.get_data()
    return not request.content_length


def read_bytes() -> bytes:
    return request.get_data(cache=False)


def read_input() -> IO[bytes]:
    return request.stream


def read_text(kind: Any) -> Any:
    if request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "us-ascii"):
        raise UnsupportedMediaType("The charset must be utf-8.")
    try:
        text = read_bytes().decode("utf-8-sig")  # spreadsheets add a byte order mark
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not valid UTF-8: {error}.") from error
    return convert(text, kind)
