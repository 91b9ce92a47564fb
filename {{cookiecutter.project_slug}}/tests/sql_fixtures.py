"""The databases of the tests: SQLite, and PostgreSQL where TEST_DATABASE_URL names a server."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, make_url, text

from api.settings import Settings

SERVER = os.environ.get("TEST_DATABASE_URL", "")
MIGRATIONS = Config(toml_file=Path(__file__).parent.parent / "pyproject.toml")


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/app.db"


@pytest.fixture
def postgresql() -> Iterator[str]:
    """Give a new database beside the one that TEST_DATABASE_URL names, and drop it in the end."""
    url, name = make_url(SERVER.replace("postgres:", "postgresql:")), f"test_{uuid4().hex}"
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


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
def settings_without_datastore() -> Settings:
    return Settings(database_url="postgresql://somebody:secret@127.0.0.1:1/api")
