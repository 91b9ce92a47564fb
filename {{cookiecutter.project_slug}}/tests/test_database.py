"""The databases, where they differ from each other."""

import re
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest
from alembic import command
from flask import Flask
from sql_fixtures import MIGRATIONS, SERVER, administrator
from sqlalchemy import exc, text

from api import create_app
from api.database import reading, writing
from api.settings import Settings

URL = "/api/v1/items"
needs_postgresql = pytest.mark.skipif(not SERVER, reason="there is no TEST_DATABASE_URL")


@pytest.fixture
def on_sqlite(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setenv("DATABASE_URL", sqlite)
    command.upgrade(MIGRATIONS, "head")
    return create_app(Settings(database_url=sqlite, datastore_timeout=1))


@pytest.fixture
def on_postgresql(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setenv("DATABASE_URL", postgresql)
    command.upgrade(MIGRATIONS, "head")
    return create_app(Settings(database_url=postgresql, datastore_timeout=1, threads=2))


@pytest.fixture
def another_writer(on_sqlite: Flask, sqlite: str) -> Iterator[sqlite3.Connection]:
    """Give a transaction of another process that has written and not yet committed."""
    with closing(sqlite3.connect(sqlite.removeprefix("sqlite:///"))) as connection:
        connection.execute("DELETE FROM items")
        yield connection


def end_connections(app: Flask) -> None:
    """End the connections of an application from outside, as a server that restarts does."""
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
        create_app(Settings(database_url=f"postgresql://ada:secret@{end}"))
    assert "DATABASE_URL" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_who_writes_keeps_nobody_from_reading(
    on_sqlite: Flask, another_writer: sqlite3.Connection
) -> None:
    assert on_sqlite.test_client().get(URL).status_code == 200


def test_who_reads_keeps_nobody_from_writing(on_sqlite: Flask, sqlite: str) -> None:
    with closing(sqlite3.connect(sqlite.removeprefix("sqlite:///"))) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM items")
        assert on_sqlite.test_client().post(URL, json={"name": "Ada"}).status_code == 201


def test_who_writes_waits_for_another_writer(
    on_sqlite: Flask, another_writer: sqlite3.Connection
) -> None:
    with ThreadPoolExecutor(1) as threads:
        post = threads.submit(on_sqlite.test_client().post, URL, json={"name": "Ada"})
        time.sleep(0.3)
        another_writer.rollback()
        assert post.result().status_code == 201


def test_who_waited_long_enough_is_told_to_come_back(
    on_sqlite: Flask, another_writer: sqlite3.Connection
) -> None:
    began = time.monotonic()
    response = on_sqlite.test_client().post(URL, json={"name": "Ada"})
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert time.monotonic() - began < 3


def test_who_gets_no_connection_in_time_is_told_to_come_back(on_sqlite: Flask) -> None:
    with on_sqlite.app_context(), ExitStack() as busy:
        for _ in range(Settings().threads):
            busy.enter_context(reading())
        assert on_sqlite.test_client().get(URL).status_code == 503
    assert on_sqlite.test_client().get(URL).status_code == 200


def test_a_table_that_is_missing_is_a_fault_of_the_server(on_sqlite: Flask) -> None:
    with on_sqlite.app_context(), writing() as session:
        session.execute(text("DROP TABLE items"))
    assert on_sqlite.test_client().get(URL).status_code == 500


def test_sqlite_holds_rows_to_their_foreign_keys(on_sqlite: Flask) -> None:
    with on_sqlite.app_context(), reading() as session:
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


@needs_postgresql
@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_has_more_than_one_name(postgresql: str, scheme: str) -> None:
    url = postgresql.replace("postgresql", scheme, 1)
    settings = Settings.from_environment({"DATABASE_URL": url})
    assert create_app(settings).test_client().get("/ready").status_code == 200


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
def test_a_migration_disturbs_nobody_who_reads(on_postgresql: Flask) -> None:
    client = on_postgresql.test_client()
    for _ in range(10):  # more often than psycopg would wait to prepare the statement
        assert client.get(URL).status_code == 200
    another = create_app(on_postgresql.extensions["datastore"].settings)
    with another.app_context(), writing() as session:
        session.execute(text("ALTER TABLE items ALTER name TYPE varchar(200)"))
    assert client.get(URL).status_code == 200


@needs_postgresql
def test_there_are_no_more_connections_than_threads(on_postgresql: Flask) -> None:
    with ThreadPoolExecutor(8) as callers:
        answers = callers.map(lambda _: on_postgresql.test_client().get(URL), range(50))
        assert {answer.status_code for answer in answers} == {200}
    count = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    with on_postgresql.app_context(), reading() as session:
        assert session.scalar(count) == 2
