"""Create an application with a table: GET /rows counts its rows, and POST /rows adds a row."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import MetaData, text

from chassis import Secret, Settings, close_app, operation
from chassis.database import Base, reading, writing

from .sql_fixtures import postgresql_database
from .things import open_test_app

URL = "/rows"


@operation()
def count_rows() -> int:
    """Count the rows."""
    with reading() as session:
        return len(session.execute(text("SELECT name FROM rows")).all())


@operation(status=201)
def create_row() -> None:
    """Create a row."""
    with writing() as session:
        session.execute(text("INSERT INTO rows VALUES ('Ada')"))


def create_app(url: str, threads: int = 8, *, table: bool = False) -> Flask:
    """Create an application with /rows, and its table if it is missing."""
    app = open_test_app(Settings(database_url=Secret(url), datastore_timeout=1, threads=threads))
    app.get(URL)(count_rows)
    app.post(URL)(create_row)
    if table:
        with app.app_context(), writing() as session:
            session.execute(text("CREATE TABLE rows (name VARCHAR(100))"))
    return close_app(app)


@pytest.fixture(autouse=True)
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the models of the application, which other tests may have imported."""
    monkeypatch.setattr(
        Base, "metadata", MetaData(naming_convention=Base.metadata.naming_convention)
    )


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """Return the URL of an empty file."""
    (tmp_path / "app.db").touch()
    return f"sqlite:///{tmp_path}/app.db"


@pytest.fixture
def postgresql() -> Iterator[str]:
    with postgresql_database() as url:
        yield url
