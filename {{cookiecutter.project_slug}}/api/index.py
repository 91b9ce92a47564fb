"""GET /: what this is, and where its documentation is."""

import msgspec
from flask import Blueprint, current_app
from msgspec import UNSET, UnsetType

from .operations import operation

index = Blueprint("index", __name__)


class Index(msgspec.Struct):
    message: str
    docs: str | UnsetType = UNSET


@index.get("/")
@operation()
def get_index() -> Index:
    """Greet the caller, with a link to the documentation."""
    return Index("Hello, World!", docs="/docs" if "docs" in current_app.blueprints else UNSET)
