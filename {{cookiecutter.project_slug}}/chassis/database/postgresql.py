"""Connect to PostgreSQL with timeouts, so that a silent server cannot block every thread."""

import logging
import re
from time import monotonic
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo, timeout_from_conninfo
from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, func, select

from .patience import SILENCE, PatientConnection, connect_within

__all__ = ["SILENCE"]

log = logging.getLogger(__name__)
READ_ONLY = "25006"
# SQLSTATE classes and codes of a server that cannot serve the request now. Other codes are bugs, or
# conflicts with other rows: https://www.postgresql.org/docs/current/errcodes-appendix.html
UNAVAILABLE = (
    "08",  # the connection failed
    READ_ONLY,  # a standby, or a primary that has been demoted
    "25P03",  # a transaction was idle for too long
    "25P04",  # a transaction took too long
    "28",  # the password is refused
    "3D",  # the database does not exist
    "40",  # a deadlock or a serialization failure, even after a retry (@repeatable)
    "53",  # out of disk, memory or connections
    "55006",  # in use
    "55P03",  # a lock was not granted in time
    "57",  # a statement was cancelled (statement_timeout), or the server is stopping or starting
    "58",  # an error of the operating system, such as an I/O error
    "XX",  # the server failed: a bug of its own, or corrupt data
)


def make_engine(url: URL, seconds: int, **options: Any) -> Engine:
    """Make an engine with a timeout of `seconds` for connections and statements.

    With 0, statements have no timeout, and connections have psycopg's timeout, 130 seconds.
    """
    # https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
    bounds: dict[str, Any] = {
        "connect_timeout": seconds,
        "tcp_user_timeout": seconds * 1000,
        # Not a SET statement, which would affect other clients of a pooler such as PgBouncer.
        "options": f"-c statement_timeout={seconds * 1000} -c timezone=UTC",
    }
    arguments = {name: bound for name, bound in bounds.items() if name not in url.query}
    # Not prepared: after a migration changes a statement's result type, each execution would fail.
    engine = create_engine(url, connect_args=arguments | {"prepare_threshold": None}, **options)

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, args: Any, parameters: Any) -> PatientConnection:
        if not seconds:
            return PatientConnection.connect(*args, **parameters)
        # A host may have several addresses, and connect_timeout applies to each.
        return connect_within(1.25 * seconds, *args, **parameters)

    @event.listens_for(engine, "connect")
    def prepare(connection: PatientConnection, record: Any) -> None:
        if seconds:
            connection.patience = seconds + 0.25  # longer than statement_timeout

    @event.listens_for(engine, "first_connect")
    def check_bounds(connection: PatientConnection, record: Any) -> None:
        """Warn if a pooler has ignored the options, and the role has no timeout."""
        found = connection.execute("SHOW statement_timeout").fetchone()
        connection.rollback()
        if seconds and found == ("0",):
            log.warning("statement_timeout is 0: set it for the role, as docs/database.md shows.")

    @event.listens_for(engine, "checkout")
    def check(connection: Any, record: Any, proxy: Any) -> None:
        """Replace a connection that the server has closed."""
        try:
            if not connection.is_alive():
                engine.dialect.do_ping(connection)
        except psycopg.Error as error:
            raise exc.InvalidatePoolError from error

    dropped_at = 0.0

    @event.listens_for(engine, "handle_error")
    def drop(context: Any) -> None:
        """Drop a read-only connection, because after a failover another server accepts writes.

        Drop all others too, at most once a second, because they may lead to the same server.
        """
        nonlocal dropped_at
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
            context.is_disconnect = True
            context.invalidate_pool_on_disconnect = monotonic() - dropped_at > 1
            dropped_at = monotonic()

    return engine


def is_unavailable(error: BaseException) -> bool:
    """Return whether an error means that the server is unavailable."""
    code: str | None = getattr(error, "sqlstate", None)
    return code.startswith(UNAVAILABLE) if code else isinstance(error, psycopg.OperationalError)


def prober(engine: Engine) -> Engine:
    return engine


def is_read_only(connection: Connection) -> bool:
    return connection.scalar(select(func.current_setting("transaction_read_only"))) == "on"


def check(url: URL) -> str:
    """Return what libpq refuses in a URL, without its values; return "" if it accepts the URL."""
    parameters = dict(url.get_dialect()().create_connect_args(url)[1])
    parameters.pop("context", None)  # SQLAlchemy adds it, and libpq refuses it
    try:
        timeout_from_conninfo(parameters)
        # libpq checks the values before it connects, here to sockets in a folder that cannot exist.
        nowhere = ",".join("/dev/null" for _ in parameters.get("host", "").split(","))
        # If the URL has no user, libpq uses the system user, which may have no name in a container.
        trial = make_conninfo(**{"user": "api"} | parameters | {"host": nowhere, "hostaddr": None})
    except psycopg.Error as error:
        reason = str(error)
    else:
        reason = psycopg.pq.PGconn.connect_start(trial.encode()).error_message.decode()
        if "/dev/null" in reason:
            return ""
    for name in url.query:
        if re.search(rf"\b{re.escape(name)}\b", reason):
            return f"its option {name} is invalid"
    return "its host, its port or an option is invalid"
