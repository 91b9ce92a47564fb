"""Logs: one JSON object per line on stdout; plain text if stdout is a terminal."""

import logging
import sys
from typing import TextIO

from flask import has_request_context, request
from pythonjsonlogger.msgspec import MsgspecFormatter


class StdoutHandler(logging.StreamHandler[TextIO]):
    """Write to the current `sys.stdout`, because pytest replaces it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.addFilter(add_request)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout


def configure(level: str) -> None:
    """Send the records of every logger to stdout, from `level` (debug, info, …) on.

    A second call changes the level and the format; it adds no second handler.
    """
    root = logging.getLogger()
    for each in root.handlers[:]:
        if type(each) is logging.StreamHandler:  # of basicConfig, which would log each line twice
            root.removeHandler(each)
    handler = next((each for each in root.handlers if isinstance(each, StdoutHandler)), None)
    if not handler:
        handler = StdoutHandler()
        root.addHandler(handler)
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
    root.setLevel(level.upper())
    logging.getLogger("werkzeug").setLevel(level.upper())  # Flask's development server
    logging.captureWarnings(True)


def add_request(record: logging.LogRecord) -> bool:
    """Add the request's id to a record that is logged in a request; keep every record."""
    if has_request_context():
        record.__dict__ |= request.environ.get("log_fields", {})
    return True
