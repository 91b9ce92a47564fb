"""Create an application with a list, /books, that has many filters and sort keys."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID, uuid4

import msgspec
from flask import Flask
from msgspec import UNSET, UnsetType

from chassis import Settings, Time, close_app, operation
from chassis.resources import Page

from .things import open_test_app

KEYS = ["created_at", "title", "pages", "weight", "day", "price", "color", "sold", "owner"]


class Color(Enum):
    BLUE = "blue"
    RED = "red"


class Book(msgspec.Struct, kw_only=True):
    id: UUID
    created_at: Time
    title: str
    pages: int
    weight: float
    day: date
    price: Decimal
    color: Color
    sold: bool
    owner: UUID


class BookPage(Page):
    sort: Literal[tuple(key for name in KEYS for key in (name, f"-{name}"))] = "-created_at"  # type: ignore[valid-type]
    color: Color | UnsetType = UNSET
    sold: bool | UnsetType = UNSET
    day: date | UnsetType = UNSET


class Books(msgspec.Struct):
    books: list[Book]
    next_cursor: str | None


def make_book(number: int) -> Book:
    """Make a book from a number. Books from other numbers have some of the same values."""
    third = number // 3
    return Book(
        id=uuid4(),
        created_at=datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=third),
        title=f"{third}é日",
        pages=2**31 + third if number % 2 else -third,
        weight=third / 7,
        day=date(2000, 1, 1 + third),
        price=Decimal(f"{third}.10"),
        color=Color.RED if number % 2 else Color.BLUE,
        sold=number % 2 == 0,
        owner=UUID(int=third),
    )


BOOKS = [make_book(number) for number in range(9)]


def create_app(settings: dict[str, Any], list_books: Any) -> Flask:
    """Create an application whose GET /books calls `list_books`, a function for one datastore."""

    @operation()
    def get_books(query: BookPage) -> Books:
        """List books."""
        return Books(*query.cut(list_books(query)))

    app = open_test_app(Settings(**settings))
    app.get("/books")(get_books)
    return close_app(app)
