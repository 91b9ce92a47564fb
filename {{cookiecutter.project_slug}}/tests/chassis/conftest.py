"""Provide a new application for each test of the chassis."""

# % if false
# ruff: noqa: F811, I001
# fmt: off
# % endif
import logging
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chassis import Settings
from chassis.logs import StdoutHandler

# % if cookiecutter.datastore == "sql"
from .books_sql import library  # noqa: F401
# % if cookiecutter.telemetry == "otlp"
from .collector import collector, ending  # noqa: F401
# % endif
from .rows import no_models, postgresql, sqlite  # noqa: F401
from .sql_fixtures import empty, reachable, unreachable  # noqa: F401
# % elif cookiecutter.datastore == "firestore"
from .books_firestore import library  # noqa: F401
# % if cookiecutter.telemetry == "otlp"
from .collector import collector, ending  # noqa: F401
# % endif
from .firestore_fixtures import datastore, emulator, reachable, unreachable  # noqa: F401
# % elif cookiecutter.telemetry == "otlp"
from .collector import collector, ending  # noqa: F401
# % endif
from .things import create_app


@pytest.fixture
def app() -> Flask:
    """Return an application with the default settings."""
    return create_app(Settings())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def unconfigured_logging() -> Iterator[None]:
    """Remove the handler of the logs; restore the process's logging after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = [each for each in handlers if not isinstance(each, StdoutHandler)]
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
