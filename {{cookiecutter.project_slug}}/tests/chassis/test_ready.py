"""What happens while the datastore is away."""

import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis import Settings

from .things import create_app

DATASTORE = "{{ 'postgresql' if cookiecutter.datastore == 'sql' else 'Firestore' }}"


@pytest.fixture
def client(unreachable: dict[str, Any]) -> FlaskClient:
    return create_app(Settings(**unreachable)).test_client()


def unavailable(response: TestResponse) -> str:
    assert response.status_code == 503
    assert response.content_type == "application/problem+json"
    assert int(response.headers["Retry-After"]) > 0
    for secret in ("127.0.0.1", "person", "secret"):
        assert secret not in response.text
    problem: dict[str, Any] = response.get_json(force=True)
    return str(problem["detail"])


def test_with_its_datastore_the_application_is_ready(reachable: dict[str, Any]) -> None:
    response = create_app(Settings(**reachable)).test_client().get("/ready")
    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_without_it_the_application_is_not_ready_and_yet_healthy(client: FlaskClient) -> None:
    assert DATASTORE in unavailable(client.get("/ready"))
    assert client.get("/health").status_code == 200


def test_a_request_that_needs_it_gets_503_within_five_seconds(client: FlaskClient) -> None:
    began = time.monotonic()
    unavailable(client.get("/ready"))
    assert time.monotonic() - began < 5


def test_the_next_request_does_not_wait(client: FlaskClient) -> None:
    unavailable(client.get("/ready"))
    began = time.monotonic()
    unavailable(client.get("/ready"))
    assert time.monotonic() - began < 0.5
