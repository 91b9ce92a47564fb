"""GET /health: the process is up and answers."""

import msgspec
from flask import Blueprint

from .operations import operation

health = Blueprint("health", __name__)


class Health(msgspec.Struct):
    status: str


@health.get("/health")
@operation()
def get_health() -> Health:
    """Report that the process is up; nothing that it depends on is checked."""
    return Health("ok")
