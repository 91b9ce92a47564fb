"""A mistake in a view is refused when the program starts, with the function and the correction."""

from typing import Any

import msgspec
import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from chassis import Input, Settings, close_app, operation, undocumented
from chassis.openapi import document

from .things import open_test_app


class Query(Input):
    limit: int = 5


class Unreadable:
    pass


def no_type(item_id) -> None:  # type: ignore[no-untyped-def]
    pass


def default(limit: int = 5) -> None:
    pass


def default_of_a_part(query: Query = Query()) -> None:  # noqa: B008
    pass


def no_return(item_id: int):  # type: ignore[no-untyped-def]
    pass


def starred(*names: str) -> None:
    pass


def double_starred(**names: str) -> None:
    pass


def positional(name: str, /) -> None:
    pass


async def coroutine() -> None:
    pass


def unreadable(body: Unreadable) -> None:
    pass


def no_fields(query: int) -> None:
    pass


def optional_query(query: Query | None) -> None:
    pass


@pytest.mark.parametrize(
    ("function", "correction"),
    [
        (no_type, "`item_id` has no type: write `item_id: str`"),
        (default, "the default of `limit` is never used: .* take `query: Q`"),
        (default_of_a_part, "the default of `query` is never used"),
        (no_return, "add `-> T` or `-> None`"),
        (starred, "`\\*names: str` has no name in a request"),
        (double_starred, "`\\*\\*names: str` has no name in a request"),
        (positional, "`name: str` has no name in a request"),
        (coroutine, "it is `async`, .*: use `def`"),
        (unreadable, "the type of `body`"),
        (no_fields, "the type of `query` has no fields"),
        (optional_query, "the type of `query` has no fields"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_signature_that_cannot_work_is_refused_at_import(function: Any, correction: str) -> None:
    with pytest.raises(TypeError, match=rf"test_checks\.{function.__name__}: .*{correction}"):
        operation()(function)


@operation()
def get_item(item_id: str) -> None:
    pass


def with_route(rule: str, view: Any) -> Flask:
    app = open_test_app(Settings())
    app.add_url_rule(rule, view_func=view)
    return app


@pytest.mark.parametrize(
    ("rule", "correction"),
    [
        ("/items", "`item_id` is not in /items: add <item_id>"),
        ("/items/<item_id>/<part>", "/items/<item_id>/<part> has `part`: add the parameter"),
        ("/items/<id>", "/items/<id> has `id`: add the parameter `id: str`"),
    ],
)
def test_a_route_that_its_view_does_not_fit_is_refused_at_the_end(
    rule: str, correction: str
) -> None:
    with pytest.raises(TypeError, match=f"test_checks.get_item: {correction}"):
        close_app(with_route(rule, get_item))


def test_an_operation_above_its_route_is_refused_at_the_end() -> None:
    app = open_test_app(Settings())

    @operation()
    @app.get("/upside-down")
    def upside_down() -> msgspec.Raw:
        return msgspec.Raw(b"{}")

    with pytest.raises(TypeError, match=r"upside_down: @operation\(\) .* put it below"):
        close_app(app)


@pytest.fixture
def client() -> FlaskClient:
    app = with_route("/plain/<name>", undocumented(lambda name: Response(f"Hello, {name}!")))
    return close_app(app).test_client()


def test_a_plain_view_of_flask_is_served(client: FlaskClient) -> None:
    assert client.get("/plain/Ada").text == "Hello, Ada!"


def test_a_plain_view_of_flask_is_not_in_the_document(client: FlaskClient) -> None:
    assert "/plain/{name}" not in document(client.application)["paths"]
