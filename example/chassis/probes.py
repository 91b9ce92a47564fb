"""Serve GET /, which links to the documentation, and GET /health, which checks the process."""

from typing import Annotated, Literal

import msgspec
from flask import Blueprint, Flask, current_app, url_for
from msgspec import UNSET, Meta, UnsetType

from .errors import Url
from .operations import operation
from .security import public

index = Blueprint("index", __name__)
health = Blueprint("health", __name__)


class Index(msgspec.Struct):
    message: Annotated[str, Meta(max_length=100)]
    docs: Url | UnsetType = UNSET


class Health(msgspec.Struct):
    status: Literal["ok"]


@index.get("/")
@public
@operation()
def get_index() -> Index:
    """Greet the caller, with a link to the documentation."""
    on = current_app.extensions["settings"].docs == "on"
    return Index("Hello, World!", docs=url_for("docs.get_docs") if on else UNSET)


@health.get("/health")
@public
@operation()
def get_health() -> Health:
    """Report that the process is up. Its dependencies are not checked."""
    return Health("ok")


def register(app: Flask) -> None:
    """Add the probes; keep the application's own `/`, if it has one."""
    if not any(rule.rule == "/" for rule in app.url_map.iter_rules()):
        app.register_blueprint(index)
    app.register_blueprint(health)
