"""SQLite, for more than one process at a time: https://www.sqlite.org/wal.html."""

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

SILENCE: tuple[type[Exception], ...] = ()  # a file always answers


def make_engine(url: URL, seconds: int, **options: Any) -> Engine:
    """Make an engine that waits `seconds` for a lock; 0 is a minute."""
    engine = create_engine(url, connect_args={"timeout": seconds or 60}, **options)
    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def prepare(connection: Any, record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")  # who reads and who writes do not wait in turn
    connection.execute("PRAGMA foreign_keys = ON")


def begin(connection: Connection) -> None:
    """Begin a transaction as the writer: one that became it later might find that it is too late."""
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def check(url: URL) -> None:
    """Raise ValueError for a URL that cannot be used: the settings have refused each already."""
