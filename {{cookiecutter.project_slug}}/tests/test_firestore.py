"""What Firestore is asked for, which is what it costs."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from google.api_core import exceptions

from api import create_app
from api.settings import Settings

URL = "/api/v1/items"


@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(settings)


@pytest.fixture
def read(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the names of the documents that the service has sent, as they come."""
    names: list[str] = []
    with app.app_context():
        api = app.extensions["datastore"].client._firestore_api
    run_query = api.run_query

    def listen(request: Any, **arguments: Any) -> Any:
        assert not request["structured_query"].offset  # what is skipped costs, too
        for response in run_query(request=request, **arguments):
            if response.document.name:
                names.append(response.document.name)
            yield response

    monkeypatch.setattr(api, "run_query", listen)
    return names


@pytest.mark.parametrize(("per_page", "reads"), [(2, 3), (6, 7), (7, 7), (100, 7)])
def test_a_page_costs_one_read_more_than_it_has_items(
    client: FlaskClient, read: list[str], per_page: int, reads: int
) -> None:
    for _ in range(7):
        client.post(URL, json={"name": "Ada"})
    client.get(URL, query_string={"per_page": per_page})
    assert len(read) == reads


def test_a_page_further_down_costs_no_more(client: FlaskClient, read: list[str]) -> None:
    for _ in range(7):
        client.post(URL, json={"name": "Ada"})
    cursor = client.get(URL, query_string={"per_page": 4}).get_json()["next_cursor"]
    read.clear()
    client.get(URL, query_string={"per_page": 2, "cursor": cursor})
    assert len(read) == 3


@pytest.mark.parametrize(
    ("error", "status"),
    [(each, 503) for each in (exceptions.Forbidden, exceptions.Unauthenticated, exceptions.Unknown)]
    + [(exceptions.ResourceExhausted, 503), (exceptions.NotFound, 503), (exceptions.Aborted, 503)]
    + [(exceptions.InvalidArgument, 500)],
)
def test_who_cannot_be_served_now_is_told_to_come_back_unless_it_is_a_bug(
    error: type[exceptions.GoogleAPICallError], status: int
) -> None:
    app = create_app(Settings())

    @app.get("/failing")
    def failing() -> str:
        raise error("no")

    response = app.test_client().get("/failing")
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    assert ("Retry-After" in response.headers) == (status == 503)


@pytest.mark.parametrize("method", ["put", "delete"])
def test_a_write_whose_answer_is_lost_is_no_conflict(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Nobody knows whether it was done; to try it again would meet what it did itself."""
    created = client.post(URL, json={"name": "Ada"})
    with app.app_context():
        api = app.extensions["datastore"].client._firestore_api
    commit = api.commit

    def lose(*arguments: Any, **named: Any) -> None:
        commit(*arguments, **named)
        raise exceptions.ServiceUnavailable("lost")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(api, "commit", lose)
    tag = {"If-Match": created.headers["ETag"]}
    body = {"name": "Bob"} if method == "put" else None
    response = client.open(created.location, method=method, json=body, headers=tag)
    assert response.status_code == 503
