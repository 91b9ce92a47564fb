"""Provide a new application, and its test client, for each of your tests."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import create_app
from api.settings import Settings

from .chassis.statuses import declared_statuses

# The settings of your tests, by name. Add each setting that has no default.
SETTINGS: dict[str, Any] = {}


@pytest.fixture
def settings() -> Settings:
    return Settings(**SETTINGS)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """Return the application; at the end, fail if it sent a status that is not declared."""
    app = create_app(settings)
    with declared_statuses(app):
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
