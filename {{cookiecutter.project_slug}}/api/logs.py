"""Logs: one JSON object a line on stdout; text for a person when that is a terminal."""

import logging
import sys

from flask import has_request_context, request
from pythonjsonlogger.msgspec import MsgspecFormatter


def configure(level: str) -> None:
    """Send the records of every logger to stdout, from `level` (debug, info, …) on."""
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(add_request)
    if sys.stdout.isatty():
        text = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
        handler.setFormatter(logging.Formatter(text))
    else:
        names = {
            "levelname": "{{ 'severity' if cookiecutter.deploy == 'cloud-run' else 'level' }}",
            "name": "logger",
            "exc_info": "stack_trace",
        }
        fields = ["levelname", "name", "message"]
        handler.setFormatter(MsgspecFormatter(fields, rename_fields=names, timestamp="time"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)


def add_request(record: logging.LogRecord) -> bool:
    """Say in a record in which request it was made, if in any; keep every record."""
    if has_request_context():
        record.__dict__ |= request.environ.get("log_fields", {})
    return True
