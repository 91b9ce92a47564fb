"""Every route needs a token of the issuer, and only a valid token is accepted."""

import base64
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from flask.views import MethodView
from werkzeug.test import TestResponse

from chassis import Settings, close_app, open_app, operation, undocumented
from chassis.auth import Claims, tokens
from chassis.security import public

from .issuer import AUDIENCE, MAKE, Issuer
from .test_settings import refused

SECRET = "a secret of 32 bytes or more, it is"


class Employee(Claims):
    department: str


class Plain(MethodView):
    def get(self) -> str:
        return "plain"


@operation()
def get_name() -> str:
    """Return the caller's name."""
    return tokens.caller().sub or "nameless"


@operation()
def get_department() -> str:
    return tokens.caller().read(Employee).department


@operation(security=tokens.with_scopes("items:read", "items:write"))
def write() -> None:
    """Write."""


def make_app(issuer: Issuer, **settings: Any) -> Flask:
    given = Settings(**issuer.settings, **settings)
    app = open_app(__name__, given, title="T", version="1")
    app.get("/name")(get_name)
    app.get("/department")(get_department)
    app.post("/write")(write)
    app.get("/plain", endpoint="plain")(undocumented(lambda: "plain"))
    app.route("/every", methods=["GET", "OPTIONS"], endpoint="every")(undocumented(lambda: "every"))
    app.get("/open", endpoint="open")(public(undocumented(lambda: "open")))
    app.add_url_rule("/class", view_func=Plain.as_view("class"))
    inner = Blueprint("inner", __name__)
    inner.add_url_rule("/inner/<int:number>", "inner", undocumented(lambda number: str(number)))
    app.register_blueprint(inner)
    return close_app(app)


@pytest.fixture(scope="module")
def own() -> Iterator[Issuer]:
    with Issuer() as own:
        own.rotate(*MAKE)
        yield own


@pytest.fixture(scope="module")
def app(own: Issuer) -> Flask:
    return make_app(own)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def get(client: FlaskClient, token: str, path: str = "/name") -> TestResponse:
    return client.get(path, headers={"Authorization": f"Bearer {token}"})


# --- deny by default


@pytest.mark.parametrize(
    "path", ["/name", "/department", "/plain", "/every", "/class", "/inner/1", "/unknown", "/docs/"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "TRACE", "PROPFIND"])
def test_without_a_token_a_caller_is_401(client: FlaskClient, method: str, path: str) -> None:
    response = client.open(path, method=method)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("path", ["/", "/health", "/openapi.json", "/docs", "/open"])
def test_a_public_route_needs_no_token(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:
        assert response.status_code == 200
    with get(client, "wrong", path) as response:
        assert response.status_code == 200


PREFLIGHT = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}


def test_a_preflight_needs_no_token(client: FlaskClient) -> None:
    assert client.options("/plain", headers=PREFLIGHT).status_code == 200
    assert client.options("/unknown", headers=PREFLIGHT).status_code == 404


@pytest.mark.parametrize("missing", PREFLIGHT)
def test_an_incomplete_preflight_needs_a_token(client: FlaskClient, missing: str) -> None:
    part = {name: text for name, text in PREFLIGHT.items() if name != missing}
    assert client.options("/plain", headers=part).status_code == 401
    assert client.get("/plain", headers=PREFLIGHT).status_code == 401


def test_a_view_that_handles_options_itself_needs_a_token(client: FlaskClient) -> None:
    assert client.options("/every", headers=PREFLIGHT).status_code == 401


# --- valid tokens


@pytest.mark.parametrize("algorithm", MAKE)
def test_a_token_of_each_algorithm_is_accepted(algorithm: str) -> None:
    with Issuer() as other:
        other.rotate(algorithm)
        assert get(make_app(other).test_client(), other.token()).json == "ada"


@pytest.mark.parametrize("claims", [{"aud": ["other", AUDIENCE]}, {"sub": None}, {"iat": None}])
def test_claims_that_a_token_may_have(client: FlaskClient, own: Issuer, claims: Any) -> None:
    assert get(client, own.token(**claims)).status_code == 200


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -20), ("nbf", 20), ("iat", 20)])
def test_clocks_may_differ_by_half_a_minute(
    client: FlaskClient, own: Issuer, claim: str, seconds: int
) -> None:
    for later, status in ((seconds, 200), (2 * seconds, 401)):
        claims: Any = {claim: time.time() + later}
        assert get(client, own.token(**claims)).status_code == status


@pytest.mark.parametrize("kind", ["JWT", "at+jwt", "application/at+jwt", "AT+JWT"])
def test_types_that_a_token_may_have(client: FlaskClient, own: Issuer, kind: str) -> None:
    assert get(client, own.token({"typ": kind})).status_code == 200


# --- refused tokens


def forged(own: Issuer, header: dict[str, Any], signature: bytes = b"") -> str:
    """Return a token of the issuer, with another header."""
    payload = own.token().split(".")[1]
    parts = json.dumps(header).encode(), signature
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts]
    return f"{encoded[0]}.{payload}.{encoded[1]}"


def signed_as(own: Issuer, algorithm: str, key: Any, **headers: Any) -> str:
    claims = jwt.decode(own.token(), options={"verify_signature": False})
    return jwt.encode(claims, key, algorithm, headers)


def with_public_key(own: Issuer) -> str:
    """Sign with HS256; the secret is the issuer's public key, which everyone has."""
    key_id, (_, key) = next(iter(own.private.items()))
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jwt.algorithms.HMACAlgorithm.prepare_key", lambda _, key: key)
        return signed_as(own, "HS256", pem, kid=key_id)


def first(own: Issuer) -> str:
    return next(iter(own.private))


MINE = rsa.generate_private_key(65537, 2048)
BAD: dict[str, Any] = {
    "alg none": lambda own: forged(own, {"alg": "none", "kid": first(own)}),
    "alg None": lambda own: forged(own, {"alg": "NonE", "kid": first(own)}, b"x"),
    "no alg": lambda own: forged(own, {"kid": first(own)}),
    "alg a list": lambda own: forged(own, {"alg": ["RS256"], "kid": first(own)}),
    "no signature": lambda own: own.token().rpartition(".")[0] + ".",
    "HS256 with the public key": with_public_key,
    "HS256": lambda own: signed_as(own, "HS256", SECRET, kid=first(own)),
    "another algorithm of the same key": lambda own: signed_as(
        own, "PS256", own.private[first(own)][1], kid=first(own)
    ),
    "a weaker hash": lambda own: signed_as(
        own, "RS512", own.private[first(own)][1], kid=first(own)
    ),
    "another key": lambda own: signed_as(own, "RS256", MINE, kid=first(own)),
    "an EC signature of zeros": lambda own: forged(
        own, {"alg": "ES256", "kid": list(own.private)[2]}, bytes(64)
    ),
    "no kid, several keys": lambda own: signed_as(own, "RS256", MINE),
    "kid of a file": lambda own: signed_as(own, "RS256", MINE, kid="../../../dev/null"),
    "kid of SQL": lambda own: signed_as(own, "RS256", MINE, kid="' UNION SELECT 'x'; --"),
    "kid a number": lambda own: forged(own, {"alg": "RS256", "kid": 1}),
    "jku": lambda own: signed_as(own, "RS256", MINE, kid="x", jku=f"{own.url}/mine"),
    "x5u": lambda own: signed_as(own, "RS256", MINE, kid=first(own), x5u=f"{own.url}/mine"),
    "jwk": lambda own: signed_as(
        own, "RS256", MINE, jwk=jwt.get_algorithm_by_name("RS256").to_jwk(MINE.public_key(), True)
    ),
    "crit": lambda own: own.token({"crit": ["exp"], "exp": 1}),
    "b64": lambda own: own.token({"crit": ["b64"], "b64": True}),
    "typ of a logout token": lambda own: own.token({"typ": "logout+jwt"}),
    "another issuer": lambda own: own.token(iss="https://other.example"),
    "the issuer with a slash": lambda own: own.token(iss=f"{own.url}/"),
    "no issuer": lambda own: own.token(iss=None),
    "another audience": lambda own: own.token(aud="other"),
    "other audiences": lambda own: own.token(aud=["other", "others"]),
    "a part of the audience": lambda own: own.token(aud=AUDIENCE[:-1]),
    "an empty audience": lambda own: own.token(aud=[]),
    "no audience": lambda own: own.token(aud=None),
    "expired": lambda own: own.token(exp=int(time.time()) - 60),
    "no expiry": lambda own: own.token(exp=None),
    "expiry a text": lambda own: own.token(exp="9999999999"),
    "expiry true": lambda own: own.token(exp=True),
    "expiry infinite": lambda own: own.token(exp=float("inf")),
    "not yet valid": lambda own: own.token(nbf=int(time.time()) + 60),
    "issued in the future": lambda own: own.token(iat=int(time.time()) + 60),
    "sub a number": lambda own: own.token(sub=7),
    "scope a number": lambda own: own.token(scope=7),
    "other base64 of the same signature": lambda own: own.token()[:-1] + "B",
    "base64 with padding": lambda own: own.token() + "=",
    "base64 with a character between": lambda own: own.token().replace(".", "~."),
    "no dots": lambda own: "x",
    "dots": lambda own: "...",
    "three parts of nothing": lambda own: "..",
    "deep JSON": lambda own: base64.b64encode(b'{"a":' + b"[" * 5002).decode() + ".e30.x",
    "a payload that is a list": lambda own: own.token().replace(own.token().split(".")[1], "W10"),
    "1 MiB": lambda own: own.token(padding="x" * 2**20),
    "9000 bytes": lambda own: own.token(padding="x" * 6600),
}


@pytest.mark.parametrize("attack", BAD)
def test_a_token_that_is_not_valid_is_401(
    client: FlaskClient, own: Issuer, attack: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = BAD[attack](own)
    own.requested.clear()
    response = get(client, token)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    detail = response.get_json(force=True)["detail"]
    assert detail == "Send valid credentials: WWW-Authenticate names the schemes."
    assert "A token was refused: " in caplog.text
    for part in filter(lambda part: len(part) > 10, token.split(".")):
        assert part not in caplog.text
    assert "/mine" not in own.requested


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Basic YTpi",
        "Token {}",
        "{}",
        "Bearer {} x",
        "Bearer {}, Bearer {}",
    ],
)
def test_other_schemes_and_several_tokens_are_refused(
    client: FlaskClient, own: Issuer, value: str
) -> None:
    response = client.get("/name", headers={"Authorization": value.replace("{}", own.token())})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_is_read_only_from_the_header(client: FlaskClient, own: Issuer) -> None:
    client.set_cookie("Authorization", f"Bearer {own.token()}")
    assert client.get(f"/name?access_token={own.token()}").status_code == 401


# --- scopes and claims


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": "items:write openid items:read"},
        {"scp": "items:read items:write"},
        {"scp": ["items:read", "items:write"]},
        {"scope": "items:read", "scp": ["items:write"]},
    ],
)
def test_a_caller_with_the_scopes_is_served(client: FlaskClient, own: Issuer, claims: Any) -> None:
    headers = {"Authorization": f"Bearer {own.token(**claims)}"}
    assert client.post("/write", headers=headers).status_code == 204


@pytest.mark.parametrize(
    "claims", [{}, {"scope": "items:read"}, {"scope": "items:readitems:write"}]
)
def test_a_caller_that_lacks_a_scope_is_403(client: FlaskClient, own: Issuer, claims: Any) -> None:
    headers = {"Authorization": f"Bearer {own.token(**claims)}"}
    response = client.post("/write", headers=headers)
    assert response.status_code == 403
    challenge = 'Bearer error="insufficient_scope", scope="items:read items:write"'
    assert response.headers["WWW-Authenticate"] == challenge


def test_a_view_reads_claims_as_a_type_of_its_own(client: FlaskClient, own: Issuer) -> None:
    assert get(client, own.token(department="art"), "/department").json == "art"
    for token in (own.token(), own.token(department=7)):
        response = get(client, token, "/department")
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_the_document_has_the_security_of_each_operation(app: Flask) -> None:
    document = app.extensions["document"]
    assert document["components"]["securitySchemes"] == {
        "bearer": {"type": "http", "scheme": "bearer"}
    }
    name, write = document["paths"]["/name"]["get"], document["paths"]["/write"]["post"]
    assert name["security"] == [{"bearer": []}]
    assert write["security"] == [{"bearer": ["items:read", "items:write"]}]
    assert {"401", "503"} <= set(name["responses"])
    assert {"401", "403", "503"} <= set(write["responses"])
    unavailable = document["components"]["responses"]["ServiceUnavailable"]
    assert "Retry-After" in unavailable["headers"]
    assert not {"401", "503"} & set(document["paths"]["/health"]["get"]["responses"])


# --- settings

GOOD = [
    "https://issuer.example",
    "https://issuer.example/",
    "https://issuer.example:8443/realms/a%20b/v2.0",
    "https://[2001:db8::1]/",
    "http://localhost:8300",
    "http://127.0.0.1",
    "http://[::1]:8300/realms/x",
]


@pytest.mark.parametrize("url", GOOD)
def test_an_issuer_is_an_https_url_or_on_this_machine(url: str) -> None:
    assert Settings.from_environment({"AUTH_ISSUER": url}).auth_issuer == url


@pytest.mark.parametrize(
    "url",
    [
        "issuer.example",
        "http://issuer.example",
        "http://localhost.example.com",
        "http://localhost@issuer.example",
        "http://127.0.0.1.example.com",
        "http://127.1.example",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "HTTP://issuer.example",
        "ftp://issuer.example",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user:password@issuer.example",
        "https://issuer.example?a=b",
        "https://issuer.example#a",
        "https://issuer.example/a b",
        "https://issuer.example\n",
        "https://issuer.example\\@other.example",
    ],
)
def test_an_invalid_issuer_is_refused_in_one_line(url: str) -> None:
    (line,) = refused(Settings, AUTH_ISSUER=url)
    assert line.startswith(f"AUTH_ISSUER={url!r}: use the issuer's https URL")


@pytest.mark.parametrize("mark", ["IN_IMAGE", "K_SERVICE", "KUBERNETES_SERVICE_HOST"])
@pytest.mark.parametrize("url", [url for url in GOOD if url.startswith("http:")])
def test_an_issuer_without_tls_is_refused_where_the_api_is_deployed(mark: str, url: str) -> None:
    environ = {
        mark: "x",
        # % if cookiecutter.datastore == "sql"
        "DATABASE_URL": "postgresql://127.0.0.1:1/nowhere",
        # % endif
    }
    (line,) = refused(Settings, AUTH_ISSUER=url, **environ)
    assert line.startswith(f"AUTH_ISSUER={url!r}: use https; ")
    Settings.from_environment({"AUTH_ISSUER": "https://issuer.example", **environ})


@pytest.mark.parametrize("missing", ["auth_issuer", "auth_audience"])
def test_without_an_issuer_or_an_audience_there_is_no_application(missing: str) -> None:
    given = {"auth_issuer": "https://issuer.example", "auth_audience": "api"} | {missing: ""}
    with pytest.raises(SystemExit, match=f"^{missing.upper()} is not set: use [^\n]+$"):
        open_app(__name__, Settings(**given), title="T", version="1")  # type: ignore[arg-type]


def test_an_issuer_without_tls_is_logged(own: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    make_app(own)
    assert f"AUTH_ISSUER is {own.url}: for development only" in caplog.text


def test_a_claim_of_the_wrong_type_is_no_claim() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"iss": "x", "aud": "y", "exp": True}, Claims)
