"""The types of chassis.values: their limits are accepted, and values beyond them are refused."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import settings
from msgspec import UNSET, Meta, UnsetType

from chassis import Input, Money, Patch, Settings, Time, close_app, operation

from . import generated  # noqa: F401
from .ends import BEYOND, check_ends, make_app, send
from .things import open_test_app

PLACES = ["body", "query", "path"]
app_of_values = make_app(Settings(), lambda values: values)
schema = schemathesis.openapi.from_wsgi("/openapi.json", app_of_values)


@pytest.fixture
def values() -> FlaskClient:
    return app_of_values.test_client()


@pytest.mark.parametrize("place", PLACES)
def test_the_limits_are_accepted(values: FlaskClient, place: str) -> None:
    check_ends(values, place)


@pytest.mark.parametrize("place", PLACES)
def test_values_beyond_the_limits_are_refused(values: FlaskClient, place: str) -> None:
    for name, sent in BEYOND:
        response = send(values, place, name, sent)
        problem = response.get_json(force=True)
        if place == "path":
            assert response.status_code == 404, (name, sent)
        else:
            (error,) = problem["errors"]
            where = error.get("pointer", error.get("parameter"))
            assert (response.status_code, where.strip("/")) == (422, name), (name, sent)


@pytest.mark.parametrize(
    ("name", "sent"),
    [("text", 5), ("time", 5), ("time", 0.5), ("day", 5), ("count", "5"), ("count", True)]
    + [("ratio", "0.5"), ("price", 5), ("price", 0.5), ("price", None), ("time", ["a"])],
)
def test_a_body_is_read_strictly(values: FlaskClient, name: str, sent: Any) -> None:
    response = send(values, "body", name, sent)
    assert response.status_code == 422
    assert response.get_json(force=True)["errors"][0]["pointer"] == f"/{name}"


@schema.include(path="/kept").parametrize()
@settings(max_examples=10)
def test_the_document_has_the_limits(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()


def test_the_document_has_standard_formats_and_limits() -> None:
    schemas = app_of_values.extensions["document"]["components"]["schemas"]
    fields = schemas["Values"]["properties"]
    formats = {name: field["format"] for name, field in fields.items() if "format" in field}
    assert formats == {
        "time": "date-time",
        "day": "date",
        "count": "int64",
        "ratio": "double",
        "price": "decimal",
    }
    assert (fields["count"]["minimum"], fields["count"]["maximum"]) == (-(2**63), 2**63 - 1)
    assert (fields["text"]["maxLength"], fields["word"]["maxLength"]) == (10_000, 3)


class Event(msgspec.Struct):
    at: Time
    costs: dict[str, Money]


class EventPatch(Patch):
    at: Time | UnsetType = UNSET
    costs: dict[str, Money | None] | UnsetType = UNSET


class Headers(msgspec.Struct, rename="kebab"):
    since_time: Time


@operation(examples={"one": [{"at": "2000-01-01T01:00:00+01:00", "costs": {"tea": "1.50"}}]})
def add_events(body: list[Event], headers: Headers) -> list[Time]:
    return [headers.since_time, *(event.at for event in body)]


@operation()
def change_event(body: EventPatch) -> Event:
    return body.apply(Event(datetime(2000, 1, 1, tzinfo=UTC), {"tea": Decimal("1.5")}))


class Plain(Input):
    share: float = 0.0
    shares: list[float] = []


@operation()
def get_plain(query: Plain) -> Plain:
    return query


@operation()
def get_number(number: int) -> int:
    return number


@operation()
def get_share(share: float) -> float:
    return share


@operation()
def get_word(word: str) -> str:
    return word


@pytest.fixture
def client() -> FlaskClient:
    app = open_test_app(Settings())
    app.post("/events")(add_events)
    app.patch("/events")(change_event)
    app.get("/plain")(get_plain)
    app.get("/numbers/<number>", endpoint="numbers")(get_number)
    app.get("/digits/<int:number>", endpoint="digits")(get_number)
    app.get("/shares/<share>")(get_share)
    app.get("/words/<word>")(get_word)
    return close_app(app).test_client()


def test_the_types_may_be_in_lists_in_objects_and_in_headers(client: FlaskClient) -> None:
    events = [{"at": "2000-01-01T01:00:00+01:00", "costs": {"tea": "1.50"}}]
    headers = {"Since-Time": "1999-12-31T23:00:00-01:00"}
    response = client.post("/events", json=events, headers=headers)
    assert response.json == ["2000-01-01T00:00:00Z"] * 2
    events[0]["costs"] = {"tea": 1.5}
    response = client.post("/events", json=events, headers=headers)
    assert response.status_code == 422
    assert response.get_json(force=True)["errors"][0]["pointer"] == "/0/costs"


def test_the_types_may_be_in_a_patch(client: FlaskClient) -> None:
    change = {"at": "2001-01-01T01:00:00+01:00", "costs": {"cake": "2.00"}}
    response = client.patch(
        "/events", data=json.dumps(change), content_type="application/merge-patch+json"
    )
    assert response.json == {
        "at": "2001-01-01T00:00:00Z",
        "costs": {"tea": "1.5", "cake": "2"},
    }


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999"])
@pytest.mark.parametrize("name", ["share", "shares"])
def test_a_float_of_a_query_is_finite(client: FlaskClient, name: str, text: str) -> None:
    response = client.get("/plain", query_string={name: text})
    assert response.status_code == 422
    assert response.get_json(force=True)["errors"][0]["parameter"] == name


@pytest.mark.parametrize(
    "path",
    [f"/numbers/{2**63}", f"/numbers/{-(2**63) - 1}", f"/digits/{2**63}", f"/digits/{10**4000}"]
    + ["/shares/nan", "/shares/inf", "/shares/1e999", "/words/a%00"],
)
def test_a_value_of_the_path_that_no_store_can_hold_is_404(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", [f"/numbers/{2**63 - 1}", f"/digits/{2**63 - 1}", "/words/a"])
def test_other_values_of_the_path_are_accepted(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("kind", "fix"),
    [
        (datetime, "use chassis.Time"),
        (Annotated[datetime, Meta(tz=True)] | None, "use chassis.Time"),
        (dict[str, list[Decimal]], "use chassis.Money"),
        (timedelta, "use seconds"),
    ],
)
def test_a_type_with_values_that_do_not_fit_is_refused_at_the_start(kind: Any, fix: str) -> None:
    inner = msgspec.defstruct("Inner", [("field", kind)])
    outer = msgspec.defstruct("Outer", [("inner", list[inner])])  # type: ignore[valid-type]

    def view(body: Any) -> None:
        pass

    view.__annotations__["body"] = outer
    with pytest.raises(
        TypeError, match=rf"view: `field` can have values that cannot be stored: {fix}"
    ):
        operation()(view)


def test_a_type_that_contains_itself_may_have_values() -> None:
    @operation()
    def view(body: Tree) -> Tree:
        return body

    app = open_test_app(Settings())
    app.post("/trees")(view)
    tree = {"at": "2000-01-01T00:00:00Z", "trees": [{"at": "2001-01-01T00:00:00Z", "trees": []}]}
    assert close_app(app).test_client().post("/trees", json=tree).json == tree


class Tree(msgspec.Struct):
    at: Time
    trees: list["Tree"]
