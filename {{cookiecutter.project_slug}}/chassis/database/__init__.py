"""The database: SQLite in a file, or PostgreSQL, as DATABASE_URL says."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import Annotated, Any

from flask import Flask, Response, current_app
from msgspec import Meta
from sqlalchemy import DateTime, Engine, MetaData, TypeDecorator, exc, make_url, select
from sqlalchemy.orm import DeclarativeBase, Session
from werkzeug.exceptions import HTTPException

from ..breaker import Breaker
from ..bulkhead import Bulkhead
from ..errors import to_problem
from ..per_process import per_process
from ..ready import ready
from ..secret import Secret
from ..settings import Seconds, ServerSettings

__all__ = ["Base", "UTCDateTime", "reading", "writing"]

URL = Meta(
    pattern=r"^(sqlite:///(?!:memory:)[^?]+$|postgres://|postgresql(\+psycopg)?://)",
    description="sqlite:///path or postgresql://user:password@host/database",
)


@dataclass(frozen=True, kw_only=True)
class DatastoreSettings(ServerSettings):
    database_url: Annotated[Secret, URL] = Secret("sqlite:///instance/app.db")
    datastore_timeout: Seconds = 2


class UTCDateTime(TypeDecorator[datetime]):
    """A timezone-aware UTC datetime: SQLite stores no zone, PostgreSQL returns the session's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value and (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


class Base(DeclarativeBase):
    """The base of the models."""

    type_annotation_map = {datetime: UTCDateTime}
    # A constraint with a name can be changed: https://alembic.sqlalchemy.org/en/latest/naming.html
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Database:
    """An application's database: its URL, its kind (`sqlite` or `postgresql`) and its breaker."""

    def __init__(self, settings: DatastoreSettings) -> None:
        """Raise SystemExit if the URL cannot be used."""
        self.seconds = settings.datastore_timeout
        try:
            self.url = make_url(re.sub("^postgres:", "postgresql:", settings.database_url.reveal()))
            self.kind = self.url.get_backend_name()
            # Imported before the fork: the workers share the memory.
            self.dialect = import_module(f".{self.kind}", __name__)
            self.dialect.check(self.url)
        except (ValueError, exc.ArgumentError):
            raise SystemExit("DATABASE_URL cannot be read: see .env.example") from None
        self.breaker = Breaker(f"The database ({self.kind})", self.seconds)
        self.bulkhead = Bulkhead(settings.threads, self.breaker.unavailable)

    def make_engine(self) -> Engine:
        engine: Engine = self.dialect.make_engine(
            self.url,
            self.seconds,
            # A connection for each request that the bulkhead admits, tested before it is used.
            pool_size=self.bulkhead.places,
            max_overflow=0,
            pool_timeout=self.seconds or None,
            pool_pre_ping=True,
            hide_parameters=True,  # values that callers send do not belong in logs
        )
        return engine

    @contextmanager
    def session(self, **options: Any) -> Iterator[Session]:
        """Give a session with a connection; `options` are the connection's execution options."""
        with self.bulkhead:
            self.breaker.admit()
            with Session(engine()) as session:
                session.connection(execution_options=options)
                self.breaker.succeed()
                yield session

    def fail(self, error: exc.SQLAlchemyError) -> Response | HTTPException:
        """Return 503 if the database is unavailable; re-raise programming errors."""
        cause = getattr(error, "orig", error)
        if getattr(cause, "sqlite_errorcode", 0) == 1:  # SQLITE_ERROR: the SQL is wrong
            raise error
        current_app.logger.error("The database failed: %s", cause)
        silent = isinstance(cause, self.dialect.SILENCE) and self.breaker.is_silent()
        self.breaker.fail(silent=silent)
        return to_problem(self.breaker.unavailable())

    def ping(self) -> None:
        """Raise OperationalError if the database does not respond."""
        with reading() as session:
            session.execute(select(1))


@per_process
def engine() -> Engine:
    """Return the engine of the current application."""
    return database().make_engine()


def database() -> Database:
    found: Database = current_app.extensions["datastore"]
    return found


@contextmanager
def reading() -> Iterator[Session]:
    """Give a session in which each statement commits by itself, which saves round trips."""
    with database().session(isolation_level="AUTOCOMMIT") as session:
        yield session


@contextmanager
def writing() -> Iterator[Session]:
    """Give a session in one transaction, which commits at the end unless an error is raised."""
    with database().session() as session:
        yield session
        session.commit()


def register(app: Flask) -> None:
    """Give an application its database and /ready; return 503 while the database is unavailable."""
    app.extensions["datastore"] = found = Database(app.extensions["settings"])
    app.register_error_handler(exc.OperationalError, found.fail)
    app.register_error_handler(exc.TimeoutError, found.fail)
    app.register_blueprint(ready)
