"""Describe headers and error responses, which many operations share in the OpenAPI document."""

from typing import Any

from werkzeug.http import HTTP_STATUS_CODES

# Some proxies refuse longer headers: nginx's buffer for response headers has 4 or 8 KiB by default.
HEADER = {"required": True, "schema": {"type": "string", "maxLength": 4096}}
OPTIONAL = HEADER | {"required": False}
HEADERS = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
# https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
ERROR_HEADERS = {
    401: {"WWW-Authenticate": HEADER},
    403: {"WWW-Authenticate": OPTIONAL},
    415: {"Accept": OPTIONAL, "Accept-Encoding": OPTIONAL},
    429: {"Retry-After": OPTIONAL},
    503: {"Retry-After": OPTIONAL},
}


def problem(description: str, status: int, schema: Any) -> dict[str, Any]:
    headers = HEADERS | ERROR_HEADERS.get(status, {})
    content = {"application/problem+json": {"schema": schema}}
    return {"description": description, "headers": headers, "content": content}


def phrase(status: int) -> str:
    """Return a status's phrase. The phrases in http.HTTPStatus depend on Python's version."""
    return HTTP_STATUS_CODES.get(status, f"Status {status}")
