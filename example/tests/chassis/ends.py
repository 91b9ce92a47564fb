"""List the limits of each type and values beyond them; create an application that stores values."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote

from flask import Flask
from flask.testing import FlaskClient
from msgspec import Meta, structs
from werkzeug.test import TestResponse

from chassis import Date, Float, Input, Int64, Money, Settings, Text, Time, close_app, operation

from .things import open_test_app


class Values(Input):
    text: Text = ""
    word: Annotated[Text, Meta(max_length=3)] = ""
    time: Time = datetime(2000, 1, 1, tzinfo=UTC)
    day: Date = date(2000, 1, 1)
    count: Int64 = 0
    ratio: Float = 0.0
    price: Money = Decimal()


# A field, the value to send, and the value that is returned if it differs.
ENDS: list[tuple[Any, ...]] = [
    ("text", "é😀" * 5_000),
    ("text", " \x01\x7f\n\u202e\uffff"),
    ("word", "😀😀😀"),
    ("time", "0001-01-01T00:00:00Z"),
    ("time", "0001-01-01T00:00:00-23:59", "0001-01-01T23:59:00Z"),
    ("time", "9999-12-31T23:59:59.999999Z"),
    ("time", "9999-12-31T23:59:59+23:59", "9999-12-31T00:00:59Z"),
    ("time", "1969-12-31T23:59:59.000001Z"),
    ("day", "0001-01-01"),
    ("day", "9999-12-31"),
    ("count", 2**63 - 1),
    ("count", -(2**63)),
    ("count", 2**53 + 1),
    ("ratio", 1.7976931348623157e308),
    ("ratio", -1.7976931348623157e308),
    ("ratio", 5e-324),
    ("ratio", 0.1),
    ("price", "99999999999.9999"),
    ("price", "-99999999999.9999"),
    ("price", "0.0001"),
    ("price", "12.50", "12.5"),
    ("price", "100.00", "100"),
    ("price", "-0", "0"),
]
BEYOND: list[tuple[str, Any]] = [
    ("text", "a" * 10_001),
    ("text", "a\0"),
    ("word", "😀😀😀😀"),
    ("time", "9999-12-31T23:59:59-00:01"),
    ("time", "0001-01-01T00:00:00+00:01"),
    ("time", "0000-12-31T23:59:59Z"),
    ("time", "10000-01-01T00:00:00Z"),
    ("time", "9999-12-31T23:59:59.9999999Z"),
    ("time", "2000-01-01T00:00:00"),
    ("time", "2000-01-01"),
    ("time", "253402300800"),
    ("time", "nan"),
    ("day", "0000-12-31"),
    ("day", "10000-01-01"),
    ("day", "2000-01-01T00:00:00Z"),
    ("count", 2**63),
    ("count", -(2**63) - 1),
    ("count", 2**64),
    ("count", 10**1000),
    ("ratio", "nan"),
    ("ratio", "-inf"),
    ("ratio", "1e309"),
    ("price", "100000000000"),
    ("price", "0.00001"),
    ("price", "1e2"),
    ("price", "NaN"),
    ("price", "Infinity"),
    ("price", "٣"),
    ("price", "1\n"),
]


def make_app(settings: Settings, keep: Callable[[Values], Values]) -> Flask:
    """Make an application that passes values from a body, a query or the path to `keep`."""

    @operation()
    def keep_body(body: Values) -> Values:
        return keep(body)

    @operation()
    def keep_query(query: Values) -> Values:
        return keep(query)

    app = open_test_app(settings)
    app.post("/kept")(keep_body)
    app.get("/kept")(keep_query)
    for field in structs.fields(Values):
        view = operation()(path_view(field.name, field.type, keep))
        app.get(f"/kept/{field.name}/<value>", endpoint=f"keep_{field.name}")(view)
    return close_app(app)


def path_view(name: str, kind: Any, keep: Callable[[Values], Values]) -> Callable[..., Values]:
    def keep_value(value: Any) -> Values:
        return keep(Values(**{name: value}))

    keep_value.__annotations__ = {"value": kind, "return": Values}
    return keep_value


def send(client: FlaskClient, place: str, name: str, value: Any) -> TestResponse:
    """Send a value in the body, the query or the path."""
    if place == "body":
        # Not escaped, because escapes would be larger than MAX_JSON_BYTES.
        text = json.dumps({name: value}, ensure_ascii=False)
        raw = text.encode(errors="backslashreplace")
        return client.post("/kept", data=raw, content_type="application/json")
    if place == "query":
        return client.get("/kept", query_string={name: value})
    return client.get(f"/kept/{name}/{quote(str(value), safe='')}")


def check_ends(client: FlaskClient, place: str) -> None:
    """Check that the smallest and largest values of each type are returned as they were sent."""
    for name, sent, *kept in ENDS:
        response = send(client, place, name, sent)
        found = response.get_json(force=True).get(name)
        assert (response.status_code, found) == (200, *(kept or [sent])), (name, sent)
