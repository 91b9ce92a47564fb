"""A view's signature is its contract; the resource here uses each kind of parameter."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import pytest
from flask import Blueprint, Flask, Response
from flask.testing import FlaskClient
from msgspec import Meta
from werkzeug.test import TestResponse

from chassis import Input, Settings, close_app, operation

from .statuses import declared_statuses
from .things import open_test_app


class Part(Input):
    size: int


class ThingIn(Input):
    count: Annotated[int, Meta(ge=1, le=10)]
    fragile: bool = False
    weight: float = 0
    parts: list[Part] = []
    stock: dict[str, int] = {}


class Span(Input):
    first: int
    last: int
    only: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("last comes before first")


class Range(Span):
    """From first to last.

    The range includes both.
    """

    names: dict[int, str] = {}


class ThingsQuery(Input, rename={"tag": "with-tag"}):
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    fragile: bool = False
    tag: Annotated[list[str], Meta(max_length=5)] = []


class ThingHeaders(msgspec.Struct, rename={"key": "X-Key"}):
    key: Annotated[int, Meta(description="a number")]
    trace: str = ""


class Thing(msgspec.Struct, omit_defaults=True):
    id: int
    count: int
    fragile: bool
    stock: dict[str, int] = {}


things = Blueprint("things", __name__)


@things.get("/things")
@operation()
def list_things(query: ThingsQuery) -> list[Thing]:
    """List things.

    The list can have any length.
    """
    return [Thing(len(query.tag), query.limit, query.fragile)]


@things.get("/things/<int:thing_id>")
@operation(headers={"X-Count": lambda thing: str(thing.count)})
def get_thing(thing_id: int, headers: ThingHeaders) -> Thing:
    """Get a thing."""
    return Thing(thing_id, headers.key, headers.trace == "on")


@things.put("/things/<int:thing_id>")
@operation()
def put_thing(thing_id: int, body: ThingIn) -> Thing:
    """Put a thing."""
    return Thing(thing_id, body.count, body.fragile, body.stock)


@things.get("/ranges")
@operation()
def get_range(query: Span) -> Span:
    """Give a range back."""
    return query


@things.post("/ranges")
@operation(status=201)
def create_range(body: Range) -> Range:
    """Make a range."""
    return body


@things.get("/things/<thing_id>/label")
@operation()
def get_label(thing_id: Annotated[int, Meta(le=1000)]) -> Response:
    """Print the label of a thing."""
    return Response(f"#{thing_id}", mimetype="text/plain")


@things.delete("/things/<int:thing_id>")
@operation(status=204)
def delete_thing(thing_id: int) -> None:
    """Delete a thing."""


def make_app() -> Flask:
    app = open_test_app(Settings())
    app.register_blueprint(things, url_prefix="/v1")
    return close_app(app)


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    app = make_app()
    with declared_statuses(app):
        yield app.test_client()


def test_path_and_body_are_passed_by_name(client: FlaskClient) -> None:
    response = client.put("/v1/things/7", json={"count": 2, "fragile": True})
    assert response.json == {"id": 7, "count": 2, "fragile": True}


def put(client: FlaskClient, body: str) -> TestResponse:
    return client.put("/v1/things/7", data=body, content_type="application/json")


def fault(response: TestResponse) -> Any:
    """Return the errors that a 422 lists."""
    assert response.status_code == 422
    return response.get_json(force=True)["errors"][0]


def test_a_whole_number_keeps_all_its_digits(client: FlaskClient) -> None:
    response = put(client, '{"count": 5.0, "stock": {"1": 9007199254740993.0}}')
    assert response.get_json(force=True)["stock"] == {"1": 9007199254740993}


@pytest.mark.parametrize("text", ["5", "5.0", "0.5e1"])
def test_a_whole_number_is_an_integer_however_it_is_written(client: FlaskClient, text: str) -> None:
    assert put(client, '{"count": ' + text + "}").get_json(force=True)["count"] == 5


@pytest.mark.parametrize(
    "fields",
    [
        '"count": 1e-99999999999999999999',
        '"count": 0.5e-999999999',
        '"count": -1e999999999',
        '"count": 5, "weight": 1e500',
    ],
)
def test_a_number_that_is_too_large_or_too_small_is_422(client: FlaskClient, fields: str) -> None:
    assert put(client, "{" + fields + "}").status_code == 422


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"count": "5"}, "/count"),
        ({"count": 1.5}, "/count"),
        ({"count": 5, "parts": [{"size": 1}, {"size": "1"}]}, "/parts/1/size"),
        ({"count": 5, "parts": [{}]}, "/parts/0/size"),
        ({"count": 5, "stock": {"1": "2"}}, "/stock"),
    ],
)
def test_a_body_is_converted_strictly(
    client: FlaskClient, body: dict[str, Any], pointer: str
) -> None:
    assert fault(client.put("/v1/things/7", json=body))["pointer"] == pointer


def test_a_key_has_a_type_too(client: FlaskClient) -> None:
    body = {"first": 1, "last": 2, "names": {"1": "one", "two": "two"}}
    assert fault(client.post("/v1/ranges", json=body))["pointer"] == "/names"


def test_a_fault_in_a_dict_is_not_a_fault_of_the_dict(client: FlaskClient) -> None:
    """msgspec names neither the key nor the value's place, so the pointer is that of the dict."""
    text = "Expected `int`, got `str` in a {} of the object"
    assert fault(client.put("/v1/things/7", json={"count": 5, "stock": {"1": "2"}})) == {
        "detail": text.format("value"),
        "pointer": "/stock",
    }
    body = {"first": 1, "last": 2, "names": {"two": "two"}}
    assert fault(client.post("/v1/ranges", json=body))["detail"] == text.format("key")


def test_a_query_is_converted_from_text(client: FlaskClient) -> None:
    response = client.get("/v1/things?limit=5&fragile=true")
    assert response.json == [{"id": 0, "count": 5, "fragile": True}]


@pytest.mark.parametrize(
    ("query", "tags"), [("", 0), ("with-tag=a", 1), ("with-tag=a&with-tag=b", 2)]
)
def test_a_repeated_query_parameter_becomes_a_list(
    client: FlaskClient, query: str, tags: int
) -> None:
    assert client.get(f"/v1/things?{query}").get_json()[0]["id"] == tags


def test_a_repeated_query_parameter_may_be_left_out(client: FlaskClient) -> None:
    assert client.get("/v1/ranges?first=1&last=2").get_json()["only"] is None
    assert client.get("/v1/ranges?first=1&last=2&only=1").get_json()["only"] == [1]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=many", "limit"),
        ("limit=1&limit=2", "limit"),
        ("lmit=5", "lmit"),
    ],
)
def test_a_bad_query_is_refused_with_the_parameter_s_name(
    client: FlaskClient, query: str, parameter: str
) -> None:
    assert fault(client.get(f"/v1/things?{query}"))["parameter"] == parameter


def test_headers_are_converted_from_text_and_made_of_the_response(client: FlaskClient) -> None:
    response = client.get("/v1/things/7", headers={"X-Key": "5", "Trace": "on"})
    assert response.json == {"id": 7, "count": 5, "fragile": True}
    assert response.headers["X-Count"] == "5"


@pytest.mark.parametrize("headers", [{}, {"X-Key": "many"}])
def test_a_bad_header_is_refused_with_its_name(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    assert fault(client.get("/v1/things/7", headers=headers))["parameter"] == "X-Key"


def test_a_fault_between_fields_has_a_detail(client: FlaskClient) -> None:
    for response in (
        client.get("/v1/ranges?first=2&last=1"),
        client.post("/v1/ranges", json={"first": 2, "last": 1}),
    ):
        assert fault(response)["detail"] == "last comes before first"


@pytest.mark.parametrize("thing_id", ["seven", "1001"])
def test_a_path_that_its_type_does_not_allow_is_404(client: FlaskClient, thing_id: str) -> None:
    response = client.get(f"/v1/things/{thing_id}/label")
    assert response.status_code == 404
    assert response.get_json()["detail"].startswith(
        "A value in the path is invalid: Expected `int`"
    )


def test_a_view_that_returns_none_gets_204(client: FlaskClient) -> None:
    response = client.delete("/v1/things/7")
    assert response.status_code == 204
    assert response.data == b""
    assert "Content-Type" not in response.headers


def test_a_response_object_is_sent_unchanged(client: FlaskClient) -> None:
    response = client.get("/v1/things/7/label")
    assert (response.mimetype, response.text) == ("text/plain", "#7")
