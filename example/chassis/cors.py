"""Let web pages of other origins call the API: https://fetch.spec.whatwg.org/#http-cors-protocol."""

from dataclasses import dataclass
from typing import Annotated, Any

from flask import Flask
from msgspec import Meta

from .settings import ServerSettings

# An origin as browsers write it: lower case, ASCII, without a default port.
HOST = r"([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[a-f0-9]*:[a-f0-9:]+\])"
PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6([0-4][0-9]{3}|5([0-4][0-9]{2}|5([0-2][0-9]|3[0-5]))))"
DEFAULT = r"(http://[^,]*:80|https://[^,]*:443)(,|\Z)"
ORIGIN = rf"(?!{DEFAULT})[a-z][a-z0-9+.-]*://{HOST}(:{PORT})?"
ORIGINS = Meta(
    pattern=rf"^(\*|{ORIGIN}(, ?{ORIGIN})*)\Z",
    description="* or origins, such as https://a.example,http://localhost:3000: lower case, no path, "
    "no slash at the end, no default port",
)
ALLOW, REFUSED = "Access-Control-Allow-Origin", [("Vary", "Origin")]
NAMES = "Allow, Content-Disposition, ETag, Link, Location, Retry-After, WWW-Authenticate"
EXPOSE = ("Access-Control-Expose-Headers", f"{NAMES}, X-Request-ID")
METHODS = ("Access-Control-Allow-Methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")
PREFLIGHT = [METHODS, ("Access-Control-Max-Age", "600"), ("Vary", "Access-Control-Request-Headers")]


@dataclass(frozen=True, kw_only=True)
class CorsSettings(ServerSettings):
    cors_origins: Annotated[str, ORIGINS] = ""


def register(app: Flask) -> None:
    """Add headers to every response, and respond to preflights before routing and authentication.

    Credentials (cookies) are allowed for named origins only. Without CORS_ORIGINS nothing is added.
    """
    origins = app.extensions["settings"].cors_origins.replace(" ", "").split(",")
    credentials = ("Access-Control-Allow-Credentials", "true")
    allowed = {each: [(ALLOW, each), credentials, EXPOSE, *REFUSED] for each in origins}
    anyone = [(ALLOW, "*"), EXPOSE] if origins == ["*"] else None

    def headers(environ: dict[str, Any]) -> list[tuple[str, str]]:
        return anyone or allowed.get(environ.get("HTTP_ORIGIN", ""), REFUSED)

    def with_preflights(application: Any) -> Any:
        def wrapped(environ: dict[str, Any], start_response: Any) -> Any:
            asked = environ.get("HTTP_ORIGIN") and environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
            if environ["REQUEST_METHOD"] != "OPTIONS" or not asked:
                return application(environ, start_response)
            names = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
            grants = [*PREFLIGHT, ("Access-Control-Allow-Headers", names)]
            start_response("204 No Content", [] if headers(environ) is REFUSED else grants)
            return []

        return wrapped

    if origins != [""]:
        app.extensions["headers"].append((ALLOW, headers))
        app.extensions["wrappers"].append(with_preflights)
