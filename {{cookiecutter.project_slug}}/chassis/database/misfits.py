"""Return 422 for a value that the database cannot store, such as 2**64 or a string with a NUL.

The types of chassis.values refuse such values. Other types, such as int, str and Any, accept them.
"""

import logging
from typing import Any

from flask import Flask, Response
from sqlalchemy import exc
from werkzeug.exceptions import HTTPException, UnprocessableEntity

from ..errors import to_problem

# SQLSTATEs of PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html
MISFITS = {
    "22001",  # a text is too long
    "22003",  # a number is out of range
    "22008",  # a time is out of range
    "22021",  # a character is not in the encoding
    "22P05",  # a character has no equivalent in the encoding
}
# Errors that the drivers raise before they send a value: for a large int and for a lone surrogate.
OWN = (OverflowError, UnicodeEncodeError)


def wrap(context: Any) -> None:
    """Raise a DataError for an error that a driver raises itself, so that `refuse` handles it."""
    if isinstance(error := context.original_exception, OWN):
        raise exc.DataError(context.statement, None, error, hide_parameters=True) from error


def refuse(error: exc.DataError) -> Response | HTTPException:
    """Return 422 for a value that cannot be stored; do not log the value; re-raise other errors."""
    cause: Any = error.orig
    code = getattr(cause, "sqlstate", None)
    if not (code in MISFITS or isinstance(cause, OWN) or (code is None and "NUL" in str(cause))):
        raise error
    reason = " ".join(filter(None, (type(cause).__name__, code)))
    logging.getLogger(__name__).warning("The database cannot store a value: %s", reason)
    detail = "A value is out of range or too long, or has a character that cannot be stored."
    return to_problem(UnprocessableEntity(detail))


def register(app: Flask) -> None:
    app.register_error_handler(exc.DataError, refuse)
