"""Keys are fetched rarely, kept while the issuer is down, and never fetched from another URL."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis import fetching, jwks

from .issuer import MAKE, Handler, Issuer
from .test_auth import get, make_app

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def client(issuer: Issuer) -> FlaskClient:
    return make_app(issuer).test_client()


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next fetch begin at once."""
    monkeypatch.setattr(jwks, "PAUSE", 0)


def unknown(issuer: Issuer) -> str:
    """Return a token whose key is not the issuer's."""
    return issuer.token({"kid": "made up"})


def fetches(issuer: Issuer) -> int:
    return issuer.requested.count(DISCOVERY)


def become(status: int, client: FlaskClient, token: str) -> None:
    """Wait until a token gets a status, because a fetch may still be in progress."""
    end = time.monotonic() + 10
    while get(client, token).status_code != status:
        assert time.monotonic() < end
        time.sleep(0.02)  # lets the threads of the fetch and of the issuer run


def assert_unavailable(response: TestResponse) -> None:
    assert response.status_code == 503
    assert response.headers.get("Retry-After", "0") == str(jwks.PAUSE)
    assert response.content_type == "application/problem+json"
    assert response.get_json(force=True)["detail"] == "Tokens cannot be verified now."


def test_nothing_is_fetched_before_the_first_token(issuer: Issuer, client: FlaskClient) -> None:
    client.get("/health")
    client.get("/name")
    assert issuer.requested == []
    assert get(client, issuer.token()).status_code == 200
    assert issuer.requested == [DISCOVERY, "/keys"]
    assert get(client, issuer.token()).status_code == 200
    assert fetches(issuer) == 1


def test_many_callers_cause_one_fetch(issuer: Issuer) -> None:
    app, token = make_app(issuer, threads=17), issuer.token()
    with ThreadPoolExecutor(16) as callers:
        found = list(callers.map(lambda _: get(app.test_client(), token), range(64)))
    assert {response.status_code for response in found} == {200}
    assert fetches(issuer) == 1


def test_a_flood_of_unknown_keys_is_one_fetch(issuer: Issuer, client: FlaskClient) -> None:
    get(client, issuer.token())
    for number in range(100):
        assert get(client, issuer.token({"kid": str(number)})).status_code == 401
    assert fetches(issuer) == 1


@pytest.mark.usefixtures("_hasty")
def test_a_new_key_is_fetched_and_the_old_one_is_refused(
    issuer: Issuer, client: FlaskClient
) -> None:
    old = issuer.token()
    assert get(client, old).status_code == 200
    issuer.rotate("RS256")
    assert get(client, issuer.token()).status_code == 200
    assert get(client, old).status_code == 401


def broken(status: int) -> Callable[[Handler], Any]:
    return lambda handler: handler.send({"keys": []}, status)


def redirect(handler: Handler) -> None:
    handler.send({}, 302, Location=f"{handler.issuer.url}/elsewhere")


def huge(handler: Handler) -> None:
    handler.send(b"[" * 10_000_000)


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        time.sleep(0.01)


AWAY: dict[str, Callable[[Handler], Any]] = {
    "500": broken(500),
    "404": broken(404),
    "204": broken(204),
    "redirect": redirect,
    "huge": huge,
    "slow": endless,
    "HTML": lambda handler: handler.send(b"<html>"),
    "deep": lambda handler: handler.send(b"[" * 100_000),
    "a list": lambda handler: handler.send([]),
    "empty": lambda handler: handler.send({"issuer": handler.issuer.url}),
    "no key": lambda handler: handler.send({"keys": []}),
    "only odd keys": lambda handler: handler.send(
        {"keys": [{}, {"kty": "RSA"}, {"kty": "oct", "k": "x"}, {"kty": "EC", "crv": "P-256"}]}
    ),
    "silent": lambda handler: None,
}


@pytest.mark.usefixtures("_hasty")
@pytest.mark.parametrize("path", [DISCOVERY, "/keys"])
@pytest.mark.parametrize("how", AWAY)
def test_known_keys_are_kept_while_the_issuer_is_down(
    issuer: Issuer, client: FlaskClient, how: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "slow":
        monkeypatch.setattr(jwks, "PATIENCE", 0.3)
    issuer.documents["/elsewhere"] = issuer.documents[path]
    issuer.instead[path] = AWAY[how]
    assert_unavailable(get(client, issuer.token()))
    issuer.instead.clear()
    monkeypatch.setattr(jwks, "PATIENCE", 2)
    become(200, client, issuer.token())
    if how == "slow":
        monkeypatch.setattr(jwks, "PATIENCE", 0.3)
    issuer.instead[path] = AWAY[how]
    assert_unavailable(get(client, unknown(issuer)))
    assert get(client, issuer.token()).status_code == 200
    assert "/elsewhere" not in issuer.requested


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://other.example"},
        {"issuer": "{}/"},
        {"jwks_uri": "http://issuer.example/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "/keys"},
    ],
)
def test_a_discovery_document_that_is_not_the_issuer_s_is_refused(
    issuer: Issuer, client: FlaskClient, change: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    given = {name: text.format(issuer.url) for name, text in change.items()}
    issuer.documents[DISCOVERY] |= given
    assert_unavailable(get(client, issuer.token()))
    assert f"No keys from {issuer.url}: ValueError: it" in caplog.text


@pytest.mark.parametrize("path", [DISCOVERY, "/keys"])
def test_the_log_has_the_url_of_the_document_that_is_missing(
    issuer: Issuer, client: FlaskClient, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    del issuer.documents[path]
    assert_unavailable(get(client, issuer.token()))
    assert f"No keys from {issuer.url}{path}: HTTPError: HTTP Error 404" in caplog.text


def test_the_keys_of_an_issuer_with_tls_need_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://issuer.example"
    found = json.dumps({"issuer": url, "jwks_uri": "http://localhost/keys"})
    monkeypatch.setattr(fetching, "get", lambda *_: found.encode())
    with pytest.raises(ValueError, match="its keys are not at an https URL"):
        jwks.load(url)


def test_an_issuer_that_is_frozen_delays_a_request_by_two_seconds_at_most(
    issuer: Issuer, client: FlaskClient
) -> None:
    thaw = Event()
    issuer.instead["/keys"] = lambda handler: thaw.wait(10)
    began = time.monotonic()
    assert_unavailable(get(client, issuer.token()))
    assert 1.5 < time.monotonic() - began < 3
    began = time.monotonic()
    assert_unavailable(get(client, issuer.token()))
    assert time.monotonic() - began < 1, "there was a fetch a moment ago"
    thaw.set()


@pytest.mark.usefixtures("_hasty")
def test_a_caller_with_a_known_key_never_waits(
    issuer: Issuer, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    get(client, issuer.token())
    thaw = Event()
    issuer.instead["/keys"] = lambda handler: thaw.wait(10)
    monkeypatch.setattr(jwks, "MAX_AGE", 0)
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(get, client.application.test_client(), unknown(issuer))
        began = time.monotonic()
        for _ in range(20):
            assert get(client, issuer.token()).status_code == 200
        assert time.monotonic() - began < 1
        assert not waiting.done()
        thaw.set()
        assert waiting.result().status_code in (401, 503)


@pytest.mark.usefixtures("_hasty")
def test_one_thread_stays_free_while_others_wait_for_keys(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, thaw = make_app(issuer, threads=3), Event()
    get(app.test_client(), issuer.token())
    monkeypatch.setattr(jwks, "PATIENCE", 0.6)
    issuer.instead["/keys"] = lambda handler: thaw.wait(10)

    def seconds(_: int) -> float:
        began = time.monotonic()
        assert_unavailable(get(app.test_client(), unknown(issuer)))
        return time.monotonic() - began

    with ThreadPoolExecutor(3) as callers:
        waits = sorted(callers.map(seconds, range(3)))
    thaw.set()
    assert waits[0] < 0.5 < waits[1]


@pytest.mark.usefixtures("_hasty")
def test_old_keys_are_fetched_again_without_a_request_that_waits(
    issuer: Issuer, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = issuer.token()
    get(client, old)
    issuer.rotate("ES256")
    assert get(client, old).status_code == 200
    assert fetches(issuer) == 1
    monkeypatch.setattr(jwks, "MAX_AGE", 0)
    become(401, client, old)


def jwk(key: Any, algorithm: str, **members: Any) -> dict[str, Any]:
    made = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return made | {"kid": "k"} | members


RSA, EC = MAKE["RS256"](), MAKE["ES256"]()


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (jwk(RSA, "RS256"), ["RS256", "PS256"]),
        (jwk(RSA, "RS256", alg="PS256"), ["PS256"]),
        (jwk(RSA, "RS256", use="sig"), ["RS256", "PS256"]),
        (jwk(RSA, "RS256", use="enc"), []),
        (jwk(RSA, "RS256", alg="RSA-OAEP"), []),
        (jwk(RSA, "RS256", alg="HS256"), []),
        (jwk(RSA, "RS256", kid=7), []),
        (jwk(RSA, "RS256", n="!"), []),
        (jwk(rsa.generate_private_key(65537, 1024), "RS256"), []),
        (jwk(EC, "ES256"), ["ES256"]),
        (jwk(EC, "ES256", alg="RS256"), []),
        (jwk(EC, "ES256", x="AA"), []),
        (jwk(ec.generate_private_key(ec.SECP384R1()), "ES384"), []),
        (jwk(ec.generate_private_key(ec.SECP384R1()), "ES384", crv="P-256"), []),
        (jwk(MAKE["EdDSA"](), "EdDSA"), ["EdDSA"]),
        ({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "k"}, []),
        ({"kty": "oct", "k": "c2VjcmV0", "alg": "RS256", "kid": "k"}, []),
    ],
)
def test_a_key_verifies_the_algorithms_that_it_is_for(
    key: dict[str, Any], expected: list[str]
) -> None:
    assert [name for (_, name), _ in jwks.usable(key)] == expected


def test_a_key_without_an_id_is_used_if_it_is_the_only_one(
    issuer: Issuer, client: FlaskClient
) -> None:
    issuer.documents["/keys"]["keys"][0].pop("kid")
    _, key = next(iter(issuer.private.values()))
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    assert get(client, jwt.encode(claims, key, "ES256")).status_code == 200
    assert get(client, issuer.token()).status_code == 401
