"""A change that conflicts with other rows gets 409, without the values of those rows."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from chassis import Input, Settings, close_app, operation
from chassis.database import writing

from .things import open_test_app


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
    assert "already exists" in response.get_json(force=True)["detail"]
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
def test_a_change_that_breaks_a_reference_is_409(
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
