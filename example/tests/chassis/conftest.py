"""Provide a new application for each test of the chassis."""

import logging
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chassis import Settings
from chassis.logs import StdoutHandler

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
