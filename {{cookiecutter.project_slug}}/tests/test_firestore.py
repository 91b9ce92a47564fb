"""What Firestore is asked for, which is what it costs."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

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
