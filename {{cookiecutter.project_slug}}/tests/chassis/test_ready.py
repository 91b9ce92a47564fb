"""Readiness and 503 while the datastore is unavailable."""

import time
from typing import Any

from werkzeug.test import TestResponse

from chassis import Settings

from .things import create_app

DATASTORE = "{{ 'postgresql' if cookiecutter.datastore == 'sql' else 'Firestore' }}"


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


def test_without_its_datastore_a_request_gets_503_in_seconds_and_the_next_one_gets_it_at_once(
    unreachable: dict[str, Any],
) -> None:
    client = create_app(Settings(**unreachable)).test_client()
    for seconds in (5, 0.5):
        began = time.monotonic()
        assert DATASTORE in unavailable(client.get("/ready"))
        assert time.monotonic() - began < seconds
    assert client.get("/health").status_code == 200
