"""Run a local OpenID Connect issuer (`make issuer`), and print its tokens (`make token`)."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import ProxyHandler, build_opener

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from flask import Flask
from flask.testing import FlaskClient

AUDIENCE = "tests"
MAKE: dict[str, Callable[[], Any]] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


class Handler(BaseHTTPRequestHandler):
    """Serve the documents of `issuer`. At /token, serve a token with the claims in the query."""

    issuer: "Issuer"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.issuer.requested.append(path)
        with suppress(OSError):  # the client has gone
            if path in self.issuer.instead:
                self.issuer.instead[path](self)
            elif path == "/token":
                claims: Any = {name: values[0] for name, values in parse_qs(query).items()}
                self.send({"access_token": self.issuer.token(**claims)})
            else:
                self.send(
                    self.issuer.documents.get(path), 200 if path in self.issuer.documents else 404
                )

    def send(self, document: Any, status: int = 200, **headers: str) -> None:
        """Send a document in JSON, or bytes."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


class Issuer:
    """Sign tokens. In a `with` statement, also serve the keys."""

    def __init__(self, url: str = "", port: int = 0) -> None:
        handler = type("Own", (Handler,), {"issuer": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.url = url or f"http://127.0.0.1:{self.server.server_port}"
        self.requested: list[str] = []  # the paths
        self.instead: dict[str, Callable[[Handler], Any]] = {}  # other responses, by path
        self.private: dict[str, tuple[str, Any]] = {}  # algorithms and keys, by id
        self.documents: dict[str, Any] = {}
        self.rotate("ES256")

    def rotate(self, *algorithms: str) -> None:
        """Replace the keys with new ones. The first key signs the tokens."""
        self.private = {token_hex(8): (name, MAKE[name]()) for name in algorithms}
        discovery = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        keys = [self.public(key_id) for key_id in self.private]
        self.documents = {"/.well-known/openid-configuration": discovery, "/keys": {"keys": keys}}

    def public(self, key_id: str) -> dict[str, Any]:
        algorithm, key = self.private[key_id]
        made = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
        return made | {"kid": key_id, "alg": algorithm, "use": "sig"}

    def token(self, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token with these claims; None leaves a claim out."""
        key_id, (algorithm, key) = next(iter(self.private.items()))
        now = int(time.time())
        own = {"iss": self.url, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 3600}
        given = {name: value for name, value in (own | claims).items() if value is not None}
        return jwt.encode(given, key, algorithm, {"kid": key_id} | (headers or {}))

    @property
    def settings(self) -> dict[str, Any]:
        """Return the settings of an application that accepts these tokens."""
        return {"auth_issuer": self.url, "auth_audience": AUDIENCE}

    def __enter__(self) -> Self:
        Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    """Yield an issuer for the tests that do not change it."""
    with Issuer() as issuer:
        yield issuer


def authorize(app: Flask, token: str) -> None:
    """Have each test client of an application send a token, unless a request has another one."""

    class Client(FlaskClient):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"

    app.test_client_class = Client


def main(url: str, audience: str, claims: list[str]) -> None:
    """Serve the issuer at a URL. With claims, get a token from the issuer at the URL; print it."""
    try:
        port = urlsplit(url).port or 80
    except ValueError as error:
        sys.exit(f"AUTH_ISSUER is {url}, which is not a URL: {error}.")
    if urlsplit(url).scheme != "http":
        sys.exit(f"AUTH_ISSUER is {url}, which is not a local issuer: get a token from it.")
    if not audience:
        sys.exit("AUTH_AUDIENCE is not set: set it with AUTH_ISSUER, or set neither.")
    if not claims:
        try:
            issuer = Issuer(url, port)
        except OSError as error:
            sys.exit(f"The issuer cannot start at {url}: {error.strerror}.")
        print(f"Issuing tokens at {url}. Ctrl-C stops it.", flush=True)
        with suppress(KeyboardInterrupt):
            issuer.server.serve_forever()
        return
    query = urlencode({"aud": audience} | dict(each.split("=", 1) for each in claims))
    direct = build_opener(ProxyHandler({}))  # a proxy cannot reach this machine's own address
    try:
        with direct.open(f"{url}/token?{query}") as response:
            print(json.load(response)["access_token"])
    except OSError as error:
        sys.exit(f"No issuer at {url}: run `make issuer` in another terminal. ({error})")


if __name__ == "__main__":
    main(os.environ["AUTH_ISSUER"], os.environ.get("AUTH_AUDIENCE", ""), sys.argv[1:])
