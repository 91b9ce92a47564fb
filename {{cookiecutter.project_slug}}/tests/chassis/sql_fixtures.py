"""Provide databases for tests: SQLite, and PostgreSQL if TEST_DATABASE_URL names a server."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from chassis import Secret

ROOT = Path(__file__).parents[2]
MIGRATIONS = Config(toml_file=ROOT / "pyproject.toml")
SERVER = os.environ.get("TEST_DATABASE_URL", "")
needs_postgresql = pytest.mark.skipif(not SERVER, reason="TEST_DATABASE_URL is not set")


@contextmanager
def administrator() -> Iterator[Connection]:
    """Yield a connection to TEST_DATABASE_URL that commits each statement (autocommit)."""
    url = re.sub("^postgres:", "postgresql:", SERVER)
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        yield connection
    server.dispose()


@contextmanager
def postgresql_database() -> Iterator[str]:
    """Yield the URL of a new database on the server of TEST_DATABASE_URL; then drop it."""
    name = f"test_{uuid4().hex}"
    with administrator() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        url = connection.engine.url.set(drivername="postgresql", database=name)
        yield url.render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgresql"] if SERVER else ["sqlite"])
def empty(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Yield the URL of an empty database, and set it as the database of the migrations."""
    if request.param == "sqlite":
        (tmp_path / "app.db").touch()
        monkeypatch.setenv("DATABASE_URL", url := f"sqlite:///{tmp_path}/app.db")
        yield url
    else:
        with postgresql_database() as url:
            monkeypatch.setenv("DATABASE_URL", url)
            yield url


@pytest.fixture
def datastore(empty: str) -> dict[str, Any]:
    """Return the settings of an empty database that is migrated."""
    command.upgrade(MIGRATIONS, "head")
    return {"database_url": Secret(empty), "threads": 32}  # more than any test uses


@pytest.fixture
def reachable(empty: str) -> dict[str, Any]:
    """Return the settings of a database without tables."""
    return {"database_url": Secret(empty)}


@pytest.fixture
def unreachable() -> Iterator[dict[str, Any]]:
    """Yield the settings of a server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        yield {"database_url": Secret(f"postgresql://person:secret@{address}/api")}
