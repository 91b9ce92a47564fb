"""Serve GET /ready, which checks the datastore."""

from flask import Blueprint, current_app

from .operations import operation
from .probes import Health
from .security import public

ready = Blueprint("ready", __name__)


@ready.get("/ready")
@public
@operation(errors=[503])
def get_ready() -> Health:
    """Report that the datastore responds."""
    current_app.extensions["datastore"].ping()
    return Health("ok")
