"""Every error is a problem: RFC 9457."""

from typing import Any

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis import Error, Settings, close_app, operation
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


def test_a_wrong_method_is_405_and_says_what_is_allowed(client: FlaskClient) -> None:
    response = client.delete("/health")
    assert problem(response)["status"] == 405
    assert "GET" in response.allow


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_called_json_is_415(client: FlaskClient, content_type: str) -> None:
    assert problem(post(client, b'{"name": "Ada"}', content_type))["status"] == 415


def test_a_charset_in_the_content_type_does_no_harm(client: FlaskClient) -> None:
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
        b"[" * 100_000,
        b'{"name": ' + b"[" * 100_000,
    ],
    ids=lambda body: body[:20].decode(errors="replace"),
)
def test_a_body_that_is_not_json_is_400(client: FlaskClient, body: bytes) -> None:
    assert problem(post(client, body))["status"] == 400


def test_json_that_is_no_object_is_422(client: FlaskClient) -> None:
    assert problem(post(client, b"[]"))["errors"][0]["pointer"] == ""


def test_an_unknown_field_is_422_and_named(client: FlaskClient) -> None:
    body = problem(post(client, b'{"name": "Ada", "a/b~c": 1}'))
    assert body["status"] == 422
    assert body["errors"][0]["pointer"] == "/a~1b~0c"


def test_an_exception_is_500_and_its_text_stays_here(app: Flask) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("the password is 1234")

    response = app.test_client().get("/broken")
    assert problem(response)["status"] == 500
    assert b"1234" not in response.data


def test_a_redirect_stays_one(app: Flask) -> None:
    @app.get("/old/")
    def old() -> str:
        return ""

    response = app.test_client().get("/old")
    assert response.status_code == 308
    assert response.location.endswith("/old/")


def test_what_a_view_aborts_with_is_the_detail(app: Flask) -> None:
    @app.get("/gone")
    def gone() -> str:
        abort(410, "It was here until Tuesday.")

    assert problem(app.test_client().get("/gone"))["detail"] == "It was here until Tuesday."


class OutOfStock(Error):
    """There are fewer than were ordered."""

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
