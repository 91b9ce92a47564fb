"""Errors of the databases: which are 503, what /ready shows, and what the log does not show."""

import resource
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Barrier, Thread

import pytest
from flask import Flask
from sqlalchemy import Column, Table, exc, text

from chassis import Secret, Settings
from chassis.database import Base, reading, repeatable, writing
from chassis.database import postgresql as dialect

from .rows import URL, create_app
from .sql_fixtures import administrator, needs_postgresql


@pytest.fixture
def file(sqlite: str) -> Path:
    return Path(sqlite.removeprefix("sqlite:///"))


@pytest.fixture
def on_sqlite(sqlite: str) -> Flask:
    """Return an application whose connections are open."""
    app = create_app(sqlite, table=True)
    assert statuses(app) == [200, 201, 200]
    return app


@pytest.fixture
def on_postgresql(postgresql: str) -> Flask:
    app = create_app(postgresql, table=True)
    assert statuses(app) == [200, 201, 200]
    return app


def statuses(app: Flask) -> list[int]:
    """Return the statuses of a read, a write and /ready."""
    client = app.test_client()
    responses = [client.get(URL), client.post(URL), client.get("/ready")]
    for response in responses:
        assert (response.status_code == 503) == ("Retry-After" in response.headers)
    return [response.status_code for response in responses]


def test_a_deleted_file_is_503_until_it_is_restored(on_sqlite: Flask, file: Path) -> None:
    """An open connection would write to the deleted file, and lose rows after a 2xx response."""
    file.rename(backup := file.with_name("backup"))
    assert statuses(on_sqlite) == [503, 503, 503]
    backup.rename(file)
    assert statuses(on_sqlite) == [200, 201, 200]


def test_a_file_that_was_replaced_is_opened_again(on_sqlite: Flask, file: Path) -> None:
    with closing(sqlite3.connect(file)) as old, closing(sqlite3.connect(f"{file}-new")) as new:
        old.backup(new)
    with on_sqlite.app_context():
        on_sqlite.extensions["datastore"].ping()
    for each in file.parent.glob("app.db-[ws]*"):
        each.unlink()
    Path(f"{file}-new").rename(file)
    assert statuses(on_sqlite) == [200, 201, 200]
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM rows").fetchone() == (2,)


@pytest.mark.parametrize("opened", [True, False])
def test_a_corrupt_file_is_503(
    on_sqlite: Flask,
    sqlite: str,
    file: Path,
    opened: bool,
) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.write_bytes(b"\x01" * file.stat().st_size)
    app = on_sqlite if opened else create_app(sqlite)
    assert app.test_client().get("/ready").status_code == 503
    if not opened:  # an open connection may have the table in memory
        assert statuses(app) == [503, 503, 503]


def test_a_full_disk_is_503_for_writes_and_ready_but_not_for_reads(on_sqlite: Flask) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        assert statuses(on_sqlite) == [200, 503, 503]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert statuses(on_sqlite) == [200, 201, 200]


@pytest.mark.parametrize(
    ("table", "column", "status"),
    [("rows", "name", 200), ("rows", "added", 503), ("missing", "name", 503)],
)
def test_without_a_table_or_column_of_the_models_the_application_is_not_ready(
    on_sqlite: Flask, caplog: pytest.LogCaptureFixture, table: str, column: str, status: int
) -> None:
    Table(table, Base.metadata, Column(column))
    response = on_sqlite.test_client().get("/ready")
    assert response.status_code == status
    assert ("The database is not migrated." in response.text) == (status == 503)
    assert (f"The database has no {table}.{column}" in caplog.text) == (status == 503)


def test_another_writer_does_not_make_the_application_unready(on_sqlite: Flask, file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert on_sqlite.test_client().get("/ready").status_code == 200


@needs_postgresql
def test_a_read_only_server_is_ready_and_its_writes_are_503(
    on_postgresql: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    database = on_postgresql.extensions["datastore"].url.database
    with administrator() as connection:
        for state, found in (("on", [200, 503, 200]), ("off", [200, 201, 200])):
            # Applies to new connections, as a failover does.
            connection.execute(
                text(f"ALTER DATABASE {database} SET default_transaction_read_only = {state}")
            )
            with on_postgresql.app_context():
                writes = [on_postgresql.test_client().post(URL).status_code for _ in range(20)]
            assert writes.count(500) == 0
            if state == "on":
                on_postgresql.extensions["per_process"].clear()  # connect again
            else:
                assert writes.count(503) <= 1
            assert statuses(on_postgresql) == found
    assert "The database is read-only." in caplog.text


@needs_postgresql
@pytest.mark.parametrize(
    ("code", "unavailable"),
    [("08006", True), ("25006", True), ("25P02", False), ("25P03", True), ("40001", True)]
    + [("40P01", True), ("53100", True), ("53300", True), ("55P03", True), ("57014", True)]
    + [("57P01", True), ("58030", True), ("XX000", True), ("XX001", True)]
    + [("0A000", False), ("22012", False), ("42P01", False), ("54000", False), ("P0001", False)],
)
def test_an_error_of_the_server_is_503_unless_it_is_a_bug(
    on_postgresql: Flask, code: str, unavailable: bool
) -> None:
    body = f"BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END"
    with on_postgresql.test_request_context():
        with pytest.raises(exc.DBAPIError) as raised, writing() as session:
            session.execute(text(f"DO $$ {body} $$"))
        assert dialect.is_unavailable(raised.value.orig or raised.value) is unavailable
    assert on_postgresql.test_client().get(URL).status_code == 200


@needs_postgresql
def test_one_of_two_transactions_in_a_deadlock_is_repeated(on_postgresql: Flask) -> None:
    both = Barrier(2)
    attempts: list[str] = []

    @repeatable
    def update(first: str, second: str) -> None:
        with on_postgresql.app_context(), writing() as session:
            patience = "50ms" if first == "a" else "60s"  # only "a" detects it
            session.execute(text(f"SET LOCAL deadlock_timeout = '{patience}'"))
            attempts.append(first)
            if len(attempts) == 3:
                threads[1].join()  # otherwise the two can deadlock again on a busy machine
            for name in (first, second):
                session.execute(
                    text("UPDATE names SET count = count + 1 WHERE name = :n"), {"n": name}
                )
                if len(attempts) <= 2 and name == first:
                    both.wait(5)

    with on_postgresql.app_context(), writing() as session:
        session.execute(text("CREATE TABLE names (name text, count int)"))
        session.execute(text("INSERT INTO names VALUES ('a', 0), ('b', 0)"))
    threads = [Thread(target=update, args=names) for names in ("ab", "ba")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(attempts) == 3
    with on_postgresql.app_context(), reading() as session:
        assert session.execute(text("SELECT count FROM names")).scalars().all() == [2, 2]


@pytest.mark.parametrize(
    "url",
    ["postgresql://ada:sec@ret@host/api", "postgresql://ada:sec ret@host/api"]
    + ["postgresql://ada:secret@host/api\n", "postgresql://ada:secret@host/a b"]
    + ["sqlite:///x.db ", "sqlite:///x.db\n"],
)
def test_a_url_that_could_be_misread_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(SystemExit) as refused:
        Settings.from_environment({"DATABASE_URL": url})
    (line,) = str(refused.value).splitlines()
    assert line.startswith("DATABASE_URL='…': use ")
    assert "%40" in line


@pytest.mark.parametrize(
    ("end", "fault"),
    [
        ("host/api?sslmode=secret", "option sslmode is invalid: use "),
        ("host/api?sslmod=secret", "option sslmod is invalid: use "),
        ("host/api?connect_timeout=secret", "option connect_timeout is invalid: use "),
        ("host:99999/api", "host, its port or an option is invalid: use "),
        ("host:secret/api", "host or its port is invalid: use "),
        ("a:1,b/api?target_session_attrs=secret", ""),
        ("host/api?service=secret", ""),
        ("/api?host=a&host=b&port=1&port=2", ""),
    ],
)
def test_a_url_that_libpq_refuses_is_refused_at_the_start(end: str, fault: str) -> None:
    with pytest.raises(SystemExit) as refused:
        create_app(f"postgresql://ada:password@{end}")
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"DATABASE_URL='…': its {fault}")
    assert line.endswith("%20.")
    assert "secret" not in line


@pytest.mark.parametrize(
    "url",
    ["postgresql://ada:s%40%20%2F%3F%23:/?#%@host:5432/api?sslmode=require&application_name=x"]
    + ["postgresql://ada@/api?host=/cloudsql/a:b:c", "postgresql://ada:secret@[::1]/api"]
    + ["postgresql://ada:secret@/api?host=a:1&host=b:2", "postgresql://"],
)
def test_a_url_that_libpq_accepts_is_accepted(url: str) -> None:
    accepted = Settings.from_environment({"DATABASE_URL": url}).database_url
    assert create_app(accepted.reveal()).extensions["datastore"].kind == "postgresql"


ERRORS = [
    "SELECT pg_sleep(30) WHERE :value <> ''",
    "SELECT 1 / 0 WHERE :value <> ''",
    "SELECT * FROM missing WHERE name = :value",
    "INSERT INTO rows VALUES (repeat(:value, 100))",
    "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '25006', DETAIL = 'pri' || 'vate'; END $$",
    "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'XX000', DETAIL = 'pri' || 'vate'; END $$",
]


@needs_postgresql
def test_the_log_has_no_password_and_no_parameter(
    postgresql: str,
    unreachable: dict[str, Secret],
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = create_app(postgresql, table=True)
    value = "pri" + "vate"  # a traceback shows the lines of this file
    with app.app_context():
        for statement in map(text, ERRORS):
            with pytest.raises(exc.DBAPIError) as raised, writing() as session:
                session.execute(statement, {"value": value} if ":value" in statement.text else {})
            with app.test_request_context():
                app.logger.error("a bug", exc_info=raised.value)
                if dialect.is_unavailable(raised.value.orig or raised.value):
                    app.extensions["datastore"].fail(raised.value)
    for url in (unreachable["database_url"].reveal(), "postgresql://person:secret@127.0.0.1:1/api"):
        create_app(url).test_client().get(URL)
    assert caplog.text.count("The database failed: ") == 5
    for secret in ("secret", value):
        assert secret not in caplog.text
