"""A mistake in a view is refused when the program starts, with the function and the correction."""

from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

import msgspec
import pytest
from flask import Flask, Response
from flask.views import MethodView

from chassis import Error, Input, Settings, close_app, operation, undocumented

from .things import open_test_app


class Query(Input):
    limit: int = 5


class Unreadable:
    pass


class Color(Enum):
    RED = "red"


@dataclass
class Data:
    name: str


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


def enum_query(query: Color) -> None:
    pass


def dataclass_headers(headers: Data) -> None:
    pass


def many_values(ids: list[int]) -> None:
    pass


def struct_in_path(item: Query) -> None:
    pass


def method(self: Any) -> None:
    pass


def response_or_struct() -> Response | Query:
    raise NotImplementedError


def unknown_type(body: "Missing") -> None:  # type: ignore[name-defined]  # noqa: F821
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
        (starred, "a request cannot fill `\\*names: str`"),
        (double_starred, "a request cannot fill `\\*\\*names: str`"),
        (positional, "a request cannot fill `name: str`"),
        (coroutine, "it is `async`, .*: use `def`"),
        (unreadable, "the type of `body`"),
        (no_fields, "the type of `query` has no fields"),
        (enum_query, "the type of `query` has no fields"),
        (dataclass_headers, "the type of `headers` must be a msgspec.Struct"),
        (many_values, "`ids` is in the path: use one value"),
        (struct_in_path, "`item` is in the path: use one value"),
        (method, "it is a method: write a function"),
        (response_or_struct, "write `-> flask.Response`"),
        (unknown_type, "name 'Missing' is not defined: import the type"),
        (optional_query, "the type of `query` has no fields"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_signature_that_cannot_work_is_refused_at_import(function: Any, correction: str) -> None:
    with pytest.raises(TypeError, match=rf"test_checks\.{function.__name__}: .*{correction}"):
        operation()(function)


@pytest.mark.parametrize("function", [partial(no_fields), Unreadable(), Unreadable])
def test_an_operation_that_is_no_function_is_refused_at_import(function: Any) -> None:
    with pytest.raises(TypeError, match="it is not a function: write one with `def`"):
        operation()(function)


def test_an_operation_without_parentheses_is_refused_at_import() -> None:
    with pytest.raises(TypeError, match=r"no_fields: write @operation\(\), with parentheses"):
        operation(no_fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [ValueError, Error, "OutOfStock"])
def test_an_error_that_is_none_of_the_application_s_is_refused_at_import(error: Any) -> None:
    with pytest.raises(TypeError, match="is not a subclass of chassis.Error"):
        operation(errors=[error])


def test_a_class_cannot_be_marked_as_undocumented() -> None:
    with pytest.raises(TypeError, match=r"set `decorators = \[undocumented\]` in it"):
        undocumented(MethodView)


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
        ("/items/<int:item_id>", "<int:item_id> gives no str: write `item_id: int`"),
        ("/items/<uuid:item_id>", "<uuid:item_id> gives no str: write `item_id: UUID`"),
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


def test_two_views_on_one_path_are_refused_at_the_end() -> None:
    app = with_route("/health", undocumented(lambda: "fine"))
    with pytest.raises(TypeError, match="another view serves GET /health too: remove one"):
        close_app(app)


def test_an_async_view_that_flask_cannot_serve_is_refused_at_the_end() -> None:
    with pytest.raises(TypeError, match="coroutine: it is `async`, .*: use `def`"):
        close_app(with_route("/async", coroutine))


def test_the_root_may_be_the_application_s_own() -> None:
    app = close_app(with_route("/", undocumented(lambda: "mine")))
    assert app.test_client().get("/").text == "mine"


def test_a_route_without_a_view_is_served() -> None:
    app = open_test_app(Settings())
    app.add_url_rule("/old", endpoint="old", redirect_to="/health")
    client = close_app(app).test_client()
    assert client.get("/old").location.endswith("/health")
    assert client.get("/openapi.json").status_code == 200
