"""The cost of the items: Firestore charges for each document that it reads."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

URL = "/api/v1/items"


@pytest.fixture
def read(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the documents that Firestore returns, in order."""
    names: list[str] = []
    with app.app_context():
        api = app.extensions["datastore"].client._firestore_api
    run_query = api.run_query

    def listen(request: Any, **arguments: Any) -> Any:
        assert not request["structured_query"].offset  # skipped documents cost, too
        for response in run_query(request=request, **arguments):
            if response.document.name:
                names.append(response.document.name)
            yield response

    monkeypatch.setattr(api, "run_query", listen)
    return names


@pytest.mark.parametrize(("per_page", "reads"), [(2, 3), (7, 7)])
def test_a_page_costs_at_most_one_read_more_than_it_has_items(
    client: FlaskClient, read: list[str], per_page: int, reads: int
) -> None:
    for _ in range(7):
        client.post(URL, json={"name": "Ada"})
    client.get(URL, query_string={"per_page": per_page})
    assert len(read) == reads


def test_a_later_page_costs_no_more(client: FlaskClient, read: list[str]) -> None:
    for _ in range(7):
        client.post(URL, json={"name": "Ada"})
    cursor = client.get(URL, query_string={"per_page": 4}).get_json()["next_cursor"]
    read.clear()
    client.get(URL, query_string={"per_page": 2, "cursor": cursor})
    assert len(read) == 3
