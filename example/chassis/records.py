"""Write every log record as one line of JSON, without losing or replacing its fields."""

import logging
from collections.abc import Mapping
from copy import copy
from typing import Any

from pythonjsonlogger.msgspec import MsgspecFormatter

FIELDS = ["levelname", "name", "message"]
# The names of a record's own fields in JSON.
NAMES = {
    "levelname": "level",
    "name": "logger",
    "exc_info": "stack_trace",
}
OWN = {*NAMES.values(), "time"}
python_makes_record = logging.Logger.makeRecord


class JsonFormatter(MsgspecFormatter):
    """Write a record as a JSON object. The caller's fields cannot replace the record's own."""

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        if not OWN.isdisjoint(record.__dict__):
            record = copy(record)
            record.__dict__ = renamed(record.__dict__, OWN)
        if message_dict:  # from log.info({…}), or an exception
            taken = OWN | record.__dict__.keys() - {"message", "exc_info", "stack_info"}
            message_dict = renamed(message_dict, taken)
        super().add_fields(log_data, record, message_dict)


def renamed(fields: Mapping[Any, Any], taken: set[str]) -> dict[str, Any]:
    """Return the fields; add `extra_` to names that are taken, and convert other names to text."""
    return {f"extra_{name}" if name in taken else text(name): fields[name] for name in fields}


def simplified(record: logging.LogRecord) -> logging.LogRecord:
    """Return a copy of a record; convert values that JSON cannot represent to text."""
    simple = copy(record)
    simple.__dict__ = {text(name): encodable(value) for name, value in record.__dict__.items()}
    try:
        simple.msg = text(record.getMessage())
    except Exception:
        simple.msg = f"{text(record.msg)} {text(record.args)}"
    simple.args = ()
    if record.exc_info:
        stack = logging.Formatter().formatException(record.exc_info)
        simple.exc_info, simple.exc_text = None, text(stack)
    return simple


def encodable(value: Any) -> Any:
    """Return a value if JSON can hold it, else text."""
    try:
        MsgspecFormatter().jsonify_log_record({"": value})
    except Exception:
        return text(value)
    return value


def text(value: Any) -> str:
    """Return a value as text that UTF-8 can hold, whatever the value is."""
    try:
        shown = value if isinstance(value, str) else repr(value)
    except Exception:
        shown = f"a {type(value).__name__} whose repr fails"
    return shown.encode(errors="backslashreplace").decode()


def make_record(
    self: logging.Logger,
    name: str,
    level: int,
    fn: str,
    lno: int,
    msg: object,
    args: Any,
    exc_info: Any,
    func: str | None = None,
    extra: Any = None,
    sinfo: str | None = None,
) -> logging.LogRecord:
    """Make a record; rename `extra` fields such as "name", for which Python raises KeyError."""
    given = (self, name, level, fn, lno, msg, args, exc_info, func)
    try:
        return python_makes_record(*given, extra, sinfo)
    except (KeyError, TypeError):
        record = python_makes_record(*given, None, sinfo)
    fields = extra if isinstance(extra, Mapping) else {"extra": extra}
    record.__dict__ |= renamed(fields, {*record.__dict__, "message", "asctime"})
    return record
