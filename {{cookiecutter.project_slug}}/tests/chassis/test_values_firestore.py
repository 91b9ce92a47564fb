"""Firestore stores values up to the limits of each type; a value that does not fit gets 422."""

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from msgspec import structs

from chassis import Input, Settings, close_app, operation
from chassis.firestore import datastore as firestore
from chassis.firestore import from_document, to_document

from .ends import Values, check_ends, make_app
from .things import open_test_app


def keep(values: Values) -> Values:
    """Store values, and return them as Firestore stores them."""
    document = firestore().client.document(f"kept/{uuid4()}")
    firestore().call(document.set, to_document(values))
    return from_document(firestore().call(document.get), Values)


class Plain(Input):
    """A document with types that have no limits."""

    text: str = ""
    count: int = 0
    anything: Any = ""


@operation()
def keep_plain(body: Plain) -> None:
    document = firestore().client.document(f"plain/{uuid4()}")
    firestore().call_again(document.set, structs.asdict(body))


@pytest.fixture
def plain(reachable: dict[str, Any]) -> Flask:
    app = open_test_app(Settings(**reachable, max_body_bytes=2_000_000, max_json_bytes=2_000_000))
    app.post("/plain")(keep_plain)
    return close_app(app)


@pytest.mark.parametrize("place", ["body", "query", "path"])
def test_the_limits_are_returned_as_they_were_sent(reachable: dict[str, Any], place: str) -> None:
    check_ends(make_app(Settings(**reachable), keep).test_client(), place)


@pytest.mark.parametrize(
    "values",
    [{"count": 2**63}, {"anything": [-(2**63) - 1]}, {"text": "a" * 1_048_488}]
    + [{"text": "a" * 600_000, "anything": ["a" * 600_000]}],
    ids=["count", "list", "text", "document"],
)
def test_a_value_that_does_not_fit_is_422(
    plain: Flask, caplog: pytest.LogCaptureFixture, values: dict[str, Any]
) -> None:
    response = plain.test_client().post("/plain", json=values)
    assert (response.status_code, response.mimetype) == (422, "application/problem+json")
    assert "Firestore cannot store a value: " in caplog.text
    assert "<class" not in caplog.text
    assert not any(str(value) in caplog.text for value in values.values())


def test_another_invalid_argument_is_a_bug(plain: Flask) -> None:
    response = plain.test_client().post("/plain", json={"anything": [[1]]})
    assert response.status_code == 500
