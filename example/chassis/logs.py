"""Write logs to stdout: one JSON object per line, or plain text if stdout is a terminal."""

import logging
import sys
from io import TextIOWrapper
from typing import TextIO

from flask import has_request_context, request

from .records import FIELDS, NAMES, JsonFormatter, make_record, renamed, simplified

LINE = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class StdoutHandler(logging.StreamHandler[TextIO]):
    """Write to the current `sys.stdout`, because pytest replaces it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.addFilter(add_request)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's line; write the repr of values that JSON or UTF-8 cannot represent."""
        try:
            return super().format(record)
        except Exception:  # for wrong arguments, a lone surrogate or an 80-bit integer
            return super().format(simplified(record))


def configure(level: str) -> None:
    """Send the records of every logger to stdout; drop those below `level` (debug, info, …).

    A second call changes the level and the format; it adds no second handler.
    """
    root = logging.getLogger()
    for each in root.handlers[:]:
        if type(each) is logging.StreamHandler:  # from basicConfig: it would log lines twice
            root.removeHandler(each)
    handler = next((each for each in root.handlers if isinstance(each, StdoutHandler)), None)
    if not handler:
        handler = StdoutHandler()
        root.addHandler(handler)
    if sys.stdout.isatty():
        handler.setFormatter(logging.Formatter(LINE))
    else:
        handler.setFormatter(JsonFormatter(FIELDS, rename_fields=NAMES, timestamp="time"))
    if isinstance(sys.stdout, TextIOWrapper):
        # JSON is in UTF-8: https://www.rfc-editor.org/rfc/rfc8259#section-8.1
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    logging.Logger.makeRecord = make_record  # type: ignore[method-assign]
    root.setLevel(level.upper())
    logging.getLogger("werkzeug").setLevel(level.upper())  # Flask's development server
    logging.captureWarnings(True)


def add_request(record: logging.LogRecord) -> bool:
    """Add the request's log fields, such as its id, to a record; return True to keep the record."""
    if has_request_context():
        fields = request.environ.get("log_fields", {})
        own = record.__dict__
        taken = {name for name in fields if own.get(name, fields[name]) is not fields[name]}
        record.__dict__ |= renamed({name: own[name] for name in taken}, taken) | fields
    return True
