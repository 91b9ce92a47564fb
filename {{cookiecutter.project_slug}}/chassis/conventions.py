"""Find a request's attributes: https://opentelemetry.io/docs/specs/semconv/http/ names them.

Attributes of metrics have a limited set of values, whatever callers send. Query strings, and
headers other than Host, are never recorded.
"""

import sys
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from werkzeug.wsgi import get_path_info

from .middleware import is_host, match_host
from .routes import path_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

METHOD = "http.request.method"
METHODS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}


def note_route(app: Flask, **_: Any) -> None:
    """Store the route, because Flask drops the request before the response body ends."""
    request.environ["chassis.route"] = request.url_rule


def note_error(app: Flask, exception: BaseException, **_: Any) -> None:
    """Store the type of an exception that no error handler catches."""
    request.environ["chassis.error"] = type(exception).__name__


def method_of(environ: "WSGIEnvironment") -> str:
    """Return the method of a request, or _OTHER for an unknown one."""
    method: str = environ["REQUEST_METHOD"]
    return method if method in METHODS else "_OTHER"


def outcome_of(environ: "WSGIEnvironment") -> dict[str, Any]:
    """Return the attributes of a response that has ended."""
    scheme = "https" if environ["wsgi.url_scheme"] == "https" else "http"
    status = int(environ.get("chassis.status", "500")[:3])
    found: dict[str, Any] = {"url.scheme": scheme, "http.response.status_code": status}
    if rule := environ.get("chassis.route"):
        found["http.route"] = path_of(rule)
    if error := sys.exc_info()[1]:  # the server closes the body while it handles the error
        found["error.type"] = type(error.__cause__ or error).__name__
    elif status >= 500:
        found["error.type"] = environ.get("chassis.error", str(status))
    return found


def name_of(attributes: dict[str, Any]) -> str:
    """Return a request's span name: GET /api/v1/items/{item_id}, or GET if it has no route."""
    method: str = attributes[METHOD].replace("_OTHER", "HTTP")
    route = attributes.get("http.route")
    return f"{method} {route}" if route else method


def is_failure(environ: "WSGIEnvironment", attributes: dict[str, Any]) -> bool:
    """Return whether the server failed. A connection that the client closes does not count."""
    if environ.get("log_fields", {}).get("aborted") == "server":
        return True
    status: int = attributes["http.response.status_code"]
    return status >= 500


def address_of(environ: "WSGIEnvironment") -> dict[str, Any]:
    """Return the path of a request, and the host and port in its Host header."""
    found: dict[str, Any] = {"url.path": get_path_info(environ)}
    host = environ.get("HTTP_HOST", "")
    if is_host(host) and (match := match_host(host)):
        port = match[1]
        found["server.address"] = host.removesuffix(f":{port or ''}")
        if port:
            found["server.port"] = int(port)
    return found
