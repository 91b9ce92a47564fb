"""Provide a new application, and its test client, for each of your tests."""

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

# % if cookiecutter.datastore == "firestore"
from .chassis.firestore_fixtures import datastore, emulator  # noqa: F401
# % endif
# % if cookiecutter.auth == "jwt"
from .chassis.issuer import Issuer, authorize, issuer  # noqa: F401
# % endif
# % if cookiecutter.datastore == "sql"
from .chassis.sql_fixtures import datastore, empty  # noqa: F401
# % endif
from .chassis.statuses import declared_statuses

# The settings of your tests, by name. Add each setting that has no default.
SETTINGS: dict[str, Any] = {}


@pytest.fixture
# % if cookiecutter.auth == "jwt" and cookiecutter.datastore != "none"
def settings(datastore: dict[str, Any], issuer: Issuer) -> Settings:  # noqa: F811
    """Return settings with an empty datastore, and the issuer of the tests' tokens."""
    return Settings(**SETTINGS, **datastore, **issuer.settings)


# % elif cookiecutter.auth == "jwt"
def settings(issuer: Issuer) -> Settings:  # noqa: F811
    """Return settings with the issuer of the tests' tokens."""
    return Settings(**SETTINGS, **issuer.settings)


# % elif cookiecutter.datastore == "none"
def settings() -> Settings:
    return Settings(**SETTINGS)


# % else
def settings(datastore: dict[str, Any]) -> Settings:  # noqa: F811
    """Return settings with an empty datastore."""
    return Settings(**SETTINGS, **datastore)


# % endif
# % if cookiecutter.auth == "jwt"
@pytest.fixture
def token(issuer: Issuer) -> str:  # noqa: F811
    """Return the token that test clients send. Name the scopes that your operations need."""
    return issuer.token(scope="")


@pytest.fixture
def app(settings: Settings, token: str) -> Iterator[Flask]:
    """Return the application; at the end, fail if it sent a status that is not declared."""
    app = create_app(settings)
    authorize(app, token)
# % else
@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """Return the application; at the end, fail if it sent a status that is not declared."""
    app = create_app(settings)
# % endif
    with declared_statuses(app):
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
