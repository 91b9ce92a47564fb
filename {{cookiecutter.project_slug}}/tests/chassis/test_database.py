"""Behavior that differs between SQLite and PostgreSQL, with a table of these tests."""

import re
import socket
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from threading import Event
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import create_engine, exc, text

from chassis import Settings
from chassis.database import reading, writing

from .rows import URL, create_app
from .sql_fixtures import administrator, needs_postgresql


@pytest.fixture
def on_sqlite(sqlite: str) -> Flask:
    return create_app(sqlite, table=True)


@pytest.fixture
def on_postgresql(postgresql: str) -> Flask:
    return create_app(postgresql, threads=2, table=True)


@pytest.fixture
def another_writer(on_sqlite: Flask, sqlite: str) -> Iterator[sqlite3.Connection]:
    """Yield a connection whose transaction has written and has not committed yet."""
    with closing(sqlite3.connect(sqlite.removeprefix("sqlite:///"))) as connection:
        connection.execute("DELETE FROM rows")
        yield connection


def end_connections(app: Flask) -> None:
    """End an application's connections on the server, as a restart of PostgreSQL would."""
    database = app.extensions["datastore"].url.database
    with administrator() as connection:
        ended = (
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :database"
        )
        connection.execute(text(ended), {"database": database})
    time.sleep(0.1)  # until the clients see it, even through Docker's proxy


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


def test_while_every_place_is_taken_a_request_gets_503_and_health_stays_200(
    on_sqlite: Flask,
) -> None:
    with on_sqlite.app_context(), ExitStack() as busy:
        for _ in range(7):  # THREADS - 1
            busy.enter_context(reading())
        assert on_sqlite.test_client().get("/health").status_code == 200
        assert on_sqlite.test_client().get(URL).status_code == 503
    assert on_sqlite.test_client().get(URL).status_code == 200


def test_a_missing_table_is_500(on_sqlite: Flask) -> None:
    with on_sqlite.app_context(), writing() as session:
        session.execute(text("DROP TABLE rows"))
    assert on_sqlite.test_client().get(URL).status_code == 500


def test_sqlite_enforces_foreign_keys(on_sqlite: Flask) -> None:
    with on_sqlite.app_context(), reading() as session:
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_name_server_that_does_not_respond_is_503_in_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ended.wait(60))
    client = create_app("postgresql://ada:secret@db.example.com/api").test_client()
    began = time.monotonic()
    assert client.get(URL).status_code == 503
    assert time.monotonic() - began < 5
    began = time.monotonic()
    assert client.get(URL).status_code == 503
    assert time.monotonic() - began < 0.5
    ended.set()


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
def test_a_read_is_one_round_trip_and_one_more_after_a_second_without_use(
    on_postgresql: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []
    execute = psycopg.Cursor.execute

    def count(cursor: Any, query: Any, *rest: Any, **options: Any) -> Any:
        sent.append(query)
        return execute(cursor, query, *rest, **options)

    def read() -> int:
        sent.clear()
        assert on_postgresql.test_client().get(URL).status_code == 200
        return len(sent)

    monkeypatch.setattr(psycopg.Cursor, "execute", count)
    assert min(read() for _ in range(4)) == 1
    time.sleep(1.1)
    assert read() == 2


@needs_postgresql
def test_a_migration_does_not_break_readers(on_postgresql: Flask, postgresql: str) -> None:
    client = on_postgresql.test_client()
    for _ in range(10):  # more often than psycopg would wait to prepare the statement
        assert client.get(URL).status_code == 200
    with create_app(postgresql).app_context(), writing() as session:
        session.execute(text("ALTER TABLE rows ALTER name TYPE varchar(200)"))
    assert client.get(URL).status_code == 200


@needs_postgresql
def test_there_are_fewer_connections_than_threads(postgresql: str) -> None:
    app = create_app(postgresql, threads=9, table=True)
    with ThreadPoolExecutor(9) as callers:
        answers = callers.map(lambda _: app.test_client().get(URL), range(50))
        assert {answer.status_code for answer in answers} == {200}
    count = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    with app.app_context(), reading() as session:
        assert session.scalar(count) <= 8


@needs_postgresql
def test_a_locked_table_is_503_and_does_not_open_the_breaker(
    on_postgresql: Flask, postgresql: str
) -> None:
    client = on_postgresql.test_client()
    engine = create_engine(postgresql)
    with engine.begin() as other:
        other.execute(text("LOCK TABLE rows"))
        assert client.get(URL).status_code == 503
        with on_postgresql.app_context(), reading() as session:
            assert session.scalar(text("SELECT 1")) == 1
    engine.dispose()
    assert client.get(URL).status_code == 200
