"""Logs: one JSON object a line on stdout; text for a person when that is a terminal."""

import logging
import sys

from flask import has_request_context, request
from pythonjsonlogger.msgspec import MsgspecFormatter


def configure(level: str) -> None:
    """Send the records of every logger to stdout, from `level` (debug, info, …) on."""
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(add_request_id)
    if sys.stdout.isatty():
        text = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
        handler.setFormatter(logging.Formatter(text))
    else:
        names = {"levelname": "level", "name": "logger"}
        fields = [*names, "message"]
        handler.setFormatter(MsgspecFormatter(fields, rename_fields=names, timestamp="time"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)


def add_request_id(record: logging.LogRecord) -> bool:
    """Give a record the id of the request in which it was made; keep every record."""
    if has_request_context():
        record.request_id = request.environ.get("request_id")
    return True
