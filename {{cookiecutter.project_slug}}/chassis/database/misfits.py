"""Return 422 for a value that the database cannot store, such as 2**64 or a NUL in a text.

The types of chassis.values have no such values. Others have: int, str, Any.
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
    "22P05",  # a character has no equal in the encoding
}
# What the drivers raise before they send the value: a large int, a lone surrogate.
OWN = (OverflowError, UnicodeEncodeError)


def wrap(context: Any) -> None:
    """Raise a DataError, as for other values, in place of an error that is not the database's."""
    if isinstance(error := context.original_exception, OWN):
        raise exc.DataError(context.statement, None, error, hide_parameters=True) from error


def refuse(error: exc.DataError) -> Response | HTTPException:
    """Return 422 for a value that does not fit, without the value; re-raise other errors."""
    cause: Any = error.orig
    code = getattr(cause, "sqlstate", None)
    if not (code in MISFITS or isinstance(cause, OWN) or (code is None and "NUL" in str(cause))):
        raise error
    name = type(cause).__name__
    logging.getLogger(__name__).warning("The database cannot store a value: %s %s", name, code)
    return to_problem(UnprocessableEntity("A value of the request is out of range, or too long."))


def register(app: Flask) -> None:
    app.register_error_handler(exc.DataError, refuse)
