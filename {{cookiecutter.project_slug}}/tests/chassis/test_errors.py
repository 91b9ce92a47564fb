"""Every error is a problem: RFC 9457."""

import re
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from flask import Flask, abort, request
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from chassis import Error, Input, Settings, close_app, operation
from chassis.openapi import document

from .things import open_test_app

URL = "/things"


def problem(response: TestResponse) -> dict[str, Any]:
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = response.get_json(force=True)
    assert {"type", "title", "status", "detail"} <= set(body)
    assert body["status"] == response.status_code
    return body


def post(client: FlaskClient, body: bytes, content_type: str | None = "application/json") -> Any:
    return client.post(URL, data=body, content_type=content_type)


def test_a_doubled_slash_is_404_and_no_redirect(client: FlaskClient) -> None:
    assert problem(client.get("/docs//init.js"))["status"] == 404


def test_a_wrong_method_is_405_with_the_allowed_ones(client: FlaskClient) -> None:
    response = client.delete("/health")
    assert problem(response)["status"] == 405
    assert "GET" in response.allow


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_called_json_is_415(client: FlaskClient, content_type: str) -> None:
    assert problem(post(client, b'{"name": "Ada"}', content_type))["status"] == 415


def test_a_charset_in_the_content_type_is_accepted(client: FlaskClient) -> None:
    response = post(client, b'{"name": 5}', "application/json; charset=utf-8")
    assert response.status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"name": "Ada"} {}',
        b'{"name": 5',
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b"[" * 60_000,
        b'{"name": ' + b"[" * 60_000,
    ],
    ids=lambda body: body[:20].decode(errors="replace"),
)
def test_a_body_that_is_not_json_is_400(client: FlaskClient, body: bytes) -> None:
    assert problem(post(client, body))["status"] == 400


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "it is empty"),
        (b'{"name": "\xff"}', "it is not in UTF-8"),
        # Python 3.14 allows more levels, so it first finds that the end is missing.
        (b"[" * 60_000, r"it is nested too deeply|Input data was truncated"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_the_detail_of_a_body_that_is_not_json_has_the_reason(
    client: FlaskClient, body: bytes, reason: str
) -> None:
    detail = problem(post(client, body))["detail"]
    assert re.fullmatch(rf"The body is not valid JSON: ({reason})\.", detail)


def test_json_that_is_no_object_is_422(client: FlaskClient) -> None:
    assert problem(post(client, b"[]"))["errors"][0]["pointer"] == ""


def test_an_unknown_field_is_422_and_named(client: FlaskClient) -> None:
    body = problem(post(client, b'{"name": "Ada", "a/b~c": 1}'))
    assert body["status"] == 422
    assert body["errors"][0]["pointer"] == "/a~1b~0c"


def test_an_exception_is_500_and_its_text_is_not_sent(app: Flask) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("the password is 1234")

    response = app.test_client().get("/broken")
    assert problem(response)["status"] == 500
    assert b"1234" not in response.data


def test_a_redirect_is_not_a_problem(app: Flask) -> None:
    @app.get("/old/")
    def old() -> str:
        return ""

    response = app.test_client().get("/old")
    assert response.status_code == 308
    assert response.location.endswith("/old/")


def test_the_description_of_an_abort_is_the_detail(app: Flask) -> None:
    @app.get("/gone")
    def gone() -> str:
        abort(410, "It was here until Tuesday.")

    assert problem(app.test_client().get("/gone"))["detail"] == "It was here until Tuesday."


class OutOfStock(Error):
    """Fewer things are left than the caller ordered."""

    status = 409
    type = "https://example.com/problems/out-of-stock"
    title = "Out of stock"

    available: int
    wanted: int
    warehouse: str
    shop: str = "online"


class NotSold(Error):
    status = 404
    type = "https://example.com/problems/not-sold"
    title = "Not sold"


@operation(errors=[OutOfStock, NotSold])
def order(name: str) -> None:
    """Order a thing."""
    raise OutOfStock("Only 3 are left.", available=3, wanted=5, warehouse="north")


@pytest.fixture
def shop() -> Flask:
    app = open_test_app(Settings())
    app.post("/orders/<name>")(order)
    return close_app(app)


def test_an_error_type_of_the_application_is_a_problem_with_its_members(shop: Flask) -> None:
    response = shop.test_client().post("/orders/book")
    assert response.status_code == 409
    assert problem(response) == {
        "type": "https://example.com/problems/out-of-stock",
        "title": "Out of stock",
        "status": 409,
        "detail": "Only 3 are left.",
        "available": 3,
        "wanted": 5,
        "warehouse": "north",
        "shop": "online",
    }


def test_the_document_has_the_error_types_of_an_operation(shop: Flask) -> None:
    described = document(shop)
    responses = described["paths"]["/orders/{name}"]["post"]["responses"]
    conflict = responses["409"]
    assert conflict["description"] == "Out of stock"
    schema = conflict["content"]["application/problem+json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/OutOfStock"}
    schema = described["components"]["schemas"]["OutOfStock"]
    assert schema["required"] == ["detail", "available", "wanted", "warehouse"]
    properties = schema["properties"]
    assert properties["available"] == {"type": "integer"}
    assert properties["type"]["enum"] == ["https://example.com/problems/out-of-stock"]


def test_a_status_that_other_errors_have_too_is_documented_with_both(shop: Flask) -> None:
    responses = document(shop)["paths"]["/orders/{name}"]["post"]["responses"]
    schema = responses["404"]["content"]["application/problem+json"]["schema"]
    names = [each["$ref"].rpartition("/")[2] for each in schema["anyOf"]]
    assert names == ["NotSold", "Problem"]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"type": "about:blank", "title": "Gone"}, "add `status = …`"),
        ({"status": 410, "title": "Gone"}, "add `type = …`"),
        ({"status": 410, "type": "about:blank"}, "add `title = …`"),
        ({"status": 200, "type": "about:blank", "title": "No"}, "`status` is 200: use 400 to 599"),
        ({"status": "410", "type": "about:blank", "title": "No"}, "`status` is '410': use 400"),
    ],
)
def test_an_error_type_that_is_incomplete_is_refused(
    attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=f"Broken: {message}"):
        type("Broken", (Error,), attributes)


@pytest.mark.parametrize("name", ["code", "description", "name", "args", "detail", "errors"])
def test_a_member_whose_name_is_taken_is_refused(name: str) -> None:
    attributes = {"status": 410, "type": "about:blank", "title": "Gone"}
    with pytest.raises(TypeError, match=f"Broken: `{name}` is taken: rename the member"):
        type("Broken", (Error,), attributes | {"__annotations__": {name: str}})


def test_an_error_type_may_extend_another() -> None:
    class SoldOut(OutOfStock):
        title = "Sold out"
        since: str

    problem = SoldOut("None is left.", available=0, wanted=1, warehouse="", since="May").problem
    assert (problem.title, problem.status, problem.since) == ("Sold out", 409, "May")


def test_a_member_that_the_error_type_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="'availble'"):
        OutOfStock("Only 3 are left.", availble=3)


class Color(StrEnum):
    RED = "red"


class Tree(Input):
    branches: list["Tree"] = []
    color: Color = Color.RED


class Chosen(Input):
    color: Color = Color.RED


class Sent(msgspec.Struct, rename={"color": "X-Color"}):
    color: Color = Color.RED


@operation()
def plant(body: Tree) -> None:
    """Plant a tree."""


@operation()
def choose(query: Chosen, headers: Sent) -> None:
    """Choose a color."""


@pytest.fixture
def garden() -> FlaskClient:
    app = open_test_app(Settings())
    app.post("/trees")(plant)
    app.get("/colors")(choose)
    app.post("/refused")(lambda: abort(409, request.get_data(as_text=True)))
    return close_app(app).test_client()


LONG = "x" * 65_000  # almost MAX_JSON_BYTES
CUT = "x" * 198 + "…"


@pytest.mark.parametrize(
    "text", [LONG, "é" * 10_000, "\0" * 10_000, "~" * 60_000, "a.b[0]`" * 9_000]
)
def test_a_long_text_of_the_caller_is_cut(garden: FlaskClient, text: str) -> None:
    quoted = quote(text)  # more than a server accepts in a URL or a header
    responses = [
        garden.post("/trees", json={text: 1}),
        garden.post("/trees", json={"color": text}),
        garden.post("/trees", json={"branches": [{text: 1}]}),
        garden.post("/trees", data=text, content_type="application/json"),
        garden.post("/trees", data=text, content_type="text/plain"),
        garden.post("/trees", data="{}", content_type=f"application/{quoted}"),
        garden.get(f"/colors?{quoted}=1"),
        garden.get(f"/colors?color={quoted}"),
        garden.get("/colors", headers={"X-Color": quoted}),
        garden.get(f"/{quoted}"),
        garden.post("/refused", data=text.encode()),
    ]
    for response in responses:
        assert 400 <= problem(response)["status"] < 500
        assert len(response.data) < 8000


def test_a_pointer_that_is_cut_ends_with_an_ellipsis(garden: FlaskClient) -> None:
    body = problem(garden.post("/trees", json={LONG: 1}))
    assert body["errors"][0]["pointer"] == "/" + CUT
    assert body["errors"][0]["detail"].endswith("x…")
    assert body["detail"].startswith(f"/{CUT}: ")
    body = problem(garden.get(f"/colors?{LONG}=1"))
    assert body["errors"][0]["parameter"] == "x" + CUT


@pytest.mark.parametrize("name", ["~" * 500, "/" * 500, "x" + "~" * 500])
def test_a_pointer_is_never_cut_within_an_escape(garden: FlaskClient, name: str) -> None:
    pointer = problem(garden.post("/trees", json={name: 1}))["errors"][0]["pointer"]
    assert 190 < len(pointer) <= 200
    assert re.fullmatch("(/|x|~0|~1)+…", pointer)


def test_a_pointer_into_a_deep_body_is_cut(garden: FlaskClient) -> None:
    tree: dict[str, Any] = {"color": 5}
    for _ in range(300):
        tree = {"branches": [tree]}
    response = garden.post("/trees", json=tree)
    pointer = problem(response)["errors"][0]["pointer"]
    assert pointer.startswith("/branches/0/branches/0/")
    assert pointer.endswith("…")
    assert len(response.data) < 2000


def test_a_short_text_is_not_cut(garden: FlaskClient) -> None:
    body = problem(garden.post("/trees", json={"x" * 100: 1}))
    assert body["errors"][0]["pointer"] == "/" + "x" * 100


def test_a_name_that_is_no_text_is_refused(garden: FlaskClient) -> None:
    """Half of a surrogate pair cannot be encoded in a response."""
    assert problem(garden.get("/colors?%ED%A0%80=1"))["status"] == 422


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nope", 404), ("DELETE", "/health", 405), ("POST", "/things", 415)],
)
def test_a_problem_of_the_chassis_has_no_type_but_its_status(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    """Without a type, the title is that of the status: RFC 9457 §4.2.1."""
    body = problem(client.open(path, method=method))
    assert (body["type"], body["title"]) == ("about:blank", HTTPStatus(status).phrase)


def test_a_problem_has_no_body_if_the_request_is_head(client: FlaskClient) -> None:
    response = client.head("/nope")
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")
    assert response.data == b""


class NotChanged(HTTPException):
    code = 304


def test_an_http_exception_that_is_not_an_error_has_no_problem_body(app: Flask) -> None:
    @app.get("/same")
    def same() -> str:
        raise NotChanged

    response = app.test_client().get("/same")
    assert (response.status_code, response.data) == (304, b"")
    assert "problem" not in str(response.content_type)
