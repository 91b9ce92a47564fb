"""The database: SQLite in a file, or PostgreSQL, as DATABASE_URL says."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from threading import Lock
from time import monotonic
from typing import Any
from weakref import finalize

from flask import Flask, Response, current_app
from sqlalchemy import DateTime, Engine, MetaData, TypeDecorator, exc, make_url, select
from sqlalchemy.orm import DeclarativeBase, Session
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from ..errors import to_problem
from ..settings import Settings


class UTCDateTime(TypeDecorator[datetime]):
    """A time in UTC, which says so: SQLite keeps no zone, PostgreSQL answers in the session's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value and (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


class Base(DeclarativeBase):
    """The base of the models."""

    type_annotation_map = {datetime: UTCDateTime}
    # What has a name can be changed later: https://alembic.sqlalchemy.org/en/latest/naming.html
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
    """An application's database.

    Its engine is made when it is first needed, in the process that needs it, for connections must
    not cross a fork; they are closed with the process, or with the application before that.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        try:
            self.url = make_url(re.sub("^postgres:", "postgresql:", settings.database_url))
            self.kind = self.url.get_backend_name()
            # Imported here, and so before the fork: the processes share what it takes.
            self._module = import_module(f".{self.kind}", __name__)
            self._module.check(self.url)
        except (ValueError, exc.ArgumentError):
            raise SystemExit("DATABASE_URL cannot be read: see .env.example") from None
        self._engine: Engine | None = None
        self._lock = Lock()
        self._try_again_at = 0.0

    @property
    def engine(self) -> Engine:
        """Raises ServiceUnavailable (503) at once while the database keeps somebody waiting.

        If everybody waited, they would soon hold every thread, and /health would wait too. So one
        at a time tries, a second after the last, until there is a connection again.
        """
        threads, seconds = self.settings.threads, self.settings.datastore_timeout
        with self._lock:
            if self._try_again_at > monotonic():
                raise self.unavailable()
            if self._try_again_at:
                self._try_again_at = monotonic() + 2 * seconds + 1  # longer than who tries now
            if not self._engine:
                self._engine = self._module.make_engine(
                    self.url,
                    seconds,
                    # A connection for each thread that may ask for one, tried before it is used.
                    pool_size=threads,
                    max_overflow=0,
                    pool_timeout=seconds or None,
                    pool_pre_ping=True,
                    hide_parameters=True,  # what people send is not for the logs
                )
                finalize(self, self._engine.dispose)
            return self._engine

    @contextmanager
    def session(self, **options: Any) -> Iterator[Session]:
        """Give a session that has its connection; `options` are that one's execution options."""
        with Session(self.engine) as session:
            session.connection(execution_options=options)
            self._try_again_at = 0.0
            yield session

    def unavailable(self) -> ServiceUnavailable:
        return ServiceUnavailable(f"The database ({self.kind}) is not available.", retry_after=5)

    def fail(self, error: exc.SQLAlchemyError) -> Response | HTTPException:
        """Answer 503 for what failed for want of the database; raise what failed for a bug."""
        cause = getattr(error, "orig", error)
        if getattr(cause, "sqlite_errorcode", 0) == 1:  # SQLITE_ERROR: it is the SQL that is wrong
            raise error
        current_app.logger.error("The database failed: %s", cause)
        silent = isinstance(cause, self._module.SILENCE)
        self._try_again_at = monotonic() + 1 if silent else 0.0
        return to_problem(self.unavailable())

    def ping(self) -> None:
        """Raise OperationalError if the database does not answer."""
        with reading() as session:
            session.execute(select(1))


def init_database(app: Flask, settings: Settings) -> None:
    """Give an application its database; while that is away, what needs it is answered with 503."""
    app.extensions["datastore"] = database = Database(settings)
    app.register_error_handler(exc.OperationalError, database.fail)
    app.register_error_handler(exc.TimeoutError, database.fail)


@contextmanager
def reading() -> Iterator[Session]:
    """Give a session in which each statement stands by itself, which costs the fewest round trips."""
    with current_app.extensions["datastore"].session(isolation_level="AUTOCOMMIT") as session:
        yield session


@contextmanager
def writing() -> Iterator[Session]:
    """Give a session in one transaction, which is committed at the end unless there is an error."""
    with current_app.extensions["datastore"].session() as session:
        yield session
        session.commit()
