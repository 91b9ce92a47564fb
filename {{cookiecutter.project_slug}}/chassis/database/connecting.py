"""Connect for a migration; report an unavailable database in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, exc

from . import Database


@contextmanager
def connected(database: Database, engine: Engine) -> Iterator[Connection]:
    """Yield a connection; raise SystemExit with one line if the database is unavailable."""
    try:
        connection = engine.connect()
    except exc.DBAPIError as error:
        if not database.dialect.is_unavailable(error.orig):
            raise
        reason = str(error.orig).partition("\n")[0]
        raise SystemExit(unavailable(database, reason)) from None
    with connection:
        yield connection


def unavailable(database: Database, reason: str) -> str:
    path = f"{database.url.database}: " if database.kind == "sqlite" else ""
    return f"The database ({database.kind}) is not available: {path}{reason}. Check DATABASE_URL."
