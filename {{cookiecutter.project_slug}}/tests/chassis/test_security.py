"""Security schemes: the application enforces what the document declares."""

from types import SimpleNamespace
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient

from chassis import Settings, close_app, operation, undocumented
from chassis.security import Scheme, api_key, bearer, open_id_connect, public, secure

from .shop import CALLERS, DUNE, Caller, make_shop, stored
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
def test_a_caller_without_a_token_is_401_with_a_challenge(
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
def test_a_public_route_needs_no_token(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:
        assert response.status_code == 200


def test_the_default_applies_to_every_route() -> None:
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


def test_the_default_of_a_blueprint_applies_to_inner_blueprints() -> None:
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


def test_before_close_app_every_request_fails(caplog: pytest.LogCaptureFixture) -> None:
    app = open_test_app(Settings())
    app.get("/open")(public(undocumented(lambda: "open")))
    for path in ("/open", "/nothing"):
        assert app.test_client().get(path).status_code == 500
    assert "RuntimeError: create_app does not end with `return close_app(app)`" in caplog.text


def test_the_default_of_an_inner_blueprint_applies_wherever_it_is_registered() -> None:
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    secure(inner, bearer(lambda token: token == "right"))
    inner.add_url_rule("/inner", "inner", undocumented(lambda: "inner"))
    outer.register_blueprint(inner)
    outer.register_blueprint(inner, url_prefix="/two", name="two")
    app = open_test_app(Settings())
    app.register_blueprint(outer)
    app.register_blueprint(outer, url_prefix="/more", name="more")
    client = close_app(app).test_client()
    for path in ("/inner", "/two/inner", "/more/inner", "/more/two/inner"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"Authorization": "Bearer right"}).status_code == 200


def secured(scheme: Scheme[Any], decorator: Any = lambda view: view) -> FlaskClient:
    """Return a client of an application whose GET /x needs the scheme."""

    @operation(security=scheme)
    def get_x() -> str:
        return "x"

    app = open_test_app(Settings())
    app.get("/x")(decorator(get_x))
    return close_app(app).test_client()


@pytest.mark.parametrize("caller", [None, False, "", 0, [], ()])
def test_a_caller_that_is_false_is_401(caller: Any) -> None:
    client = secured(bearer(lambda _: caller))
    assert client.get("/x", headers={"Authorization": "Bearer x"}).status_code == 401


def bare(view: Any) -> Any:
    return lambda **arguments: view(**arguments)


@pytest.mark.parametrize("has_default", [False, True])
def test_a_decorator_that_hides_the_security_of_an_operation_does_not_open_it(
    has_default: bool, caplog: pytest.LogCaptureFixture
) -> None:
    scheme: Scheme[Caller] = bearer(CALLERS.get)
    app = open_test_app(Settings())
    if has_default:
        secure(app, scheme)
    app.get("/x")(bare(operation(security=scheme.with_scopes("books:write"))(get_thing)))
    client = close_app(app).test_client()
    assert client.get("/x", headers={"Authorization": "Bearer reader"}).status_code == 500
    assert "get_thing: its `security` was not checked: use functools.wraps" in caplog.text


def test_a_route_that_is_added_after_close_app_has_the_default() -> None:
    app = open_test_app(Settings())
    secure(app, bearer(str))
    close_app(app)
    app.get("/late")(lambda: "late")
    assert app.test_client().get("/late").status_code == 401


def test_a_default_after_close_app_is_refused(app: Flask) -> None:
    late = Blueprint("late", __name__)
    secure(late, bearer(str))
    with pytest.raises(TypeError, match=r"secure\(\) of late has no effect after close_app"):
        app.register_blueprint(late)
    with pytest.raises(TypeError, match=r"secure\(\) of the application has no effect"):
        secure(app, bearer(str))


def test_an_error_handler_of_the_application_handles_401_and_403() -> None:
    app = open_test_app(Settings())
    scheme: Scheme[Caller] = bearer(CALLERS.get)
    app.get("/x")(operation(security=scheme.with_scopes("books:write"))(get_thing))
    app.register_error_handler(401, lambda error: (f"mine: {error.code}", 401))
    app.register_error_handler(403, lambda error: (f"mine: {error.code}", 403))
    client = close_app(app).test_client()
    assert client.get("/x").text == "mine: 401"
    assert client.get("/x", headers={"Authorization": "Bearer reader"}).text == "mine: 403"


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        ("read write", 200),
        (["read", "write"], 200),
        ({"write", "read"}, 200),
        ("readwrite", 403),
        ("read", 403),
        ("", 403),
        (None, 403),
    ],
)
def test_scopes_may_be_a_text_as_in_oauth(scopes: Any, status: int) -> None:
    users = bearer(lambda _: SimpleNamespace(scopes=scopes))
    client = secured(users.with_scopes("read").with_scopes("write"))
    assert client.get("/x", headers={"Authorization": "Bearer x"}).status_code == status


def test_the_caller_of_one_request_is_not_that_of_the_next() -> None:
    users: Scheme[str] = bearer(lambda token: token)

    @public
    @operation()
    def whoami() -> str:
        return users.caller()

    app = open_test_app(Settings())
    secure(app, users)
    app.get("/me")(whoami)
    close_app(app)
    with app.app_context():
        client = app.test_client()
        client.post("/things", json={"name": "x"}, headers={"Authorization": "Bearer Ada"})
        assert client.get("/me").status_code == 500


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
    assert document["security"] == []  # public, unless an operation declares its own
    assert "security" not in book["get"]
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
    assert document["security"] == []


async def find_later(token: str) -> str:
    return token


class FindLater:
    async def __call__(self, token: str) -> str:
        return token


def yield_user(token: str) -> Any:
    yield token


@pytest.mark.parametrize(
    "verify", [None, "token", find_later, FindLater(), yield_user, lambda: 1, lambda a, b: 1]
)
def test_a_scheme_that_cannot_verify_is_refused_at_import(verify: Any) -> None:
    refused = pytest.raises(TypeError, match="cannot verify with it: pass a function")
    with refused:
        bearer(verify)
    with refused:
        api_key("X-Key", verify)
    with refused:
        open_id_connect("https://issuer.example", verify)


class Later:
    def __await__(self) -> Any:
        yield


def test_a_verify_that_returns_an_awaitable_accepts_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = secured(bearer(lambda _: Later()))
    assert client.get("/x", headers={"Authorization": "Bearer x"}).status_code == 500
    assert "it returns an awaitable: return the caller" in caplog.text


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: bearer(str, name=""), "'' cannot be the name"),
        (lambda: bearer(str, name="my users"), "'my users' cannot be the name"),
        (lambda: api_key("", str), "'' cannot be the header"),
        (lambda: api_key("X Key", str), "'X Key' cannot be the header"),
        (lambda: api_key("X_Key", str), "'X_Key' cannot be the header"),
        (lambda: open_id_connect("issuer.example", str), "'issuer.example' cannot be the URL"),
        (lambda: bearer(str).with_scopes(["a"]), r"\['a'\] cannot be the scope"),  # type: ignore[arg-type]
        (lambda: bearer(str).with_scopes("a b"), "'a b' cannot be the scope"),
        (lambda: bearer(str).with_scopes(), r"with_scopes\(\) names no scope: add one"),
    ],
)
def test_a_scheme_that_the_document_cannot_have_is_refused(make: Any, what: str) -> None:
    with pytest.raises(TypeError, match=what):
        make()


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
