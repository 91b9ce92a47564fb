"""Use the database at DATABASE_URL: SQLite in a file, or PostgreSQL."""

# % if false
# ruff: noqa: F811, I001
# fmt: off
# % endif
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from flask import Flask, Response, current_app
from sqlalchemy import Engine, event, exc, make_url
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from ..breaker import Breaker
from ..bulkhead import Bulkhead
from ..errors import to_problem
from ..per_process import per_process
from ..ready import ready
# % if cookiecutter.telemetry == "otlp"
from ..telemetry import is_on
# % endif
from . import conflicts, misfits
from .base import UNMIGRATED, Base, missing_columns
from .columns import Amount, UTCDateTime
from .pages import paged
from .retries import repeatable
from .settings import URL, DatastoreSettings

__all__ = [
    "Amount",
    "Base",
    "DatastoreSettings",
    "UTCDateTime",
    "paged",
    "reading",
    "repeatable",
    "writing",
]


class Database:
    """An application's database: its URL, its kind (`sqlite` or `postgresql`) and its breaker."""

    def __init__(self, settings: DatastoreSettings) -> None:
        """Raise SystemExit if the URL cannot be used."""
        self.seconds = settings.datastore_timeout
        try:
            given = re.sub("^postgres:", "postgresql:", settings.database_url.reveal())
            self.url = make_url(given, keep_blank_values=True)
            self.kind = self.url.get_backend_name()
            # Import the driver before the fork, so that the workers share its memory.
            self.dialect = import_module(f".{self.kind}", __name__)
            fault = self.dialect.check(self.url)
        except (ValueError, exc.ArgumentError):
            fault = "its host or its port is invalid"
        if fault:
            raise SystemExit(f"DATABASE_URL='…': {fault}: use {URL.description}.")
        self.breaker = Breaker(f"The database ({self.kind})", self.seconds)
        self.bulkhead = Bulkhead(settings.threads, self.breaker.unavailable)

    def make_engine(self, connections: int) -> Engine:
        """Make an engine with a pool of connections, each of which is checked before it is used."""
        engine: Engine = self.dialect.make_engine(
            self.url,
            self.seconds,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=self.seconds or None,
            hide_parameters=True,  # keep callers' values out of the logs
        )
        event.listen(engine, "handle_error", misfits.wrap)
        # % if cookiecutter.telemetry == "otlp"
        if is_on():  # without telemetry, OpenTelemetry is not imported
            import_module(".spans", __name__).trace(engine, self.kind, self.bulkhead)
        # % endif
        return engine

    @contextmanager
    def session(self, **options: Any) -> Iterator[Session]:
        """Yield a session with a connection; `options` are the connection's execution options."""
        with self.bulkhead:
            self.breaker.admit()
            with Session(engine()) as session:
                session.connection(execution_options=options)
                self.breaker.succeed()
                yield session

    def fail(self, error: exc.SQLAlchemyError) -> Response | HTTPException:
        """Return 503 if the database is unavailable; re-raise programming errors."""
        cause = getattr(error, "orig", None) or error
        if not (isinstance(error, exc.TimeoutError) or self.dialect.is_unavailable(cause)):
            raise error
        # The lines after the first can hold values of the row.
        reason = str(cause).partition("\n")[0]
        place = self.url.host or self.url.database or ""
        if place not in reason:  # SQLite and timeouts do not name it
            reason += f" ({place})"
        current_app.logger.error("The database failed: %s", reason)
        silent = isinstance(cause, self.dialect.SILENCE) and self.breaker.is_silent()
        self.breaker.fail(silent=silent)
        return to_problem(self.breaker.unavailable())

    def ping(self) -> None:
        """Raise an error unless the database responds and has each table and column of the models.

        A read-only database counts as ready, because it serves requests that only read.
        """
        with self.bulkhead:
            self.breaker.admit()
            with self.dialect.prober(engine()).connect() as connection:
                missing = ", ".join(missing_columns(connection))
                self.breaker.succeed()
                if missing:
                    current_app.logger.error(UNMIGRATED, missing)
                    raise ServiceUnavailable("The database is not migrated.", retry_after=5)
                if self.dialect.is_read_only(connection):
                    current_app.logger.warning("The database is read-only.")


@per_process
def engine() -> Engine:
    """Return the engine of the current application."""
    return database().make_engine(database().bulkhead.permits)


def database() -> Database:
    found: Database = current_app.extensions["datastore"]
    return found


@contextmanager
def reading() -> Iterator[Session]:
    """Yield a session in autocommit mode, which saves round trips."""
    with database().session(isolation_level="AUTOCOMMIT") as session:
        yield session


@contextmanager
def writing() -> Iterator[Session]:
    """Yield a session in a transaction; commit at the end, or roll back if an error is raised."""
    with database().session() as session:
        yield session
        session.commit()


def register(app: Flask) -> None:
    """Add the database and /ready to an application; return 503 while the database is down."""
    app.extensions["datastore"] = found = Database(app.extensions["settings"])
    app.register_error_handler(exc.DatabaseError, found.fail)
    app.register_error_handler(exc.TimeoutError, found.fail)
    conflicts.register(app)
    misfits.register(app)
    app.register_blueprint(ready)
