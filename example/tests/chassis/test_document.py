"""The document has each operation, under a stable name, and the application's additions."""

from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import pytest
import schemathesis
from flask import Blueprint, Flask
from hypothesis import settings
from msgspec import Meta

from chassis import Input, Settings, close_app, operation

from . import generated  # noqa: F401
from .shop import make_shop
from .test_operations import make_app
from .things import Thing, open_app, open_test_app

T = TypeVar("T")
schema = schemathesis.openapi.from_wsgi("/openapi.json", make_app())


@schema.include(path_regex="/v1/things").parametrize()
@settings(max_examples=10)
def test_responses_match_the_document(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()


def test_the_document_describes_an_operation() -> None:
    operation = make_app().extensions["document"]["paths"]["/v1/things"]["get"]
    assert operation["operationId"] == "things_list_things"
    assert operation["tags"] == ["things"]
    assert operation["summary"] == "List things."
    assert operation["description"] == "The list can have any length."
    limit, *_ = operation["parameters"]
    assert limit["name"] == "limit"
    assert limit["required"] is False
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    assert set(operation["responses"]) == {"200", "400", "422", "500"}


def test_an_operation_without_a_docstring_is_described_by_its_name_and_path() -> None:
    app = open_test_app()
    app.get("/a/silent")(operation()(get_silence))
    app.get("/a/b")(operation(tags=["default", "mine"])(get_thing.__wrapped__))  # type: ignore[attr-defined]
    document = close_app(app).extensions["document"]
    silent = document["paths"]["/a/silent"]["get"]
    assert (silent["summary"], silent["description"]) == ("Get silence", "Get silence")
    assert silent["tags"] == ["default"]
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert tags["mine"] == "Operations under /a/b."
    assert tags["default"] == "Operations under /."  # /things, too


def test_the_document_has_no_schema_that_nothing_refers_to() -> None:
    document = make_app().extensions["document"]
    text = msgspec.json.encode(document).decode()
    for name in document["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text
    assert "ThingsQuery" not in document["components"]["schemas"]


def test_a_schema_that_only_the_application_refers_to_is_kept() -> None:
    more = {"x-a": {"$ref": "#/components/schemas/Words"}, "components": {"schemas": {"Own": {}}}}
    app = open_app(__name__, Settings(), title="T", version="1", openapi=more)
    app.get("/words")(operation()(find_words))
    assert close_app(app).extensions["document"]["components"]["schemas"].keys() >= {"Words", "Own"}


def test_the_document_has_required_parameters_and_404() -> None:
    paths = make_app().extensions["document"]["paths"]
    first, last, only = paths["/v1/ranges"]["get"]["parameters"]
    assert first["required"]
    assert last["required"]
    assert not only["required"]
    (label,) = paths["/v1/things/{thing_id}/label"]["get"]["parameters"]
    assert label["schema"] == {"type": "integer", "maximum": 1000}
    assert "404" in paths["/v1/things/{thing_id}/label"]["get"]["responses"]


def test_a_docstring_of_several_lines_is_the_same_text_on_every_python() -> None:
    description = make_app().extensions["document"]["components"]["schemas"]["Range"]["description"]
    assert description == "From first to last.\n\nThe range includes both."


def test_a_header_is_described_and_required_where_it_has_no_default() -> None:
    get = make_app().extensions["document"]["paths"]["/v1/things/{thing_id}"]["get"]
    key, trace = (each for each in get["parameters"] if each["in"] == "header")
    assert key == {
        "name": "X-Key",
        "in": "header",
        "required": True,
        "schema": {"type": "integer", "description": "a number"},
        "description": "a number",
    }
    assert (trace["name"], trace["required"]) == ("trace", False)
    assert get["responses"]["200"]["headers"]["X-Count"]["required"]


def operation_at(path: str, method: str) -> Any:
    return make_shop().extensions["document"]["paths"][path][method]


def ids(app: Flask) -> list[str]:
    paths = close_app(app).extensions["document"]["paths"].values()
    return [operation["operationId"] for path in paths for operation in path.values()]


def test_an_operation_declares_its_tags_and_that_it_is_deprecated() -> None:
    remove = operation_at("/v1/books/{book_id}", "delete")
    assert (remove["tags"], remove["deprecated"]) == (["archive"], True)


def test_an_operation_may_have_examples_of_its_body() -> None:
    body = operation_at("/v1/books/{book_id}", "put")["requestBody"]
    examples = body["content"]["application/json"]["examples"]
    assert examples["short"]["value"]["title"] == "Dune"
    assert examples["short"]["value"]["subtitle"] is None


def test_an_operation_may_be_left_out() -> None:
    shop = make_shop()
    assert "/v1/books/secret" not in shop.extensions["document"]["paths"]
    response = shop.test_client().get(
        "/v1/books/secret", headers={"Authorization": "Bearer reader"}
    )
    assert response.json == "not in the document"


def test_an_operation_may_have_more_of_openapi() -> None:
    order = operation_at("/v1/books/{book_id}/orders", "post")
    assert order["x-internal"] is True
    assert order["externalDocs"] == {"url": "/docs"}
    assert order["summary"] == "Order copies of a book."


def test_the_document_may_have_more_of_openapi() -> None:
    more = {
        "servers": [{"url": "/"}],
        "info": {"contact": {"name": "Team"}, "description": None},
        "paths": {"/health": {"get": {"tags": ["probes"]}}},
    }
    app = open_app(__name__, Settings(), title="T", version="1", openapi=more)
    document = close_app(app).extensions["document"]
    assert document["servers"] == [{"url": "/"}]
    assert document["info"] == {"title": "T", "version": "1", "contact": {"name": "Team"}}
    assert document["paths"]["/health"]["get"]["tags"] == ["probes"]
    assert document["paths"]["/health"]["get"]["operationId"] == "health_get_health"


def test_null_removes_a_member_of_the_document() -> None:
    app = open_app(
        __name__, Settings(), title="T", version="1", openapi={"paths": {"/health": None}}
    )
    more = {"responses": {"200": None, 418: {"description": "Tea"}}, "tags": None}
    app.get("/thing")(operation(tags=["a"], openapi=more)(get_thing.__wrapped__))  # type: ignore[attr-defined]
    paths = close_app(app).extensions["document"]["paths"]
    assert "/health" not in paths
    assert set(paths["/thing"]["get"]["responses"]) == {"400", "418", "500"}
    assert "tags" not in paths["/thing"]["get"]


@pytest.mark.parametrize("openapi", [[1], "x", {"x": object()}])
def test_a_value_that_json_cannot_hold_is_refused(openapi: Any) -> None:
    mistake = "`openapi` cannot be an object in JSON"
    with pytest.raises(TypeError, match=f"open_app: {mistake}"):
        open_app(__name__, Settings(), title="T", version="1", openapi=openapi)
    with pytest.raises(TypeError, match=f"get_thing: {mistake}"):
        operation(openapi=openapi)(get_thing.__wrapped__)  # type: ignore[attr-defined]


def test_a_text_in_the_place_of_tags_is_refused() -> None:
    with pytest.raises(TypeError, match=r"get_thing: `tags` is a string: write \['things'\]"):
        operation(tags="things")(get_thing.__wrapped__)  # type: ignore[attr-defined]


def take_text(name: str) -> str:
    return name


def take_number(name: int) -> int:
    return name


def take_other(other: str) -> str:
    return other


@pytest.mark.parametrize(
    ("rules", "correction"),
    [
        (
            {"/a/<int:name>": take_number, "/a/<name>": take_text},
            "GET /a/{name} is the path of two",
        ),
        ({"/a/<name>": take_text, "/a/<other>": take_other}, "are one path in OpenAPI: give their"),
    ],
)
def test_two_routes_that_openapi_cannot_tell_apart_are_refused(
    rules: dict[str, Any], correction: str
) -> None:
    app = open_test_app(Settings())
    for rule, view in rules.items():
        app.get(rule)(operation()(view))
    with pytest.raises(TypeError, match=f"take_.*: .*{correction}"):
        close_app(app)


def test_two_routes_of_one_path_may_be_served_if_one_is_left_out() -> None:
    app = open_test_app(Settings())
    app.get("/a/<int:name>")(operation()(take_number))
    app.get("/a/<other>")(operation(document=False)(take_other))
    client = close_app(app).test_client()
    assert (client.get("/a/1").json, client.get("/a/x").json) == (1, "x")


@pytest.mark.parametrize("methods", [["PROPFIND"], ["OPTIONS"], ["HEAD"]])
def test_a_method_that_openapi_does_not_have_is_refused(methods: list[str]) -> None:
    app = open_test_app(Settings())
    app.add_url_rule("/thing", view_func=get_thing, methods=methods)
    with pytest.raises(TypeError, match=f"get_thing: .*/thing.*{methods[0]}.*document=False"):
        close_app(app)


def test_the_errors_of_an_operation_are_documented_with_their_headers() -> None:
    responses = operation_at("/v1/books/{book_id}/orders", "post")["responses"]
    assert {"404", "409", "503"} <= set(responses)
    shared = make_shop().extensions["document"]["components"]["responses"]
    assert "Retry-After" in shared["ServiceUnavailable"]["headers"]


class Words(Input):
    word: str


def find_words(query: Words) -> int:
    return len(query.word)


def get_silence() -> int:
    return 0


@operation()
def get_thing() -> int:
    return 1


def version(name: str, view: Any = get_thing) -> Blueprint:
    blueprint = Blueprint(name, __name__)
    blueprint.get("/thing")(view)
    return blueprint


def test_one_view_in_two_versions_has_two_ids_and_neither_depends_on_the_other() -> None:
    app = open_test_app(Settings())
    things = version("things")
    app.register_blueprint(things, url_prefix="/v1")
    app.register_blueprint(things, url_prefix="/v2", name="things_v2")
    assert {"things_get_thing", "things_v2_get_thing"} <= set(ids(app))
    app = open_test_app(Settings())
    app.register_blueprint(things, url_prefix="/v2", name="things_v2")
    assert "things_v2_get_thing" in ids(app)


def test_two_methods_of_one_view_have_two_ids() -> None:
    app = open_test_app(Settings())
    app.add_url_rule("/thing", view_func=get_thing, methods=["GET", "POST"])
    assert {"get_thing_get", "get_thing_post"} <= set(ids(app))


def test_views_of_one_name_in_two_modules_have_two_ids() -> None:
    app = open_test_app(Settings())
    app.register_blueprint(version("one"), url_prefix="/one")
    app.register_blueprint(version("two"), url_prefix="/two")
    assert {"one_get_thing", "two_get_thing"} <= set(ids(app))


def test_an_operation_may_have_an_id_of_its_own() -> None:
    app = open_test_app(Settings())
    app.get("/thing")(operation(operation_id="readThing")(get_thing.__wrapped__))  # type: ignore[attr-defined]
    assert "readThing" in ids(app)


def item_of(module: str) -> Any:
    item = msgspec.defstruct("Item", [("name", str)], module=module)
    box = msgspec.defstruct("Box", [("items", list[item])], module=module)  # type: ignore[valid-type]

    def get_item() -> Any:
        return None

    get_item.__annotations__["return"] = box
    return operation()(get_item)


def test_types_of_one_name_have_two_schemas_and_the_first_keeps_its_name() -> None:
    app = open_test_app(Settings())
    app.register_blueprint(version("two", item_of("two")), url_prefix="/two")
    app.register_blueprint(version("one", item_of("one")), url_prefix="/one")
    document = close_app(app).extensions["document"]
    schemas = document["components"]["schemas"]
    assert {"Item", "Box", "one.Item", "one.Box"} <= set(schemas)
    assert schemas["Box"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/Item"}
    inner = schemas["one.Box"]["properties"]["items"]["items"]
    assert inner == {"$ref": "#/components/schemas/one.Item"}
    content = document["paths"]["/one/thing"]["get"]["responses"]["200"]["content"]
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/one.Box"}


@dataclass
class Page(Generic[T]):
    items: list[T]


def page_of(module: str) -> Any:
    item = msgspec.defstruct("Item", [("name", str)], module=module)

    def get_item() -> Any:
        return None

    get_item.__annotations__["return"] = Page[item]  # type: ignore[valid-type]
    return operation()(get_item)


def test_generic_types_of_two_classes_with_one_name_are_refused() -> None:
    app = open_test_app(Settings())
    app.register_blueprint(version("two", page_of("two")), url_prefix="/two")
    app.register_blueprint(version("one", page_of("one")), url_prefix="/one")
    with pytest.raises(TypeError, match=r"Page\[.*: another type has this name in OpenAPI: rename"):
        close_app(app)


def test_a_generic_type_has_its_own_name() -> None:
    def get_things() -> Page[list[Thing]]:
        raise NotImplementedError

    app = open_test_app(Settings())
    app.get("/x")(operation()(get_things))
    schemas = close_app(app).extensions["document"]["components"]["schemas"]
    assert "Page_list_tests.chassis.things.Thing__" in schemas


def test_a_location_points_into_the_version_that_was_called() -> None:
    client = make_shop().test_client()
    for number in (1, 2):
        path = f"/v{number}/books/00000000-0000-0000-0000-00000000000{number}"
        headers = {"Authorization": "Bearer writer"}
        assert client.put(path, json={"title": "Dune"}, headers=headers).location == path


def test_a_default_of_a_route_is_no_parameter_of_its_path() -> None:
    @operation()
    def get_page(page: int) -> int:
        return page

    app = open_test_app(Settings())
    app.add_url_rule("/pages", "first_page", get_page, defaults={"page": 1})
    app.add_url_rule("/pages/<int:page>", "page", get_page)
    paths = close_app(app).extensions["document"]["paths"]
    assert "parameters" not in paths["/pages"]["get"]
    assert [each["name"] for each in paths["/pages/{page}"]["get"]["parameters"]] == ["page"]


def test_a_path_may_have_an_annotation_with_a_list_in_it() -> None:
    @operation()
    def get_country(country: Annotated[str, Meta(examples=["fr"])]) -> str:
        return country

    app = open_test_app(Settings())
    app.get("/countries/<country>")(get_country)
    paths = close_app(app).extensions["document"]["paths"]
    (parameter,) = paths["/countries/{country}"]["get"]["parameters"]
    assert parameter["schema"]["examples"] == ["fr"]
