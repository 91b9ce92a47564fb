"""Adds a request id and security headers to every response; as a Flask hook it would cost more."""

import re
from secrets import token_hex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
# A view that sets one of these itself keeps its own.
SECURITY_HEADERS = [
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
]
# Short, and with nothing in it that could forge a line of a log or a page.
is_sane = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII).fullmatch


def with_headers(application: "WSGIApplication") -> "WSGIApplication":
    """Wrap an application: each response has a request id and the security headers.

    The id is the caller's X-Request-ID if that is a sane one, else a new one; the logs find it as
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
