"""PostgreSQL, with a timeout for every wait: a server that is away must not hold every thread."""

from concurrent.futures import Future
from threading import Thread
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Engine, create_engine, event

SILENCE = psycopg.errors.ConnectionTimeout  # only timeouts: a refused connection fails at once


class PatientConnection(psycopg.Connection[Any]):
    """Times out if the server sends nothing: then statement_timeout, which is its own, does not help."""

    patience: float | None = None  # seconds

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, timeout or self.patience)
        except psycopg.OperationalError as error:
            if self.info.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.close()  # a late reply could be read as the result of the next query
            raise SILENCE("the server does not respond") from error


def close(attempt: Future[PatientConnection]) -> None:
    """Close the connection of an attempt that succeeded too late."""
    if not attempt.exception():
        attempt.result().close()


def connect_within(seconds: float, *args: Any, **parameters: Any) -> PatientConnection:
    """Connect in a thread of its own, because psycopg waits for the name server without a timeout."""
    attempt: Future[PatientConnection] = Future()

    def connect() -> None:
        try:
            attempt.set_result(PatientConnection.connect(*args, **parameters))
        except Exception as error:
            attempt.set_exception(error)

    Thread(target=connect, name="connect", daemon=True).start()
    try:
        return attempt.result(seconds)
    except TimeoutError:
        attempt.add_done_callback(close)
        raise SILENCE("the server or the name server does not respond") from None


def make_engine(url: URL, seconds: int, **options: Any) -> Engine:
    """Make an engine that waits `seconds` for a connection and a statement; 0 is libpq's default."""
    # https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
    bounds = {"connect_timeout": seconds, "tcp_user_timeout": seconds * 1000}
    arguments = {name: bound for name, bound in bounds.items() if name not in url.query}
    # A prepared statement fails for ever after a migration has changed the type of its result.
    engine = create_engine(url, connect_args=arguments | {"prepare_threshold": None}, **options)

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, args: Any, parameters: Any) -> PatientConnection:
        if not seconds:
            return PatientConnection.connect(*args, **parameters)
        # A host may have several addresses, and each has connect_timeout.
        return connect_within(1.25 * seconds, *args, **parameters)

    @event.listens_for(engine, "connect")
    def prepare(connection: PatientConnection, record: Any) -> None:
        if seconds:
            connection.patience = seconds + 0.25  # statement_timeout comes first
        connection.execute(f"SET statement_timeout = {seconds * 1000}")
        connection.commit()

    return engine


def check(url: URL) -> None:
    """Raise ValueError for a URL that libpq refuses."""
    try:
        conninfo_to_dict(url.set(drivername="postgresql").render_as_string(hide_password=False))
    except psycopg.ProgrammingError as error:
        raise ValueError from error
