"""Return 409 for a change that the database refuses because of other rows.

A violated NOT NULL or CHECK is not a conflict, because no other row is involved. The application
should have refused the value with 422. The response stays a 500, and the stack is logged.
"""

import logging
from typing import Any

from flask import Flask, Response
from sqlalchemy import exc
from werkzeug.exceptions import Conflict, HTTPException

from ..errors import to_problem

UNIQUE = "A resource with this value already exists: send another value, or change that resource."
REFERENCE = "The request refers to a missing resource, or other resources refer to this one."
# SQLSTATEs of PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html.
# Names of SQLite's codes, or a message of SQLite: https://www.sqlite.org/rescode.html.
DETAILS = {
    "23505": UNIQUE,
    "23P01": UNIQUE,  # EXCLUDE
    "23503": REFERENCE,
    "23001": REFERENCE,  # ON DELETE RESTRICT, since PostgreSQL 18
    "SQLITE_CONSTRAINT_UNIQUE": UNIQUE,
    "SQLITE_CONSTRAINT_PRIMARYKEY": UNIQUE,
    "SQLITE_CONSTRAINT_ROWID": UNIQUE,
    "FOREIGN KEY constraint failed": REFERENCE,  # ON DELETE RESTRICT has the code of a trigger
}


def refuse(error: exc.IntegrityError) -> Response | HTTPException:
    """Return 409 for a conflict, without the values of the rows; re-raise other errors."""
    cause = error.orig
    code: Any = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", "")
    detail = DETAILS.get(code) or DETAILS.get(str(cause))
    if not detail:
        raise error
    logging.getLogger(__name__).info("The database refused a change: %s", cause)
    return to_problem(Conflict(detail))


def register(app: Flask) -> None:
    app.register_error_handler(exc.IntegrityError, refuse)
