"""Store the books of the tests in the database."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from flask import Flask
from msgspec import structs
from sqlalchemy import BigInteger, Numeric, String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.database import UTCDateTime, paged, reading, writing

from .books import BOOKS, Book, BookPage, Color, create_app


class Base(DeclarativeBase):
    """A base of its own, so that the application's tables do not change."""


class BookRow(Base):
    __tablename__ = "books"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    title: Mapped[str] = mapped_column(String(100))
    pages: Mapped[int] = mapped_column(BigInteger)
    weight: Mapped[float]
    day: Mapped[date]
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    color: Mapped[Color]
    sold: Mapped[bool]
    owner: Mapped[UUID]


def list_books(page: BookPage) -> list[Book]:
    with reading() as session:
        rows = session.scalars(paged(select(BookRow), page))
        return [msgspec.convert(row, Book, from_attributes=True) for row in rows]


@pytest.fixture
def library(reachable: dict[str, Any]) -> Flask:
    app = create_app(reachable, list_books)
    with app.app_context(), writing() as session:
        Base.metadata.create_all(session.connection())
        session.add_all(BookRow(**structs.asdict(book)) for book in BOOKS)
    return app
