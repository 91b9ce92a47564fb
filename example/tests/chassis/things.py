"""Create the application of these tests, with one resource, /things."""

from typing import Annotated

from flask import Flask
from msgspec import Meta

from chassis import Input, Settings, close_app, operation
from chassis import open_app as open_app


class Thing(Input):
    name: Annotated[str, Meta(min_length=1, max_length=100)]


@operation(status=201)
def create_thing(body: Thing) -> Thing:
    """Create a thing."""
    return body


def open_test_app(settings: Settings | None = None) -> Flask:
    """Open an application with /things. A test can add its own routes to it."""
    settings = settings or Settings.from_environment()
    app = open_app(__name__, settings, title="Things", description="Tests.", version="1.2.3")
    app.post("/things")(create_thing)
    return app


def create_app(settings: Settings | None = None) -> Flask:
    return close_app(open_test_app(settings))
