import re
from http import HTTPStatus
from typing import Any

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient
from werkzeug.test import create_environ, run_wsgi_app

from chassis import Settings, close_app
from chassis.middleware import SECURITY_HEADERS

from .things import create_app, open_app, open_test_app

FORGED = {
    "X-Forwarded-Port": "6666",
    "X-Forwarded-Prefix": "/evil, /shop",
    "X-Forwarded-For": "6.6.6.6, 10.0.0.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil",
}


@pytest.mark.parametrize("path", ["/health", "/nope"])
def test_every_response_has_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert [(name, headers[name]) for name, _ in SECURITY_HEADERS] == SECURITY_HEADERS


def test_a_view_can_override_a_security_header(app: Flask) -> None:
    @app.get("/kept")
    def kept() -> Response:
        return Response(headers={"cache-control": "max-age=60"})

    response = app.test_client().get("/kept")
    assert response.headers.getlist("Cache-Control") == ["max-age=60"]


def test_each_request_gets_its_own_id(client: FlaskClient) -> None:
    ids = {client.get(path).headers["X-Request-ID"] for path in ("/health", "/health", "/nope")}
    assert len(ids) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", made) for made in ids)


def test_a_valid_request_id_of_the_caller_is_kept(client: FlaskClient) -> None:
    response = client.get("/health", headers={"X-Request-ID": "Root=1-67891233-abcdef"})
    assert response.headers["X-Request-ID"] == "Root=1-67891233-abcdef"


@pytest.mark.parametrize("bad", ["", "x" * 129, 'a"b', "a b", "é", "a<b", "a\tb"])
def test_any_other_request_id_is_replaced(client: FlaskClient, bad: str) -> None:
    response = client.get("/health", environ_overrides={"HTTP_X_REQUEST_ID": bad})
    assert response.headers["X-Request-ID"] != bad


@pytest.mark.parametrize(
    ("proxies", "seen"),
    [
        (0, {"address": "127.0.0.1", "scheme": "http", "url": "http://localhost/me"}),
        (1, {"address": "10.0.0.9", "scheme": "https", "url": "https://localhost/shop/me"}),
        (2, {"address": "6.6.6.6", "scheme": "http", "url": "http://localhost/evil/me"}),
    ],
)
def test_only_the_trusted_proxies_set_the_address(proxies: int, seen: dict[str, str]) -> None:
    app = create_app(Settings(trusted_proxies=proxies))

    @app.get("/me")
    def me() -> dict[str, str | None]:
        return {"address": request.remote_addr, "scheme": request.scheme, "url": request.url}

    assert app.test_client().get("/me", headers=FORGED).json == seen


@pytest.mark.parametrize(
    ("forwarded", "seen"),
    [
        ("1.2.3.4:5678", "1.2.3.4"),
        ("[2001:db8::1]:5678", "2001:db8::1"),
        ("[::1]", "::1"),
        ("6.6.6.6:1, [fe80::1%eth0]:1", "fe80::1%eth0"),
        ("1.2.3.4", "1.2.3.4"),
        ("2001:db8::1", "2001:db8::1"),
        ("::1", "::1"),
        ("unknown", "unknown"),
    ],
)
def test_a_forwarded_address_is_seen_without_its_port(forwarded: str, seen: str) -> None:
    app = create_app(Settings(trusted_proxies=1))

    @app.get("/me")
    def me() -> str:
        return str(request.remote_addr)

    assert app.test_client().get("/me", headers={"X-Forwarded-For": forwarded}).text == seen


@pytest.mark.parametrize(("prefix", "root"), [("/shop", "/shop"), ("/a/b/", "/a/b"), ("", "")])
def test_links_and_the_document_have_the_prefix(prefix: str, root: str) -> None:
    client = create_app(Settings(trusted_proxies=1)).test_client()
    headers = {"X-Forwarded-Prefix": prefix}
    assert client.get("/", headers=headers).json["docs"] == f"{root}/docs"  # type: ignore[index]
    servers = client.get("/openapi.json", headers=headers).json["servers"]  # type: ignore[index]
    assert servers == [{"url": root or "/"}]


def test_servers_of_the_application_are_kept_behind_a_prefix() -> None:
    own = {"servers": [{"url": "https://api.example.com/shop"}]}
    app = open_app(__name__, Settings(trusted_proxies=1), title="T", version="1", openapi=own)
    client = close_app(app).test_client()
    document = client.get("/openapi.json", headers={"X-Forwarded-Prefix": "/shop"}).json
    assert document["servers"] == own["servers"]  # type: ignore[index]


def test_middleware_of_the_application_runs_inside_the_request_id_and_the_proxies() -> None:
    app = open_test_app(Settings(trusted_proxies=1))
    inner, seen = app.wsgi_app, {}

    def middleware(environ: Any, start_response: Any) -> Any:
        seen.update(environ)
        return inner(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    headers = FORGED | {"X-Request-ID": "abc"}
    response = close_app(app).test_client().get("/health", headers=headers)
    assert response.headers["X-Request-ID"] == "abc"
    assert (seen["REMOTE_ADDR"], seen["log_fields"]) == ("10.0.0.9", {"request_id": "abc"})


def test_a_response_of_the_application_s_middleware_has_the_headers_too() -> None:
    app = open_test_app(Settings())

    def closed(environ: Any, start_response: Any) -> Any:
        start_response("503 Service Unavailable", [])
        return [b"closed"]

    app.wsgi_app = closed  # type: ignore[method-assign]
    response = close_app(app).test_client().get("/health")
    assert (response.status_code, response.data) == (503, b"closed")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Request-ID"]


VALID = ["localhost", "a.example:8080", "my_api:80", "127.0.0.1", "[::1]:8080", "[2001:DB8::1]"]
INVALID = ["", " ", "a b", "/", "a/b", "evil:port", "a:1:2", "a@b", "a,b", "a:65536", ":80", "é"]
INVALID += ["[::1", "::1", "[]", "a\x00b", "<a>", 'a"', "http://a", "a?b", "-", "."]


@pytest.mark.parametrize("protocol", ["HTTP/1.0", "HTTP/1.1"])
@pytest.mark.parametrize(
    ("host", "valid"), [(host, True) for host in VALID] + [(host, False) for host in INVALID]
)
def test_an_invalid_host_is_400(client: FlaskClient, protocol: str, host: str, valid: bool) -> None:
    environ = {"HTTP_HOST": host, "SERVER_PROTOCOL": protocol}
    response = client.get("/health", environ_overrides=environ)
    assert response.status_code == (200 if valid else 400)
    if not valid:
        assert response.mimetype == "application/problem+json"
        assert response.headers["X-Request-ID"]


@pytest.mark.parametrize(("protocol", "status"), [("HTTP/1.0", 200), ("HTTP/1.1", 400)])
def test_only_http_1_0_may_leave_out_the_host(app: Flask, protocol: str, status: int) -> None:
    environ = create_environ("/health", environ_overrides={"SERVER_PROTOCOL": protocol})
    del environ["HTTP_HOST"]
    assert run_wsgi_app(app, environ)[1] == f"{status} {HTTPStatus(status).phrase.upper()}"
