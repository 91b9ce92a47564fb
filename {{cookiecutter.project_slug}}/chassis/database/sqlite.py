"""SQLite, for more than one process at a time: https://www.sqlite.org/wal.html."""

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

SILENCE: tuple[type[Exception], ...] = ()  # a file always responds


def make_engine(url: URL, seconds: int, **options: Any) -> Engine:
    """Make an engine that waits `seconds` for a lock; 0 is a minute."""
    engine = create_engine(url, connect_args={"timeout": seconds or 60}, **options)
    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def prepare(connection: Any, record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not block each other
    connection.execute("PRAGMA foreign_keys = ON")


def begin(connection: Connection) -> None:
    """Take the write lock at the start: later it could fail immediately, as locked."""
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def check(url: URL) -> None:
    """Accept every URL: the settings have checked it already."""
