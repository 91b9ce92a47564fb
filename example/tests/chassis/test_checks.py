"""A mistake in a view is refused when the program starts, with the function and the correction."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec
import pytest
from flask import Flask, Request, Response
from flask.views import MethodView
from werkzeug.exceptions import Conflict, HTTPException

from chassis import Error, Input, Settings, close_app, operation, undocumented
from chassis.security import public

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


def default_body(body: Query | None = None) -> None:
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


class Deep(Input):
    inner: Unreadable


def unreadable_field(body: Deep) -> None:
    pass


def unreadable_path(item: Unreadable) -> None:
    pass


def untagged(body: Query | Deep) -> None:
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


def optional_path(item_id: int | None) -> None:
    pass


def from_flask(request: Request) -> None:
    pass


def unreadable_response() -> Unreadable:
    raise NotImplementedError


def generator() -> Iterator[int]:
    yield 1


class Authorized(msgspec.Struct, rename={"token": "Authorization"}):
    token: str


class Negotiated(msgspec.Struct):
    accept: str


def authorization(headers: Authorized) -> None:
    pass


def accept(headers: Negotiated) -> None:
    pass


class Nested(Input):
    inner: Query | None = None


class NestedList(Input):
    inner: list[Query] = []


class Keyed(Input):
    inner: dict[str, int] = {}


class ListHeader(msgspec.Struct):
    inner: list[str]


class Underscore(msgspec.Struct):
    api_version: str


class Array(msgspec.Struct, array_like=True):
    accept: str = ""


def nested(query: Nested) -> None:
    pass


def nested_list(query: NestedList) -> None:
    pass


def keyed(query: Keyed) -> None:
    pass


def list_header(headers: ListHeader) -> None:
    pass


def underscore(headers: Underscore) -> None:
    pass


def array_headers(headers: Array) -> None:
    pass


def bad_text(body: "int | 'Query'") -> None:
    pass


def no_content() -> None:
    pass


def takes_body(body: Query) -> None:
    pass


@pytest.mark.parametrize(
    ("function", "correction"),
    [
        (no_type, "`item_id` has no type: write `item_id: str`"),
        (default, "the default of `limit` is never used: .* take `query: Q`"),
        (default_of_a_part, "the default of `query` is never used: give defaults to the fields"),
        (default_body, "the default of `body` is never used: write `body: T \\| None`"),
        (no_return, "add `-> T` or `-> None`"),
        (starred, "a request cannot fill `\\*names: str`"),
        (double_starred, "a request cannot fill `\\*\\*names: str`"),
        (positional, "a request cannot fill `name: str`"),
        (coroutine, "it is `async`, .*: use `def`"),
        (unreadable, "the type of `body`: type .*Unreadable.* use a msgspec.Struct"),
        (unreadable_field, "the type of `body`: type .*Unreadable.* is not supported"),
        (unreadable_path, "the type of `item`: type .*Unreadable.* use one value"),
        (untagged, "the type of `body`: .* must be tagged .* is not supported$"),
        (no_fields, "the type of `query` has no fields"),
        (enum_query, "the type of `query` has no fields"),
        (dataclass_headers, "the type of `headers` must be a msgspec.Struct"),
        (many_values, "`ids` is in the path: use one value"),
        (struct_in_path, "`item` is in the path: use one value"),
        (method, "it is a method: write a function"),
        (response_or_struct, "write `-> flask.Response`"),
        (unknown_type, "name 'Missing' is not defined: import the type"),
        (optional_query, "the type of `query` has no fields"),
        (optional_path, "`item_id` is in the path: use one value"),
        (from_flask, "use one value, .*, or read it from flask.request"),
        (unreadable_response, "write `-> flask.Response`"),
        (generator, "it yields: write .*Iterator.*, or return a list"),
        (authorization, "OpenAPI ignores the header Authorization: declare a security scheme"),
        (nested, "`inner` in `query` cannot be read from text: use one value, or a list of values"),
        (nested_list, "`inner` in `query` cannot be read from text"),
        (keyed, "`inner` in `query` cannot be read from text"),
        (list_header, "`inner` in `headers` cannot be read from text: use one value"),
        (underscore, 'servers drop the header api_version: .*rename="kebab"'),
        (array_headers, "the type of `headers` must be a msgspec.Struct"),
        (bad_text, "import the type, or define it, at the top of the module"),
        (accept, "OpenAPI ignores the header accept: read flask.request.accept_mimetypes"),
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


class Values(Input):
    numbers: list[int | None] = []
    pair: tuple[int, str] | None = None
    colors: set[Color] | Color = Color.RED


def test_a_query_may_have_lists_of_every_value() -> None:
    @operation()
    def get_values(query: Values) -> Values:
        return query

    client = close_app(with_route("/values", get_values)).test_client()
    values = client.get("/values?numbers=1&numbers=2&pair=1&pair=x&colors=red").json
    assert values == {"numbers": [1, 2], "pair": [1, "x"], "colors": ["red"]}


def test_an_operation_without_parentheses_is_refused_at_import() -> None:
    with pytest.raises(TypeError, match=r"no_fields: write @operation\(\), with parentheses"):
        operation(no_fields)  # type: ignore[arg-type]


@operation()
def get_item(item_id: str) -> None:
    pass


@pytest.mark.parametrize(
    "error", [ValueError, Error, HTTPException, "404", 200, 600, HTTPStatus.OK]
)
def test_an_invalid_error_is_refused_at_import(error: Any) -> None:
    with pytest.raises(TypeError, match="`errors` has .*: name a status from 400 to 599, or"):
        operation(errors=[error])(no_content)


@pytest.mark.parametrize("errors", [404, "404", Conflict])
def test_errors_that_are_not_a_list_are_refused_at_import(errors: Any) -> None:
    with pytest.raises(TypeError, match="no_content: `errors` is .*: write a list, such as"):
        operation(errors=errors)(no_content)


def test_an_error_with_a_member_that_json_cannot_hold_is_refused_at_import() -> None:
    class Broken(Error):
        status = 409
        type = "about:blank"
        title = "Broken"

        part: Unreadable

    with pytest.raises(TypeError, match=r"no_content: a member of .*Broken cannot .*Unreadable"):
        operation(errors=[Broken])(no_content)


@pytest.mark.parametrize("error", [409, HTTPStatus.CONFLICT, Conflict])
def test_an_error_may_be_a_status_or_a_type(error: Any) -> None:
    app = with_route("/x", operation(errors=[error])(no_content))
    responses = close_app(app).extensions["document"]["paths"]["/x"]["get"]["responses"]
    assert responses["409"] == {"$ref": "#/components/responses/Conflict"}


def test_an_example_that_is_no_valid_body_is_refused_at_import() -> None:
    wrong = Query(limit="many")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"takes_body: the example `wrong` is not .* `\$.limit`"):
        operation(examples={"right": Query(5), "wrong": wrong})(takes_body)


@pytest.mark.parametrize("examples", [[Query(5)], {"wrong": object()}])
def test_examples_that_json_cannot_hold_are_refused_at_import(examples: Any) -> None:
    with pytest.raises(TypeError, match="takes_body: `examples` cannot be an object in JSON"):
        operation(examples=examples)(takes_body)


def test_examples_without_a_body_are_refused_at_import() -> None:
    with pytest.raises(TypeError, match="no_content: `examples` are bodies, and it takes no body"):
        operation(examples={"right": Query(5)})(no_content)


def test_an_operation_of_an_operation_is_refused_at_import() -> None:
    with pytest.raises(TypeError, match=r"get_item: it is an operation already"):
        operation()(get_item)


def test_a_class_cannot_be_marked_as_undocumented() -> None:
    with pytest.raises(TypeError, match=r"set `decorators = \[undocumented\]` in it"):
        undocumented(MethodView)


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
        ("/items/<int:item_id>", "<int:item_id> is not of the type str: write `item_id: int`"),
        ("/items/<uuid:item_id>", "<uuid:item_id> is not of the type str: write `item_id: UUID`"),
    ],
)
def test_a_route_that_its_view_does_not_fit_is_refused_at_the_end(
    rule: str, correction: str
) -> None:
    with pytest.raises(TypeError, match=f"test_checks.get_item: {correction}"):
        close_app(with_route(rule, get_item))


def test_a_union_of_a_converter_s_type_is_refused_at_the_end() -> None:
    @operation()
    def get_either(item_id: int | str) -> None:
        pass

    with pytest.raises(TypeError, match=r"<int:item_id> is not of the type int \| str: write"):
        close_app(with_route("/items/<int:item_id>", get_either))


@pytest.mark.parametrize(
    "method",
    [public(lambda self: ""), undocumented(lambda self: ""), staticmethod(operation()(no_content))],
)
def test_a_mark_on_a_method_is_refused_at_the_end(method: Any) -> None:
    view: type[MethodView] = type("View", (MethodView,), {"get": method})
    with pytest.raises(TypeError, match="has no effect on a method .*: write a function, or set"):
        close_app(with_route("/view", view.as_view("view")))


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
    with pytest.raises(
        TypeError, match=r"get_health: .*<lambda> serves GET /health too: remove one"
    ):
        close_app(app)


def test_an_async_view_that_flask_cannot_serve_is_refused_at_the_end() -> None:
    with pytest.raises(TypeError, match="coroutine: it is `async`, .*: use `def`"):
        close_app(with_route("/async", coroutine))


def test_a_body_of_a_get_request_is_refused_at_the_end() -> None:
    app = with_route("/items", operation()(takes_body))
    with pytest.raises(TypeError, match="takes_body: a GET request has no body: take `query: T`"):
        close_app(app)


@pytest.mark.parametrize("name", ["body", "query", "headers"])
def test_a_path_with_the_name_of_a_part_is_refused_at_the_end(name: str) -> None:
    app = with_route(f"/items/<{name}>", operation()(no_content))
    with pytest.raises(TypeError, match=f"no_content: .* has `{name}`, .*: rename it"):
        close_app(app)


def test_two_routes_of_one_operation_are_refused_at_the_end() -> None:
    app = with_route("/one", operation()(no_content))
    app.add_url_rule("/two", "no_content")
    mistake = "GET /one and GET /two have the same id `no_content`: give one of them another"
    with pytest.raises(TypeError, match=f"no_content: {mistake}"):
        close_app(app)


def test_two_operations_with_one_id_are_refused_at_the_end() -> None:
    app = with_route("/one", operation(operation_id="same")(no_content))
    app.get("/two/<item_id>")(operation(operation_id="same")(get_item.__wrapped__))  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="have the same id `same`"):
        close_app(app)


def test_the_root_may_be_the_application_s_own() -> None:
    app = close_app(with_route("/", undocumented(lambda: "mine")))
    assert app.test_client().get("/").text == "mine"


def test_a_route_without_a_view_is_served() -> None:
    app = open_test_app(Settings())
    app.add_url_rule("/old", endpoint="old", redirect_to="/health")
    client = close_app(app).test_client()
    assert client.get("/old").location.endswith("/health")
    assert client.get("/openapi.json").status_code == 200
