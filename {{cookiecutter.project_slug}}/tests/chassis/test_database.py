"""The databases, where they differ from each other, with a table of these tests."""

import re
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import exc, text

from chassis import Input, Secret, Settings, close_app, operation
from chassis.database import reading, writing

from .sql_fixtures import administrator, needs_postgresql, postgresql_database
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
    """Create an application with /rows, and its table too if it is not there."""
    app = open_test_app(Settings(database_url=Secret(url), datastore_timeout=1, threads=threads))
    app.get(URL)(count_rows)
    app.post(URL)(create_row)
    if table:
        with app.app_context(), writing() as session:
            session.execute(text("CREATE TABLE rows (name VARCHAR(100))"))
    return close_app(app)


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/app.db"


@pytest.fixture
def postgresql() -> Iterator[str]:
    with postgresql_database() as url:
        yield url


@pytest.fixture
def on_sqlite(sqlite: str) -> Flask:
    return create_app(sqlite, table=True)


@pytest.fixture
def on_postgresql(postgresql: str) -> Flask:
    return create_app(postgresql, threads=2, table=True)


@pytest.fixture
def another_writer(on_sqlite: Flask, sqlite: str) -> Iterator[sqlite3.Connection]:
    """Give a transaction of another process that has written and has not committed yet."""
    with closing(sqlite3.connect(sqlite.removeprefix("sqlite:///"))) as connection:
        connection.execute("DELETE FROM rows")
        yield connection


def end_connections(app: Flask) -> None:
    """End the connections of an application from outside, as a restart of the server does."""
    database = app.extensions["datastore"].url.database
    with administrator() as connection:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :database"
        connection.execute(text(query), {"database": database})


@pytest.mark.parametrize(
    "url",
    ["mysql://ada:secret@host/api", "host=db password=secret", "postgres+psycopg://ada:secret@host"]
    + ["sqlite://", "sqlite:///:memory:", "sqlite:///x?mode=memory"],
)
def test_a_database_that_is_not_supported_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SystemExit) as refused:
        Settings.from_environment({"DATABASE_URL": url})
    assert re.search("^DATABASE_URL='.*': use sqlite:///path or postgresql://", str(refused.value))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("end", ["host:port/api", "host/api?unknown=1"])
def test_a_url_that_cannot_be_read_is_refused_without_its_password(end: str) -> None:
    with pytest.raises(SystemExit) as refused:
        create_app(f"postgresql://ada:secret@{end}")
    assert "DATABASE_URL" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_writer_does_not_block_readers(
    on_sqlite: Flask, another_writer: sqlite3.Connection
) -> None:
    assert on_sqlite.test_client().get(URL).status_code == 200


def test_a_reader_does_not_block_a_writer(on_sqlite: Flask, sqlite: str) -> None:
    with closing(sqlite3.connect(sqlite.removeprefix("sqlite:///"))) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM rows")
        assert on_sqlite.test_client().post(URL).status_code == 201


def test_a_writer_waits_for_another_writer(
    on_sqlite: Flask, another_writer: sqlite3.Connection
) -> None:
    with ThreadPoolExecutor(1) as threads:
        post = threads.submit(on_sqlite.test_client().post, URL)
        time.sleep(0.3)
        another_writer.rollback()
        assert post.result().status_code == 201


def test_a_writer_that_waited_too_long_gets_503(
    on_sqlite: Flask, another_writer: sqlite3.Connection
) -> None:
    began = time.monotonic()
    response = on_sqlite.test_client().post(URL)
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert time.monotonic() - began < 3


def test_a_request_that_gets_no_connection_in_time_gets_503(on_sqlite: Flask) -> None:
    with on_sqlite.app_context(), ExitStack() as busy:
        for _ in range(8):
            busy.enter_context(reading())
        assert on_sqlite.test_client().get(URL).status_code == 503
    assert on_sqlite.test_client().get(URL).status_code == 200


def test_a_missing_table_is_500(on_sqlite: Flask) -> None:
    with on_sqlite.app_context(), writing() as session:
        session.execute(text("DROP TABLE rows"))
    assert on_sqlite.test_client().get(URL).status_code == 500


def test_sqlite_holds_rows_to_their_foreign_keys(on_sqlite: Flask) -> None:
    with on_sqlite.app_context(), reading() as session:
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


@needs_postgresql
@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_has_more_than_one_name(postgresql: str, scheme: str) -> None:
    url = postgresql.replace("postgresql", scheme, 1)
    assert create_app(url).test_client().get("/ready").status_code == 200


@needs_postgresql
def test_a_statement_that_takes_too_long_is_cancelled_and_others_go_on(
    on_postgresql: Flask,
) -> None:
    began = time.monotonic()
    with (
        on_postgresql.app_context(),
        pytest.raises(exc.OperationalError, match="statement timeout"),
        reading() as session,
    ):
        session.execute(text("SELECT pg_sleep(30)"))
    assert time.monotonic() - began < 3
    assert on_postgresql.test_client().get(URL).status_code == 200


@needs_postgresql
def test_a_connection_that_was_closed_meanwhile_is_replaced(on_postgresql: Flask) -> None:
    assert on_postgresql.test_client().get(URL).status_code == 200
    end_connections(on_postgresql)
    assert on_postgresql.test_client().get(URL).status_code == 200


@needs_postgresql
def test_a_migration_does_not_break_readers(on_postgresql: Flask, postgresql: str) -> None:
    client = on_postgresql.test_client()
    for _ in range(10):  # more often than psycopg would wait to prepare the statement
        assert client.get(URL).status_code == 200
    with create_app(postgresql).app_context(), writing() as session:
        session.execute(text("ALTER TABLE rows ALTER name TYPE varchar(200)"))
    assert client.get(URL).status_code == 200


@needs_postgresql
def test_there_are_no_more_connections_than_threads(on_postgresql: Flask) -> None:
    with ThreadPoolExecutor(8) as callers:
        answers = callers.map(lambda _: on_postgresql.test_client().get(URL), range(50))
        assert {answer.status_code for answer in answers} == {200}
    count = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    with on_postgresql.app_context(), reading() as session:
        assert session.scalar(count) == 2


class Statement(Input):
    sql: str
    values: dict[str, Any]


@operation()
def execute(body: Statement) -> None:
    """Execute a statement."""
    with writing() as session:
        session.execute(text(body.sql), body.values)


TABLES = """
CREATE TABLE people (id INTEGER PRIMARY KEY, email VARCHAR(100) UNIQUE NOT NULL CHECK (email > ''));
CREATE TABLE orders (person INTEGER REFERENCES people (id));
CREATE TABLE notes (person INTEGER REFERENCES people (id) ON DELETE RESTRICT);
CREATE TABLE jobs (person INTEGER REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO people VALUES (1, 'ada@example.com');
INSERT INTO people VALUES (2, 'bob@example.com');
INSERT INTO people VALUES (3, 'eve@example.com');
INSERT INTO orders VALUES (1);
INSERT INTO notes VALUES (2)
"""
NEW = "INSERT INTO people VALUES (:id, :email)"


@pytest.fixture
def with_constraints(reachable: dict[str, Any]) -> Flask:
    app = open_test_app(Settings(**reachable))
    app.post("/execute")(execute)
    with app.app_context(), writing() as session:
        for statement in TABLES.split(";"):
            session.execute(text(statement))
    return close_app(app)


def post(app: Flask, sql: str, **values: Any) -> Any:
    return app.test_client().post("/execute", json={"sql": sql, "values": values})


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        (NEW, {"id": 4, "email": "ada@example.com"}),
        (NEW, {"id": 1, "email": "new@example.com"}),
        ("UPDATE people SET email = :email WHERE id = 2", {"email": "ada@example.com"}),
    ],
    ids=["unique", "primary key", "update"],
)
def test_a_value_that_must_be_unique_and_exists_is_409(
    with_constraints: Flask, caplog: pytest.LogCaptureFixture, sql: str, values: dict[str, Any]
) -> None:
    response = post(with_constraints, sql, **values)
    assert (response.status_code, response.mimetype) == (409, "application/problem+json")
    assert "exists already" in response.get_json(force=True)["detail"]
    for shown in (response.text, caplog.text):
        assert "@example.com" not in shown
        assert "INSERT" not in shown
    assert "people" in caplog.text


@pytest.mark.parametrize(
    ("sql", "person"),
    [
        ("INSERT INTO orders VALUES (:person)", 987654),
        ("INSERT INTO jobs VALUES (:person)", 987654),
        ("DELETE FROM people WHERE id = :person", 1),
        ("DELETE FROM people WHERE id = :person", 2),
    ],
    ids=["missing", "missing at the commit", "in use", "restricted"],
)
def test_a_reference_that_would_lead_nowhere_is_409(
    with_constraints: Flask, caplog: pytest.LogCaptureFixture, sql: str, person: int
) -> None:
    response = post(with_constraints, sql, person=person)
    assert (response.status_code, response.mimetype) == (409, "application/problem+json")
    assert "refer" in response.get_json(force=True)["detail"]
    assert "987654" not in response.text + caplog.text
    assert "refused a change" in caplog.text


@pytest.mark.parametrize("email", [None, ""], ids=["not null", "check"])
def test_a_value_that_the_application_should_have_refused_is_500(
    with_constraints: Flask, caplog: pytest.LogCaptureFixture, email: str | None
) -> None:
    response = post(with_constraints, NEW, id=987654, email=email)
    assert (response.status_code, response.mimetype) == (500, "application/problem+json")
    assert "IntegrityError" in caplog.text
    assert "987654" not in response.text + caplog.text
