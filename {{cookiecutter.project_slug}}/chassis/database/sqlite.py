"""Open a SQLite file that several processes use: https://www.sqlite.org/wal.html."""

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, exc

SILENCE: tuple[type[Exception], ...] = ()  # a file always responds
# The codes of a file that cannot serve the request now: https://www.sqlite.org/rescode.html. Other
# codes are bugs, or conflicts with other rows.
UNAVAILABLE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}


def make_engine(url: URL, seconds: int, **options: Any) -> Engine:
    """Make an engine that waits `seconds` for a lock; 0 means one minute."""
    engine = create_engine(url, connect_args={"timeout": seconds or 60}, **options)
    event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", prepare)
    event.listen(engine, "checkout", compare)
    event.listen(engine, "begin", begin)
    return engine


def connect(dialect: Any, record: Any, args: Any, parameters: Any) -> sqlite3.Connection:
    """Open the file; fail if it is missing. Only a migration creates it."""
    record.info["path"] = Path(args[0])
    uri = f"{record.info['path'].as_uri()}?mode=rw"
    connection: sqlite3.Connection = sqlite3.connect(uri, uri=True, **parameters)
    return connection


def prepare(connection: Any, record: Any) -> None:
    record.info["file"] = identity(record.info["path"])
    connection.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not block each other
    connection.execute("PRAGMA foreign_keys = ON")


def compare(connection: Any, record: Any, proxy: Any) -> None:
    """Open the file again if it was deleted or replaced: writes to the old one would be lost."""
    if identity(record.info["path"]) != record.info["file"]:
        raise exc.DisconnectionError


def identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def begin(connection: Connection) -> None:
    """Take the write lock at the start, because SQLite can refuse it later without waiting."""
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def code_of(error: BaseException | None) -> int:
    """Return the primary code of an error, without its details."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_unavailable(error: BaseException) -> bool:
    """Return whether an error means that the file is unavailable."""
    return code_of(error) in UNAVAILABLE


def prober(engine: Engine) -> Engine:
    """Return an engine that opens the file each time, because open connections cache content."""
    fresh = make_engine(engine.url, 1, poolclass=NullPool, hide_parameters=True)
    return fresh.execution_options(isolation_level="AUTOCOMMIT")


def is_read_only(connection: Connection) -> bool:
    """Return whether the file is read-only; write its header, so that a full disk raises too."""
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    version = connection.exec_driver_sql("PRAGMA user_version").scalar()
    try:
        connection.exec_driver_sql(f"PRAGMA user_version = {version}")
    except exc.OperationalError as error:
        if code_of(error.orig) == sqlite3.SQLITE_BUSY:  # another process is writing
            return False
        if code_of(error.orig) == sqlite3.SQLITE_READONLY:
            return True
        raise
    return False


def check(url: URL) -> str:
    """Accept every URL: the settings have checked it already."""
    return ""
