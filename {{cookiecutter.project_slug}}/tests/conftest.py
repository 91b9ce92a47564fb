"""A fresh application for every test."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings as profile

from api import create_app
from api.settings import Settings

# % if cookiecutter.datastore != "none"
pytest_plugins = ["{{ cookiecutter.datastore }}_fixtures"]
# % endif
# The same generated requests in every run, however slow the machine: what fails once fails again.
profile.register_profile("repeatable", derandomize=True, deadline=None)
profile.load_profile("repeatable")


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Leave out requests that should be refused for a header that the document does not name."""
    return "x-schemathesis-unknown-property" not in case.headers


# % if cookiecutter.datastore == "none"
@pytest.fixture
def settings() -> Settings:
    """Give the settings with which everything works."""
    return Settings()


# % endif
@pytest.fixture
def app() -> Flask:
    """Give an application that nobody asks for what is in its datastore, if it has one."""
    return create_app(Settings())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """Undo what a test does to the logging of the process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
