"""Adds a request id and security headers to every response, outside Flask because that is cheaper."""

import re
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
# A view that sets one of these keeps its own value.
SECURITY_HEADERS = [
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
]
# Short, and without characters that could forge a log line or markup.
is_sane = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII).fullmatch


def with_headers(application: "WSGIApplication") -> "WSGIApplication":
    """Wrap a WSGI application: add a request id and the security headers to each response.

    The id is the caller's X-Request-ID if that is sane, else a new one. The logs read it from
    environ["log_fields"].
    """

    def wrapped(environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        request_id = environ.get("HTTP_X_REQUEST_ID", "")
        if not is_sane(request_id):
            request_id = token_hex(16)
        environ["log_fields"] = {"request_id": request_id}

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            own = {name.title() for name, _ in headers}
            headers += [header for header in SECURITY_HEADERS if header[0] not in own]
            headers.append(("X-Request-ID", request_id))
            return start_response(status, headers, exc_info)

        return application(environ, start)

    return wrapped


def register(app: Flask) -> None:
    """Wrap an application. From the outside: trusted proxies, request id, traces, your middleware."""
    wsgi: WSGIApplication = app.wsgi_app
    for wrap in app.extensions["wrappers"]:
        wsgi = wrap(wsgi)
    wsgi = with_headers(wsgi)
    if proxies := app.extensions["settings"].trusted_proxies:
        wsgi = ProxyFix(wsgi, x_for=proxies, x_proto=proxies)
    app.wsgi_app = wsgi  # type: ignore[assignment, method-assign]
