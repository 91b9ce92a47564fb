"""Databases store values up to the limits of each type; a value that does not fit gets 422."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from flask import Flask
from msgspec import structs
from sqlalchemy import String, exc, func, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis import Input, Secret, Settings, close_app, operation
from chassis.database import Base, reading, writing

from .ends import Values, check_ends, make_app
from .sql_fixtures import administrator, needs_postgresql
from .things import open_test_app


class Models(DeclarativeBase):
    """Like Base, but its tables need no migration."""

    type_annotation_map = Base.type_annotation_map


class Row(Models):
    __tablename__ = "kept"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    word: Mapped[str] = mapped_column(String(3))
    time: Mapped[datetime]
    day: Mapped[date]
    count: Mapped[int]
    ratio: Mapped[float]
    price: Mapped[Decimal]


def keep(values: Values) -> Values:
    """Store values, and return them as another transaction reads them."""
    with writing() as session:
        session.add(row := Row(**structs.asdict(values)))
        session.flush()
        key = row.id
    with reading() as session:
        return msgspec.convert(session.get(Row, key), Values, from_attributes=True)


class Plain(Input):
    """A row with types that have no limits."""

    text: str = ""
    word: str = ""
    count: int = 0


@operation()
def keep_plain(body: Plain) -> None:
    with writing() as session:
        statement = text("INSERT INTO plain VALUES (:text, :word, :count)")
        session.execute(statement, structs.asdict(body))


def create_app(settings: dict[str, Any]) -> Flask:
    app = make_app(Settings(**settings), keep)
    with app.app_context(), writing() as session:
        Models.metadata.create_all(session.connection())
    return app


@pytest.fixture
def plain(reachable: dict[str, Any]) -> Flask:
    app = open_test_app(Settings(**reachable))
    app.post("/plain")(keep_plain)
    with app.app_context(), writing() as session:
        types = "text TEXT, word VARCHAR(3), count BIGINT"
        session.execute(text(f"CREATE TABLE plain ({types})"))
    return close_app(app)


@pytest.mark.parametrize("place", ["body", "query", "path"])
def test_the_limits_are_returned_as_they_were_sent(reachable: dict[str, Any], place: str) -> None:
    check_ends(create_app(reachable).test_client(), place)


@needs_postgresql
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_the_limits_are_returned_from_a_server_in_another_zone(postgresql: str, zone: str) -> None:
    with administrator() as connection:
        name = postgresql.rpartition("/")[2]
        connection.execute(text(f"ALTER DATABASE {name} SET timezone = '{zone}'"))
    check_ends(create_app({"database_url": Secret(postgresql)}).test_client(), "body")


def test_money_is_compared_and_added_exactly(reachable: dict[str, Any]) -> None:
    app = create_app(reachable)
    prices = [Decimal(text) for text in ("0.1", "0.2", "10", "-3.0001", "99999999999.9999")]
    with app.app_context():
        for price in prices:
            keep(Values(price=price))
        with reading() as session:
            found = session.scalars(select(Row.price).order_by(Row.price)).all()
            assert found == sorted(prices)
            low = select(func.sum(Row.price)).where(Row.price.between(Decimal("0.1"), 1))
            assert session.scalar(low) == Decimal("0.3")


@pytest.mark.parametrize(
    "values",
    [{"count": 2**63}, {"count": -(2**63) - 1}, {"count": 10**100}],
    ids=str,
)
def test_an_integer_that_does_not_fit_is_422(
    plain: Flask, caplog: pytest.LogCaptureFixture, values: dict[str, Any]
) -> None:
    response = plain.test_client().post("/plain", json=values)
    assert (response.status_code, response.mimetype) == (422, "application/problem+json")
    assert "The database cannot store a value: " in caplog.text
    assert "None" not in caplog.text
    assert str(next(iter(values.values()))) not in response.text + caplog.text


@pytest.mark.parametrize("values", [{"text": "a\0"}, {"word": "four"}], ids=["NUL", "length"])
def test_a_text_is_kept_or_422(plain: Flask, values: dict[str, str]) -> None:
    """SQLite keeps a NUL, and ignores the length of a VARCHAR."""
    is_sqlite = plain.extensions["datastore"].kind == "sqlite"
    response = plain.test_client().post("/plain", json=values)
    assert response.status_code == (204 if is_sqlite else 422)


def test_a_time_without_a_zone_is_a_bug(reachable: dict[str, Any]) -> None:
    app = create_app(reachable)
    with app.app_context(), pytest.raises(exc.StatementError, match="A time needs a zone"):
        keep(Values(time=datetime(2000, 1, 1)))
