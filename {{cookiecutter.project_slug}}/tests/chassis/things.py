"""Create the application of these tests, with one resource, /things."""

# % if false
# ruff: noqa: F811, I001
# fmt: off
# % endif
# % if cookiecutter.auth == "jwt"
from dataclasses import replace
from typing import Annotated, Any

from flask import Flask
from msgspec import Meta

import chassis
from chassis import Input, Settings, close_app, operation


# % else
from typing import Annotated

from flask import Flask
from msgspec import Meta

from chassis import Input, Settings, close_app, operation
from chassis import open_app as open_app


# % endif
class Thing(Input):
    name: Annotated[str, Meta(min_length=1, max_length=100)]


@operation(status=201)
def create_thing(body: Thing) -> Thing:
    """Create a thing."""
    return body


# % if cookiecutter.auth == "jwt"
def open_app(import_name: str, settings: Settings, **more: Any) -> Flask:
    """Open an application whose routes need no token. test_auth.py tests routes that need one."""
    settings = replace(settings, auth_issuer="https://issuer.example", auth_audience="tests")
    app = chassis.open_app(import_name, settings, **more)
    app.extensions["security"].defaults.clear()
    return app


# % endif
def open_test_app(settings: Settings | None = None) -> Flask:
    """Open an application with /things. A test can add its own routes to it."""
    settings = settings or Settings.from_environment()
    app = open_app(__name__, settings, title="Things", description="Tests.", version="1.2.3")
    app.post("/things")(create_thing)
    return app


def create_app(settings: Settings | None = None) -> Flask:
    return close_app(open_test_app(settings))
