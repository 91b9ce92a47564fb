"""The spans and metrics of SQL statements, as a collector receives them."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from chassis import Settings, close_app
from chassis.database import reading, writing
from chassis.database.spans import LONGEST, describe

from .collector import Collector
from .things import open_test_app

COUNT = "db.client.connection.count"


@pytest.fixture
def app(collector: Collector, ending: Callable[[Flask], Flask], reachable: dict[str, Any]) -> Flask:
    """Return an application that has a table and sends to the collector."""
    settings = reachable | {"otel_exporter_otlp_endpoint": collector.endpoint, "threads": 4}
    app = open_test_app(Settings(**settings))

    @app.post("/people")
    def add() -> str:
        with writing() as session:
            statement = "INSERT INTO people (name) VALUES (:name)"
            session.execute(text(statement), {"name": "secret"})
        return ""

    @app.get("/people")
    def find() -> str:
        with reading() as session:
            return str(
                session.scalar(text("SELECT name FROM people WHERE name = 'secret' LIMIT 7"))
            )

    @app.get("/wrong")
    def wrong() -> str:
        with reading() as session:
            return str(
                session.scalar(
                    text("SELECT secret FROM nowhere WHERE name = :name"), {"name": "secret"}
                )
            )

    close_app(app)
    with app.app_context(), writing() as session:
        session.execute(text("CREATE TABLE people (name VARCHAR(100) PRIMARY KEY)"))
    return ending(app)


def test_a_statement_s_span_belongs_to_its_request(app: Flask, collector: Collector) -> None:
    app.test_client().post("/people", buffered=True)
    statement, request = collector.span("INSERT people"), collector.span("POST /people")
    assert (statement.kind, statement.trace, statement.parent) == (3, request.trace, request.id)
    kind = app.extensions["datastore"].kind
    placeholder = "?" if kind == "sqlite" else "%(name)s"
    assert statement.attributes == {
        "db.system.name": kind,
        "db.operation.name": "INSERT",
        "db.query.summary": "INSERT people",
        "db.query.text": f"INSERT INTO people (name) VALUES ({placeholder})",
    }


def test_a_literal_in_a_statement_is_not_recorded(app: Flask, collector: Collector) -> None:
    app.test_client().get("/people", buffered=True)
    text = collector.span("SELECT people").attributes["db.query.text"]
    assert text == "SELECT name FROM people WHERE name = ? LIMIT ?"


@pytest.mark.parametrize(
    ("written", "recorded"),
    [
        ("SELECT 'a''secret', 7", "SELECT ?, ?"),
        (r"SELECT E'a\'secret'", "SELECT ?"),
        ("SELECT $$secret$$, $x$sec$$ret$x$", "SELECT ?, ?"),
        ("/* secret */ SELECT a -- secret", "? SELECT a ?"),
        ("SELECT 0xsecret, 1e10, x'5ec7e7'", "SELECT ?, ?, x?"),
        ("SELECT 'secret " + "secret" * 1000, "SELECT ?"),
        ("/* secret " + "secret" * 1000, "?"),
        ("""SELECT "it's" AS a WHERE x = 'secret-1'""", """SELECT "it's" AS a WHERE x = ?"""),
        ("""SELECT "a--b", 'x\nsecret-4'""", """SELECT "a--b", ?"""),
        ("SELECT 1 /* a /* b */ secret-2 */", "SELECT ? ?"),
        ("SELECT E'abc'\n'd\\'secret-7'", "SELECT ?"),
        ("SELECT a$q$, 'foo $q$ secret-5'", "SELECT a$q$, ?"),
        ("SELECT a > .5173, n=+.25, id %%4711", "SELECT a > ?, n=+?, id %%?"),
        ('SELECT a1, $1, %(p_1)s, "items"."x1"', 'SELECT a1, $1, %(p_1)s, "items"."x1"'),
    ],
)
def test_no_form_of_a_value_is_recorded(written: str, recorded: str) -> None:
    operation, summary, text = describe(written[:LONGEST])
    assert text == recorded
    assert operation == ("SELECT" if "SELECT" in written else "SQL")
    assert "secret" not in summary


def test_a_statement_that_fails_has_the_error_s_type_and_no_values(
    app: Flask, collector: Collector
) -> None:
    client = app.test_client()
    assert client.post("/people", buffered=True).status_code == 200
    assert client.post("/people", buffered=True).status_code == 409
    assert client.get("/wrong", buffered=True).status_code == 500
    span = collector.span("SELECT nowhere")
    assert span.failed
    assert span.attributes["error.type"] in ("OperationalError", "UndefinedTable")
    collector.wait(lambda it: it.spans[-1].name == "GET /wrong")
    failed = [each for each in collector.spans if each.name == "INSERT people" and each.failed]
    assert len(failed) == 1
    collector.newest("db.client.operation.duration", error__type=span.attributes["error.type"])
    assert not [body for body in collector.bodies if b"'secret'" in body or b"(secret)" in body]


def test_statements_are_counted_by_their_operation(app: Flask, collector: Collector) -> None:
    app.test_client().get("/people", buffered=True)
    point = collector.newest("db.client.operation.duration", db__operation__name="SELECT")
    kind = app.extensions["datastore"].kind
    assert point.attributes == {"db.system.name": kind, "db.operation.name": "SELECT"}


def test_the_pool_is_measured(app: Flask, collector: Collector) -> None:
    app.test_client().get("/people", buffered=True)
    collector.wait(lambda it: it.newest(COUNT, db__client__connection__state="idle").value == 1)
    assert collector.newest(COUNT, db__client__connection__state="used").value == 0
    assert collector.newest("db.client.connection.max").value == 3
    assert collector.newest("db.client.connection.pending_requests").value == 0
    with app.app_context(), reading():
        collector.wait(lambda it: it.newest(COUNT, db__client__connection__state="used").value == 1)
