"""The caller gets the value that a view returns, and the document declares it."""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

import pytest
from flask import Response, redirect
from flask.testing import FlaskClient
from msgspec import Meta
from werkzeug import Response as BaseResponse

from chassis import Settings, close_app, operation

from .shop import DUNE, make_shop, stored
from .things import Thing, open_test_app

BOOK = f"/v1/books/{DUNE.id}"
TOKEN = {"Authorization": "Bearer writer"}
T = TypeVar("T")
Created = tuple[T, Literal[201], dict[str, str]]

ALWAYS = {"400", "500"}  # declared by every operation


@pytest.fixture
def client() -> FlaskClient:
    stored.clear()
    return make_shop().test_client()


def serve(function: Any, **declared: Any) -> tuple[FlaskClient, Any]:
    """Return a client of an application with this view at /x, and its responses in the document."""
    app = open_test_app(Settings())
    app.get("/x")(operation(**declared)(function))
    responses = close_app(app).extensions["document"]["paths"]["/x"]["get"]["responses"]
    return app.test_client(), responses


def test_a_value_may_have_its_status_and_headers(client: FlaskClient) -> None:
    for status, location in ((201, BOOK), (200, None)):
        response = client.put(BOOK, json={"title": "Dune"}, headers=TOKEN)
        assert response.status_code == status
        assert response.location == location
        assert response.get_json()["title"] == "Dune"


def test_each_status_is_documented_with_its_type() -> None:
    paths = make_shop().extensions["document"]["paths"]
    responses = paths["/v1/books/{book_id}"]["put"]["responses"]
    assert {"200", "201"} <= set(responses)
    assert "default" not in responses
    order = paths["/v1/books/{book_id}/orders"]["post"]["responses"]
    for status in ("200", "202"):
        schema = order[status]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Job"}


def created() -> Created[Thing]:
    return Thing("x"), 201, {"X-Kind": "new"}


def enumerated() -> tuple[Thing, Literal[HTTPStatus.ACCEPTED]]:
    return Thing("x"), HTTPStatus.ACCEPTED


def two_types() -> Thing | tuple[int, Literal[202]] | tuple[None, Literal[204]]:
    return None, 204


def one_status_for_two_types() -> tuple[Thing, Literal[200]] | tuple[int, Literal[200, 203]]:
    return 5, 203


def nothing() -> None:
    pass


def annotated_status() -> Annotated[tuple[Thing, Literal[201]], "a comment"]:
    return Thing("x"), 201


@pytest.mark.parametrize(
    ("function", "status", "body", "declared"),
    [
        (created, 201, {"name": "x"}, {"201"}),
        (enumerated, 202, {"name": "x"}, {"202"}),
        (two_types, 204, None, {"200", "202", "204"}),
        (one_status_for_two_types, 203, 5, {"200", "203"}),
        (nothing, 204, None, {"204"}),
        (annotated_status, 201, {"name": "x"}, {"201"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_way_to_write_a_status_works(
    function: Any, status: int, body: Any, declared: set[str]
) -> None:
    client, responses = serve(function)
    response = client.get("/x")
    assert response.status_code == status
    assert response.get_json(silent=True) == body
    assert set(responses) == declared | ALWAYS


def untyped_status() -> Thing:
    return Thing("x"), 202  # type: ignore[return-value]


def untyped_headers() -> dict[str, Any]:
    return {"a": 1}, 202, {"X-Kind": "new"}  # type: ignore[return-value]


@pytest.mark.parametrize("function", [untyped_status, untyped_headers])
def test_a_status_that_is_not_declared_is_still_sent(function: Any) -> None:
    client, responses = serve(function)
    assert client.get("/x").status_code == 202
    assert set(responses) == {"200"} | ALWAYS


def null() -> tuple[Thing | None, Literal[200]]:
    return None, 200


def anything() -> Any:
    return None


@pytest.mark.parametrize("function", [null, anything])
def test_none_is_null_where_the_document_has_content(function: Any) -> None:
    client, _ = serve(function)
    response = client.get("/x")
    assert (response.status_code, response.text) == (200, "null")
    assert response.content_type == "application/json"


def redirected() -> BaseResponse:
    return redirect("/health", 303)


def test_a_redirect_is_a_response_of_its_own() -> None:
    client, responses = serve(redirected, status=303)
    assert client.get("/x").location == "/health"
    assert set(responses) == {"303"} | ALWAYS


def pair() -> tuple[str, str]:
    return "a", "b"


def sequence() -> Sequence[int]:
    return 1, 202


def annotated() -> Annotated[tuple[float, ...], Meta(max_length=2)]:
    return 1, 202


@pytest.mark.parametrize(
    ("function", "body"), [(pair, ["a", "b"]), (sequence, [1, 202]), (annotated, [1, 202])]
)
def test_a_tuple_that_is_declared_is_sent_as_an_array(function: Any, body: list[Any]) -> None:
    client, _ = serve(function)
    assert client.get("/x").json == body


def maybe() -> Thing | None:
    return None


def integer_status() -> tuple[Thing, int]:
    raise NotImplementedError


def enum_status() -> tuple[Thing, HTTPStatus, dict[str, str]]:
    raise NotImplementedError


def headers_alone() -> tuple[Thing, dict[str, str]]:
    raise NotImplementedError


def bare_headers_alone() -> tuple[Thing, dict]:  # type: ignore[type-arg]
    raise NotImplementedError


def bare_tuple() -> tuple:  # type: ignore[type-arg]
    raise NotImplementedError


def text_status() -> tuple[Thing, Literal["201"]]:
    raise NotImplementedError


def text_headers() -> tuple[Thing, Literal[201], str]:
    raise NotImplementedError


def four() -> tuple[Thing, Literal[201], dict[str, str], int]:
    raise NotImplementedError


def annotated_maybe() -> Annotated[Thing | None, Meta(description="a thing")]:
    raise NotImplementedError


def array_beside() -> tuple[str, str] | tuple[Thing, Literal[202]]:
    raise NotImplementedError


def response_beside() -> Response | tuple[Thing, Literal[202]]:
    raise NotImplementedError


def response_or_none() -> Response | None:
    raise NotImplementedError


def response_with_status() -> tuple[Response, Literal[202]]:
    raise NotImplementedError


def error() -> Thing | tuple[Thing, Literal[404]]:
    raise NotImplementedError


def content_of_204() -> tuple[Thing, Literal[204]]:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("function", "correction"),
    [
        (maybe, r"raise NotFound, or add `tuple\[None, Literal\[204\]\]`"),
        (integer_status, r"write `tuple\[T, Literal\[201\]\]`"),
        (enum_status, r"write `tuple\[T, Literal\[201\]\]`"),
        (headers_alone, r"or `tuple\[T, Literal\[201\], dict\[str, str\]\]`"),
        (bare_headers_alone, r"write `tuple\[T, Literal\[201\]\]`"),
        (bare_tuple, r"write `tuple\[T, Literal\[201\]\]`"),
        (text_status, r"write `tuple\[T, Literal\[201\]\]`"),
        (text_headers, r"write `tuple\[T, Literal\[201\]\]`"),
        (four, r"write `tuple\[T, Literal\[201\]\]`"),
        (annotated_maybe, r"raise NotFound, or add `tuple\[None, Literal\[204\]\]`"),
        (array_beside, "add its Literal status"),
        (response_beside, "write `-> flask.Response` alone"),
        (response_or_none, "write `-> flask.Response` alone"),
        (response_with_status, "write `-> flask.Response` alone"),
        (error, "404 is not a success: raise it, and add it to `errors`"),
        (content_of_204, "204 has no content: return None with it"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_unsupported_type_is_refused_at_import(function: Any, correction: str) -> None:
    with pytest.raises(TypeError, match=rf"test_responses\.{function.__name__}: .*{correction}"):
        operation()(function)


@pytest.mark.parametrize(
    ("declared", "correction"),
    [
        ({"status": 404}, "404 is not a success"),
        ({"status": 100}, "100 is not a success"),
        ({"status": "201"}, "`status` is '201': write a number"),
        ({"headers": ["Location"]}, r"`headers` is \['Location'\]: write a dict of functions"),
        ({"headers": {"ETag": str}}, "it returns none"),
    ],
)
def test_an_invalid_status_or_header_is_refused_at_import(
    declared: dict[str, Any], correction: str
) -> None:
    with pytest.raises(TypeError, match=rf"test_responses\.nothing: .*{correction}"):
        operation(**declared)(nothing)


def test_a_status_beside_those_of_the_annotation_is_refused_at_import() -> None:
    with pytest.raises(TypeError, match="status=202 has no effect"):
        operation(status=202)(created)


def thing() -> Thing:
    return Thing("x")


def sometimes(thing: Thing) -> str | None:
    return thing.name if thing.name != "x" else None


def test_a_header_that_may_be_missing_is_optional() -> None:
    client, responses = serve(thing, headers={"X-Sometimes": sometimes, "X-Always": repr})
    response = client.get("/x")
    assert "X-Sometimes" not in response.headers
    assert "X-Always" in response.headers
    assert responses["200"]["headers"]["X-Sometimes"]["required"] is False
    assert responses["200"]["headers"]["X-Always"]["required"] is True


class Optionally:
    def __call__(self, value: Any) -> str | None:
        return None


def optionally(name: str, value: Any) -> "str | None":
    return None


@pytest.mark.parametrize("make", [Optionally(), partial(optionally, "X-Sometimes")])
def test_any_callable_may_make_an_optional_header(make: Any) -> None:
    client, responses = serve(thing, headers={"X-Sometimes": make})
    assert "X-Sometimes" not in client.get("/x").headers
    assert responses["200"]["headers"]["X-Sometimes"]["required"] is False


def test_a_required_header_that_is_missing_is_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    client, _ = serve(thing, headers={"X-Always": lambda _: None})
    assert client.get("/x").status_code == 500
    assert "it returned None for X-Always: annotate `-> str | None`" in caplog.text


def test_the_content_type_is_no_header_of_an_operation() -> None:
    with pytest.raises(TypeError, match=r"thing: .* for another one"):
        operation(headers={"content-type": repr})(thing)


def test_a_header_function_with_an_unknown_type_is_refused_at_import() -> None:
    def name_of(thing: "Missing") -> str:  # type: ignore[name-defined]  # noqa: F821
        raise NotImplementedError

    with pytest.raises(TypeError, match="thing: `headers` has .*name_of.*'Missing'"):
        operation(headers={"X-Name": name_of})(thing)


def test_the_name_of_an_etag_may_have_any_case() -> None:
    client, responses = serve(thing, headers={"etag": lambda _: '"1"'})
    assert client.get("/x", headers={"If-None-Match": '"1"'}).status_code == 304
    assert "304" in responses


@pytest.mark.parametrize("match", ["{}", "W/{}", '"x", {}', "*"])
def test_an_unchanged_resource_is_304(client: FlaskClient, match: str) -> None:
    stored[DUNE.id] = DUNE
    first = client.get(BOOK, headers={"X-Request-ID": "one"})
    headers = {"X-Request-ID": "two", "If-None-Match": match.format(first.headers["ETag"])}
    for method in ("GET", "HEAD"):
        response = client.open(BOOK, method=method, headers=headers)
        assert response.status_code == 304
        assert response.data == b""
        assert response.headers["ETag"] == first.headers["ETag"]
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert response.headers["X-Request-ID"] == "two"
        assert "Content-Type" not in response.headers


@pytest.mark.parametrize("match", ['"x"', "x", ""])
def test_a_changed_resource_is_sent(client: FlaskClient, match: str) -> None:
    stored[DUNE.id] = DUNE
    response = client.get(BOOK, headers={"If-None-Match": match})
    assert response.get_json()["title"] == "Dune"
    assert response.headers["Cache-Control"] == "private, no-cache"


def test_a_304_repeats_vary() -> None:
    client, _ = serve(thing, headers={"ETag": lambda _: '"1"', "Vary": lambda _: "Origin"})
    response = client.get("/x", headers={"If-None-Match": '"1"'})
    assert (response.status_code, response.headers["Vary"]) == (304, "Origin")


def test_a_response_without_an_etag_or_to_a_write_is_not_stored(client: FlaskClient) -> None:
    for response in (
        client.get("/health"),
        client.put(BOOK, json={"title": "Dune"}, headers=TOKEN | {"If-None-Match": "*"}),
        client.get("/v1/books/x"),
    ):
        assert response.status_code != 304
        assert response.headers["Cache-Control"] == "no-store"


def test_the_document_has_the_304() -> None:
    paths = make_shop().extensions["document"]["paths"]
    get = paths["/v1/books/{book_id}"]["get"]
    assert "ETag" in get["responses"]["304"]["headers"]
    assert "If-None-Match" in [each["name"] for each in get["parameters"]]
    assert "304" not in paths["/v1/books/{book_id}"]["put"]["responses"]
