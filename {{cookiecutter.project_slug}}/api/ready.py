"""GET /ready: the datastore answers too."""

from flask import Blueprint, current_app

from .health import Health
from .operations import operation

ready = Blueprint("ready", __name__)


@ready.get("/ready")
@operation()
def get_ready() -> Health:
    """Report that the datastore answers."""
    current_app.extensions["datastore"].ping()
    return Health("ok")
