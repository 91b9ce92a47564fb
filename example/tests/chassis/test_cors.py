"""CORS: the headers that let web pages call the API."""

from typing import Any

import pytest
from flask import Response, abort
from flask.testing import FlaskClient

from chassis import Settings, close_app
from chassis.security import bearer, secure

from .broken import open_broken_app
from .server import serving

PAGE, LOCAL, OTHER = "https://app.example.com", "http://localhost:3000", "https://evil.example.com"


def make_client(cors_origins: str = f"{PAGE}, {LOCAL}", **settings: Any) -> FlaskClient:
    """Return a client of an application in which every view needs a token."""
    app = open_broken_app(Settings(cors_origins=cors_origins, **settings))
    app.testing = False
    secure(app, bearer({"good": "ada"}.get))

    @app.get("/busy")
    def busy() -> str:
        abort(503)

    @app.get("/own")
    def own() -> Response:
        headers = {"access-control-allow-origin": "https://other.example.com", "Vary": "Accept"}
        return Response("own", headers=headers)

    @app.get("/languages")
    def languages() -> Response:
        return Response("own", headers={"Vary": "Accept-Language"})

    return close_app(app).test_client()


@pytest.fixture
def client() -> FlaskClient:
    return make_client()


def preflight(client: FlaskClient, path: str, origin: str, **more: str) -> Any:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return client.options(path, headers=asked | more)


def granted(response: Any) -> list[str]:
    names = [name.title() for name in response.headers.keys()]  # noqa: SIM118
    return sorted(name for name in names if name.startswith("Access-Control-"))


# --- responses


@pytest.mark.parametrize("origin", [PAGE, LOCAL])
def test_a_page_of_an_allowed_origin_may_read_a_response(client: FlaskClient, origin: str) -> None:
    headers = client.get("/health", headers={"Origin": origin}).headers
    assert headers.getlist("Access-Control-Allow-Origin") == [origin]
    assert headers["Access-Control-Allow-Credentials"] == "true"
    exposed = headers["Access-Control-Expose-Headers"].split(", ")
    assert {"ETag", "Location", "Retry-After", "WWW-Authenticate", "X-Request-ID"} <= {*exposed}


@pytest.mark.parametrize(
    "origin", [OTHER, "null", "", f"{PAGE}:8443", f"{PAGE}.evil.com", PAGE.upper(), "*", f"{PAGE}/"]
)
def test_a_page_of_another_origin_may_not_read_a_response(client: FlaskClient, origin: str) -> None:
    response = client.get("/health", headers={"Origin": origin})
    assert (response.status_code, granted(response)) == (200, [])


@pytest.mark.parametrize("headers", [{}, {"Origin": PAGE}, {"Origin": OTHER}])
def test_a_cache_is_told_that_responses_differ_by_origin(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    assert client.get("/health", headers=headers).headers.getlist("Vary") == ["Origin"]
    token = {"Authorization": "Bearer good"}
    varied = client.get("/languages", headers=headers | token).headers.getlist("Vary")
    assert varied == ["Accept-Language", "Origin"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/busy", 503),
        ("GET", "/nowhere", 404),
        ("PUT", "/things", 405),
        ("POST", "/things", 413),
        ("GET", "/raise/RecursionError", 500),
        ("GET", "/in/middleware", 500),
        ("GET", "/in/teardown_request", 500),
        ("GET", "/in/error_handler", 500),
        ("GET", "/stream/at-once", 500),
    ],
)
def test_a_page_may_read_every_error(method: str, path: str, status: int) -> None:
    client = make_client(max_body_bytes=10, max_json_bytes=10)
    headers = {"Origin": PAGE, "Authorization": "Bearer good"}
    body = {"name": "longer than that"} if method == "POST" else None
    response = client.open(path, method=method, headers=headers, json=body)
    assert response.status_code == status
    assert response.headers.getlist("Access-Control-Allow-Origin") == [PAGE]


def test_a_page_may_read_why_it_needs_a_token(client: FlaskClient) -> None:
    response = client.get("/busy", headers={"Origin": PAGE})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["Access-Control-Allow-Origin"] == PAGE


def test_a_page_may_read_that_its_host_is_invalid(client: FlaskClient) -> None:
    environ = {"HTTP_HOST": "a b", "HTTP_ORIGIN": PAGE}
    response = client.get("/health", environ_overrides=environ)
    assert response.status_code == 400
    assert response.headers["Access-Control-Allow-Origin"] == PAGE


def test_a_view_that_allows_an_origin_itself_keeps_its_headers(client: FlaskClient) -> None:
    headers = {"Origin": PAGE, "Authorization": "Bearer good"}
    response = client.get("/own", headers=headers)
    assert granted(response) == ["Access-Control-Allow-Origin"]
    assert response.headers["Access-Control-Allow-Origin"] == "https://other.example.com"


# --- preflights


@pytest.mark.parametrize("path", ["/", "/health", "/things", "/busy", "/nowhere", "/docs"])
def test_a_preflight_is_granted_without_a_token_on_every_path(
    client: FlaskClient, path: str
) -> None:
    """An unknown path is included, so that the page can read the 404."""
    wanted = "authorization,content-type,if-match,x-anything"
    response = preflight(client, path, PAGE, **{"Access-Control-Request-Headers": wanted})
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == PAGE
    assert response.headers["Access-Control-Allow-Headers"] == wanted
    assert {"DELETE", "PATCH", "POST", "PUT"} <= {
        *response.headers["Access-Control-Allow-Methods"].split(", ")
    }
    assert response.headers.getlist("Vary") == ["Access-Control-Request-Headers", "Origin"]
    assert response.headers["X-Request-ID"]


def test_a_preflight_of_another_origin_is_granted_nothing(client: FlaskClient) -> None:
    response = preflight(client, "/things", OTHER)
    assert (response.status_code, granted(response)) == (204, [])
    assert response.headers["Vary"] == "Origin"


@pytest.mark.parametrize("origin", [PAGE, OTHER, None])
def test_any_other_options_request_needs_a_token(client: FlaskClient, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {"Access-Control-Request-Method": "POST"}
    assert client.options("/things", headers=headers).status_code == 401


# --- any origin, and none


@pytest.mark.parametrize("origin", [PAGE, OTHER, "null"])
def test_with_a_star_every_page_may_read_responses_without_credentials(origin: str) -> None:
    client = make_client("*")
    response = preflight(client, "/", origin, **{"Access-Control-Request-Headers": "authorization"})
    for each in (response, client.get("/busy", headers={"Origin": origin})):
        assert each.headers.getlist("Access-Control-Allow-Origin") == ["*"]
        assert "Access-Control-Allow-Credentials" not in each.headers
    assert response.headers["Access-Control-Allow-Headers"] == "authorization"


def test_without_the_setting_no_response_has_a_header_of_cors() -> None:
    client = make_client("")
    for response in (client.get("/", headers={"Origin": PAGE}), preflight(client, "/", PAGE)):
        assert granted(response) == []
        assert "Vary" not in response.headers
    refused = preflight(client, "/busy", PAGE)  # its view needs credentials, and does not run
    assert (refused.status_code, refused.data, granted(refused)) == (200, b"", [])


# --- the setting

VALID = """
    https://app.example.com http://localhost http://localhost:3000 http://a https://my_app.example
    http://1.2.3.4 http://[::1]:3000 https://[::80] http://a:443 https://a:80 https://a:8443
    https://a:65535 https://xn--bcher-kva.de capacitor://localhost https://a,http://b:3000 *
"""
INVALID = """
    https://a/ https://a/b https://a?b https://a#b a.example localhost:3000 //a https:a https:/a
    https:// https:/// https://* https://*.example.com https://a:* ** null none https://user@a
    https://user:password@a https://A HTTPS://a https://é https://a:443 http://a:80 http://[::1]:80
    https://a: https://a:0 https://a:080 https://a:65536 https://a:99999 https://a:x https://a..b
    https://.a https://a. https://::1 https://[a] https://٣ *,https://a https://a,* https://a,
    ,https://a https://a,,https://b https://a;https://b https://a,https://b:443 https://a:443,https://b
    ["https://a"]
"""
SPACED = [" https://a", "https://a ", "https://a\n", "https://a https://b", "https://a b", " "]


@pytest.mark.parametrize("text", [*VALID.split(), "https://a, https://b"])
def test_an_origin_as_browsers_write_it_is_accepted(text: str) -> None:
    assert Settings.from_environment({"CORS_ORIGINS": text}).cors_origins == text


@pytest.mark.parametrize("text", [*INVALID.split(), *SPACED])
def test_any_other_text_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(SystemExit) as refused:
        Settings.from_environment({"CORS_ORIGINS": text})
    assert str(refused.value).startswith(f"CORS_ORIGINS={text!r}: use * or origins, such as")


def test_the_server_grants_access_to_the_origin_of_the_setting() -> None:
    with serving("broken", CORS_ORIGINS=PAGE) as server:
        for path, status in (("/nowhere", 404), ("/raise/SystemExit", 500), ("/header/%01", 500)):
            response = server.get(path, f"Origin: {PAGE}")
            allowed = response.headers.get_all("Access-Control-Allow-Origin")
            assert (response.status, allowed) == (status, [PAGE])
        asked = f"OPTIONS /things HTTP/1.1\r\nHost: a\r\nOrigin: {PAGE}\r\n".encode()
        response = server.send(asked + b"Access-Control-Request-Method: POST\r\n\r\n")
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (204, PAGE)
