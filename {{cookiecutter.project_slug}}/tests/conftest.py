"""A fresh application for every test."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings

from api import create_app
from api.settings import Settings

# The same generated requests in every run, however slow the machine: what fails once fails again.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture
def app() -> Flask:
    return create_app(Settings())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
