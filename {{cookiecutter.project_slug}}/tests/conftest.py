"""A fresh application for every test."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import create_app
from api.settings import Settings


@pytest.fixture
def app() -> Flask:
    return create_app(Settings())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
