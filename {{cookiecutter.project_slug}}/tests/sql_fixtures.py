"""The databases of the tests: SQLite, and PostgreSQL where TEST_DATABASE_URL names a server."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from api.settings import Settings

SERVER = os.environ.get("TEST_DATABASE_URL", "")
MIGRATIONS = Config(toml_file=Path(__file__).parent.parent / "pyproject.toml")


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/app.db"


@contextmanager
def administrator() -> Iterator[Connection]:
    """Give a connection to TEST_DATABASE_URL itself, in which each statement stands by itself."""
    url = re.sub("^postgres:", "postgresql:", SERVER)
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        yield connection
    server.dispose()


@pytest.fixture
def postgresql() -> Iterator[str]:
    """Give a new database beside the one that TEST_DATABASE_URL names, and drop it in the end."""
    name = f"test_{uuid4().hex}"
    with administrator() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        url = connection.engine.url.set(drivername="postgresql", database=name)
        yield url.render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgresql"] if SERVER else ["sqlite"])
def empty(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the URL of an empty database, and have the migrations work on it."""
    url: str = request.getfixturevalue(request.param)
    monkeypatch.setenv("DATABASE_URL", url)
    return url


@pytest.fixture
def settings(empty: str) -> Settings:
    """Give the settings with which everything works: there is a database, and it is migrated."""
    command.upgrade(MIGRATIONS, "head")
    return Settings(database_url=empty)


@pytest.fixture
def settings_without_datastore() -> Iterator[Settings]:
    """Give the settings of a database that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        yield Settings(database_url=f"postgresql://somebody:secret@{address}/api")
