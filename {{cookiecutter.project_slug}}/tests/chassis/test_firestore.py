"""Calls to Firestore: their errors, and what happens when a response is lost."""

from typing import Any

import pytest
from flask import Flask
from google.api_core import exceptions

from chassis import Settings, close_app, operation
from chassis.firestore import datastore as firestore

from .things import create_app, open_test_app


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (exceptions.AlreadyExists, 409),
        (exceptions.Aborted, 503),
        (exceptions.Forbidden, 503),
        (exceptions.NotFound, 503),
        (exceptions.InvalidArgument, 500),
    ],
)
def test_an_error_of_firestore_is_503_unless_it_is_a_conflict_or_a_bug(
    error: type[exceptions.GoogleAPICallError], status: int
) -> None:
    app = create_app(Settings())

    @app.get("/failing")
    def failing() -> str:
        raise error("no")

    response = app.test_client().get("/failing")
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    assert ("Retry-After" in response.headers) == (status == 503)


@operation(status=201)
def create_document() -> None:
    """Create a document, unless it exists."""
    document = firestore().client.document("things/ada@example.com")
    firestore().call(document.create, {"n": 1})


@operation()
def replace_thing() -> None:
    """Replace a thing that exists."""
    document = firestore().client.document("things/one")
    firestore().change(
        document, lambda read, option: firestore().call(read.reference.update, {"n": 2}, option)
    )


@operation()
def delete_thing() -> None:
    """Delete a thing that exists."""
    document = firestore().client.document("things/one")
    firestore().change(
        document, lambda read, option: firestore().call(read.reference.delete, option)
    )


@pytest.fixture
def app(datastore: dict[str, Any]) -> Flask:
    app = open_test_app(Settings(**datastore))
    app.post("/thing")(create_document)
    app.put("/thing")(replace_thing)
    app.delete("/thing")(delete_thing)
    return close_app(app)


def test_creating_a_document_that_exists_is_409(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    client = app.test_client()
    assert client.post("/thing").status_code == 201
    response = client.post("/thing")
    assert (response.status_code, response.mimetype) == (409, "application/problem+json")
    assert "already exists" in response.get_json(force=True)["detail"]
    assert "already exists" in caplog.text
    assert "@example.com" not in response.text + caplog.text


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_write_whose_response_is_lost_is_not_repeated(
    app: Flask, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """The first attempt may have succeeded, so a second one would conflict with it."""
    with app.app_context():
        firestore().call(firestore().client.document("things/one").set, {"n": 1})
        api = firestore().client._firestore_api
    commit, commits = api.commit, []

    def lose(*arguments: Any, **named: Any) -> None:
        commits.append(commit(*arguments, **named))
        raise exceptions.ServiceUnavailable("lost")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(api, "commit", lose)
    assert app.test_client().open("/thing", method=method).status_code == 503
    assert len(commits) == 1
