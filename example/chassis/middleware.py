"""Add a request id and security headers; turn exceptions that Flask does not handle into problems.

This layer also refuses a request whose Host header is missing or invalid. It is outside Flask,
because Flask does not handle all exceptions.
"""

import re
from functools import lru_cache
from os import urandom
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.exceptions import BadRequest
from werkzeug.middleware.proxy_fix import ProxyFix

from . import failures
from .errors import to_problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
# If a view sets one of these headers, the view's value is sent.
SECURITY_HEADERS = [
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
]
NAMES = frozenset(name for name, _ in SECURITY_HEADERS)
# An address with a port or in brackets: [::1]:1, [::1] or 1.2.3.4:5.
match_address = re.compile(r"\[([^\[\]]+)\](?::\d+)?|([^:]+):\d+", re.ASCII).fullmatch
# A request id that is short, and has no characters that could forge a log line or markup.
is_sane = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII).fullmatch
# A name, an IPv4 or an IPv6 address, and a port.
match_host = re.compile(
    r"(?:[a-z\d_][\w.-]*|\[[a-f\d]*:[a-f\d:.]+\])(?::(\d{0,5}))?", re.ASCII | re.IGNORECASE
).fullmatch


@lru_cache(maxsize=100)
def is_host(text: str) -> bool:
    found = match_host(text)
    return found is not None and int(found[1] or 0) < 65536


def has_host(environ: "WSGIEnvironment") -> bool:
    """Return whether the Host header is valid. Only HTTP/1.0 may omit it.

    https://www.rfc-editor.org/rfc/rfc9112#section-3.2
    """
    host = environ.get("HTTP_HOST")
    return is_host(host) if host is not None else environ["SERVER_PROTOCOL"] < "HTTP/1.1"


def refuse_host(environ: "WSGIEnvironment", start: "StartResponse") -> Any:
    error = BadRequest("The Host header must be a host, with or without a port.")
    return to_problem(error)(environ, start)


def with_headers(application: "WSGIApplication", app: Flask) -> "WSGIApplication":
    """Wrap a WSGI application: add a request id and the security headers to each response.

    The id is the caller's X-Request-ID if `is_sane` accepts it, otherwise a new one. Log records
    read it from environ["log_fields"]. Exceptions are logged; a problem replaces a response that
    has not begun.
    """
    others = app.extensions["headers"]

    def wrapped(environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        request_id = environ.get("HTTP_X_REQUEST_ID", "")
        if not is_sane(request_id):
            request_id = urandom(16).hex()
        environ.setdefault("log_fields", {})["request_id"] = request_id
        held: list[Any] = []  # the status and the headers: a problem can still replace them

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            own = {name.title() for name, _ in headers}
            if NAMES.isdisjoint(own):
                headers += SECURITY_HEADERS
            else:
                headers += [header for header in SECURITY_HEADERS if header[0] not in own]
            headers.append(("X-Request-ID", request_id))
            for name, more in others:
                if name not in own:
                    headers += more(environ)
            held[:] = status, headers
            return held.append

        try:
            body = (application if has_host(environ) else refuse_host)(environ, start)
        except BaseException as error:
            body = failures.replace(app, environ, start, error)
        if isinstance(body, environ.get("wsgi.file_wrapper", ())) and failures.is_open_file(body):
            start_response(held[0], held[1])
            return body  # the server sends the file
        return failures.send(app, environ, start, body, held, start_response)

    return wrapped


def without_port(application: "WSGIApplication") -> "WSGIApplication":
    """Wrap a WSGI application: remove the port that some proxies add to the client's address."""

    def wrapped(environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        if match := match_address(environ.get("REMOTE_ADDR", "")):
            environ["REMOTE_ADDR"] = match[1] or match[2]
        return application(environ, start_response)

    return wrapped


def register(app: Flask) -> None:
    """Wrap an application: request id (outermost), proxies, capabilities, then your middleware."""
    wsgi: WSGIApplication = app.wsgi_app
    for wrap in app.extensions["wrappers"]:
        wsgi = wrap(wsgi)
    if proxies := app.extensions["settings"].trusted_proxies:
        wsgi = ProxyFix(without_port(wsgi), x_for=proxies, x_proto=proxies, x_prefix=proxies)
    app.wsgi_app = with_headers(wsgi, app)  # type: ignore[assignment, method-assign]
