"""A fresh application for each of your tests."""

# % if false
# ruff: noqa: F811, I001
# fmt: off
# % endif
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import create_app
from api.settings import Settings

# % if cookiecutter.datastore == "sql"
from .chassis.sql_fixtures import datastore, empty  # noqa: F401
# % elif cookiecutter.datastore == "firestore"
from .chassis.firestore_fixtures import datastore, emulator  # noqa: F401
# % endif
from .chassis.statuses import declared_statuses

# The settings of your tests, by name. Add each setting that has no default.
SETTINGS: dict[str, Any] = {}


@pytest.fixture
# % if cookiecutter.datastore == "none"
def settings() -> Settings:
    return Settings(**SETTINGS)


# % else
def settings(datastore: dict[str, Any]) -> Settings:  # noqa: F811
    """Return settings with an empty datastore."""
    return Settings(**SETTINGS, **datastore)


# % endif
@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """Return the application; at the end, fail if it sent a status that its operation lacks."""
    app = create_app(settings)
    with declared_statuses(app):
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
