"""What the API does while its datastore is away."""

import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api import create_app
from api.settings import Settings

URL = "/api/v1/items"
DATASTORE = "{{ 'postgresql' if cookiecutter.datastore == 'sql' else 'Firestore' }}"


@pytest.fixture
def client(settings_without_datastore: Settings) -> FlaskClient:
    return create_app(settings_without_datastore).test_client()


def unavailable(response: TestResponse) -> str:
    assert response.status_code == 503
    assert response.content_type == "application/problem+json"
    assert int(response.headers["Retry-After"]) > 0
    for secret in ("127.0.0.1", "somebody", "secret"):
        assert secret not in response.text
    problem: dict[str, Any] = response.get_json(force=True)
    return str(problem["detail"])


def test_with_its_datastore_the_api_is_ready(settings: Settings) -> None:
    response = create_app(settings).test_client().get("/ready")
    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_without_it_the_api_is_not_ready_and_yet_healthy(client: FlaskClient) -> None:
    assert DATASTORE in unavailable(client.get("/ready"))
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", URL, None),
        ("put", f"{URL}/9f3b4e9e-9d0a-4f0e-8f0a-1b2c3d4e5f60", {"name": "Ada"}),
    ],
)
def test_what_needs_it_is_503_within_five_seconds(
    client: FlaskClient, method: str, path: str, body: object
) -> None:
    began = time.monotonic()
    unavailable(client.open(path, method=method, json=body))
    assert time.monotonic() - began < 5


def test_who_asks_right_after_that_does_not_wait(client: FlaskClient) -> None:
    unavailable(client.get(URL))
    began = time.monotonic()
    unavailable(client.get(URL))
    assert time.monotonic() - began < 0.5


def test_what_is_wrong_anyway_is_said_without_it(client: FlaskClient) -> None:
    assert client.post(URL, json={"name": ""}).status_code == 422
