"""Security schemes: what the document says of them is enforced."""

from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient

from chassis import Settings, close_app, operation, undocumented
from chassis.security import Scheme, api_key, bearer, open_id_connect, public, secure

from .shop import DUNE, make_shop, stored
from .things import open_test_app

BOOK = f"/v1/books/{DUNE.id}"
PATCH = "application/merge-patch+json"


@pytest.fixture
def client() -> FlaskClient:
    stored[DUNE.id] = DUNE
    return make_shop().test_client()


def put(client: FlaskClient, authorization: str | None) -> Any:
    headers = {"Authorization": authorization} if authorization is not None else {}
    return client.put(BOOK, json={"title": "Dune"}, headers=headers)


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic d3JpdGVyOg==", "writer", "Bearer a b", "Bearer é"],
)
def test_a_caller_without_a_token_is_401_and_told_how(
    client: FlaskClient, authorization: str | None
) -> None:
    response = put(client, authorization)
    assert response.status_code == 401
    assert response.content_type == "application/problem+json"
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["wrong", "writer.", "WRITER", "writer, Bearer writer"])
def test_a_wrong_token_is_401(client: FlaskClient, token: str) -> None:
    assert put(client, f"Bearer {token}").status_code == 401


def test_a_wrong_token_is_called_invalid(client: FlaskClient) -> None:
    response = put(client, "Bearer wrong")
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_caller_that_lacks_a_scope_is_403(client: FlaskClient) -> None:
    response = put(client, "Bearer reader")
    assert response.status_code == 403
    challenge = 'Bearer error="insufficient_scope", scope="books:write"'
    assert response.headers["WWW-Authenticate"] == challenge


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_caller_with_a_token_is_served(client: FlaskClient, scheme: str) -> None:
    assert put(client, f"{scheme} writer").status_code == 200


@pytest.mark.parametrize("headers", [{"X-API-Key": "partner"}, {"Authorization": "Bearer reader"}])
def test_one_of_several_schemes_is_enough(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.patch(BOOK, data="{}", content_type=PATCH, headers=headers).status_code == 200


@pytest.mark.parametrize("key", ["", "wrong"])
def test_a_wrong_key_is_401_with_a_challenge_for_each_scheme(client: FlaskClient, key: str) -> None:
    response = client.patch(BOOK, data="{}", content_type=PATCH, headers={"X-API-Key": key})
    assert response.status_code == 401
    challenges = response.headers.getlist("WWW-Authenticate")
    assert challenges == ["Bearer", 'ApiKey header="X-API-Key"']


def test_the_body_of_a_caller_without_a_token_is_not_read(client: FlaskClient) -> None:
    assert client.put(BOOK, data="{", content_type="application/json").status_code == 401


@pytest.mark.parametrize("path", [BOOK, "/health", "/openapi.json", "/docs", "/docs/init.js"])
def test_what_is_public_needs_no_token(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:
        assert response.status_code == 200


def test_the_default_holds_for_every_route() -> None:
    app = open_test_app(Settings())
    secure(app, bearer(lambda token: token == "right"))
    app.get("/plain")(undocumented(lambda: "plain"))
    client = close_app(app).test_client()
    for method, path in (
        ("GET", "/plain"),
        ("HEAD", "/plain"),
        ("OPTIONS", "/plain"),
        ("TRACE", "/plain"),
        ("POST", "/things"),
        ("DELETE", "/things"),
        ("GET", "/unknown"),
    ):
        assert client.open(path, method=method).status_code == 401
    assert client.get("/plain", headers={"Authorization": "Bearer right"}).text == "plain"


def test_the_default_of_a_blueprint_holds_for_those_inside_it() -> None:
    def find(key: str) -> str:
        return key

    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    secure(outer, api_key("X-Key", find))
    inner.add_url_rule("/inner", "inner", undocumented(lambda: "inner"))
    inner.add_url_rule("/open", "open", public(undocumented(lambda: "open")))
    outer.register_blueprint(inner)
    app = open_test_app(Settings())
    app.register_blueprint(outer)
    app.get("/other")(undocumented(lambda: "other"))
    client = close_app(app).test_client()
    assert client.get("/inner").status_code == 401
    assert client.get("/inner", headers={"X-Key": "x"}).status_code == 200
    assert client.get("/open").status_code == 200
    assert client.get("/other").status_code == 200


def test_the_caller_is_what_the_scheme_s_function_returned() -> None:
    users = bearer(lambda token: {"name": token})
    unused = api_key("X-Key", lambda key: key)

    @operation(security=users)
    def whoami() -> str:
        with pytest.raises(LookupError):
            unused.caller()
        return users.caller()["name"]

    app = open_test_app(Settings())
    app.get("/me")(whoami)
    client = close_app(app).test_client()
    assert client.get("/me", headers={"Authorization": "Bearer Ada"}).json == "Ada"


def test_the_caller_is_known_before_the_application_s_own_functions_run() -> None:
    seen = []
    users: Scheme[str] = bearer(lambda token: token)
    app = open_test_app(Settings())
    app.before_request(lambda: seen.append(users.caller()))
    secure(app, users)
    client = close_app(app).test_client()
    client.post("/things", json={"name": "x"})
    client.post("/things", json={"name": "x"}, headers={"Authorization": "Bearer Ada"})
    assert seen == ["Ada"]


def test_the_document_has_the_schemes_and_what_each_operation_needs() -> None:
    document: Any = make_shop().extensions["document"]
    assert document["components"]["securitySchemes"] == {
        "bearer": {"type": "http", "scheme": "bearer"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "staff": {
            "type": "openIdConnect",
            "openIdConnectUrl": "https://issuer.example/.well-known/openid-configuration",
        },
    }
    book = document["paths"]["/v1/books/{book_id}"]
    assert book["get"]["security"] == []
    assert book["put"]["security"] == [{"bearer": ["books:write"]}]
    assert book["patch"]["security"] == [{"bearer": []}, {"apiKey": []}]
    assert document["paths"]["/things"]["post"]["security"] == [{"bearer": []}]
    assert {"401", "403"} <= set(book["put"]["responses"])
    assert not {"401", "403"} & set(book["get"]["responses"])
    unauthorized = document["components"]["responses"]["Unauthorized"]
    assert unauthorized["headers"]["WWW-Authenticate"]["required"]


def test_an_application_without_schemes_has_none_in_its_document(app: Flask) -> None:
    document = app.extensions["document"]
    assert "securitySchemes" not in document["components"]
    assert "security" not in document["paths"]["/health"]["get"]


async def find_later(token: str) -> str:
    return token


@pytest.mark.parametrize("verify", [None, "token", find_later])
def test_a_scheme_that_cannot_verify_is_refused_at_import(verify: Any) -> None:
    refused = pytest.raises(TypeError, match="cannot verify with it: pass a function")
    with refused:
        bearer(verify)
    with refused:
        api_key("X-Key", verify)
    with refused:
        open_id_connect("https://issuer.example", verify)


def get_thing() -> None:
    pass


@pytest.mark.parametrize("security", [[], "bearer", [None], find_later])
def test_security_that_names_no_scheme_is_refused_at_import(security: Any) -> None:
    with pytest.raises(TypeError, match="get_thing: `security` names no scheme"):
        operation(security=security)(get_thing)


@pytest.mark.parametrize("schemes", [[], [None], [bearer]])
def test_a_default_that_names_no_scheme_is_refused(schemes: list[Any]) -> None:
    with pytest.raises(TypeError, match=r"secure\('books'\): name its schemes"):
        secure(Blueprint("books", __name__), *schemes)


def test_a_view_that_is_public_and_secured_is_refused_at_import() -> None:
    with pytest.raises(TypeError, match="get_thing: its `security` is declared twice"):
        public(operation(security=bearer(str))(get_thing))


def test_two_schemes_of_one_name_are_refused_at_the_end() -> None:
    app = open_test_app(Settings())
    first: Scheme[str] = bearer(str.upper)
    app.get("/one")(operation(security=first)(get_thing))
    secure(app, bearer(str.lower))
    with pytest.raises(TypeError, match="two schemes are named `bearer`: set `name=`"):
        close_app(app)
