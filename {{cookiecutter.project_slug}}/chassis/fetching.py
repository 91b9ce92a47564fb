"""Fetch a JSON document, such as the issuer's metadata or keys, in a limited time."""

from time import monotonic
from typing import Any, TypeVar
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

import msgspec

T = TypeVar("T")
MAX_BYTES = 262_144  # of a document


def read(url: str, end: float, kind: type[T]) -> T:
    """Return a document as a struct; add its URL as a note to an exception, for the log."""
    try:
        return msgspec.json.decode(get(url, end), type=kind)
    except Exception as error:
        error.add_note(url)
        raise


class NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow no redirect, because it could lead to an address without TLS."""


def get(url: str, end: float) -> bytes:
    """Return a document; raise an exception if it is too large or not complete at `end`."""
    direct = [ProxyHandler({})] if url.startswith("http:") else []  # https uses HTTPS_PROXY
    opener, data = build_opener(NoRedirects, *direct), b""
    with opener.open(url, timeout=max(end - monotonic(), 0.001)) as response:
        while chunk := response.read1(65_536):
            data += chunk
            if len(data) > MAX_BYTES or monotonic() > end:
                raise ValueError(f"{url} is larger than {MAX_BYTES} bytes, or too slow")
    return data
