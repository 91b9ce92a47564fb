"""Create an application that uses everything an operation can declare."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from flask import Blueprint, Flask, url_for
from msgspec import UNSET, Meta, UnsetType, structs
from werkzeug.exceptions import NotFound, ServiceUnavailable
from werkzeug.http import generate_etag, quote_etag

from chassis import Error, Input, Patch, Settings, close_app, operation
from chassis.security import api_key, bearer, open_id_connect, public, secure

from .media import media
from .things import open_test_app


class Caller(msgspec.Struct):
    name: str
    scopes: list[str]


CALLERS = {
    "reader": Caller("Ada", []),
    "writer": Caller("Bob", ["books:write"]),
}
users = bearer(CALLERS.get)
partners = api_key("X-API-Key", lambda key: key == "partner")
staff = open_id_connect(
    "https://issuer.example/.well-known/openid-configuration", CALLERS.get, name="staff"
)


class OutOfStock(Error):
    status = 409
    type = "https://example.com/problems/out-of-stock"
    title = "Out of stock"

    available: int


class Size(msgspec.Struct, frozen=True):
    width: Annotated[int, Meta(ge=1, le=1000)]
    height: Annotated[int, Meta(ge=1, le=1000)]


class SizePatch(Patch):
    width: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET
    height: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET


class BookIn(Input):
    title: Annotated[str, Meta(min_length=1, max_length=100)]
    subtitle: Annotated[str, Meta(max_length=100)] | None = None
    size: Size = Size(100, 200)
    prices: dict[str, int] = {}


class BookPatch(Patch):
    title: Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    subtitle: Annotated[str, Meta(max_length=100)] | None | UnsetType = UNSET
    size: SizePatch | UnsetType = UNSET
    prices: dict[str, int | None] | UnsetType = UNSET


class Book(msgspec.Struct):
    id: UUID
    title: str
    subtitle: str | None
    size: Size
    prices: dict[str, int]


class Order(Input):
    copies: Annotated[int, Meta(ge=1, le=100)]


class Job(msgspec.Struct):
    state: Literal["queued"] = "queued"


DUNE = Book(UUID(int=7), "Dune", None, Size(1, 1), {})

books = Blueprint("books", __name__)
stored: dict[UUID, Book] = {}


def find(book_id: UUID) -> Book:
    if book_id not in stored:
        raise NotFound("There is no such book.")
    return stored[book_id]


def url_of(book: Book) -> str:
    return url_for(".get_book", book_id=book.id)


def tag_of(book: Book) -> str:
    return quote_etag(generate_etag(msgspec.json.encode(book)))


def next_of(book: Book) -> str | None:
    return None if book.subtitle is None else "/next"


@books.get("/books/<book_id>")
@public
@operation(headers={"ETag": tag_of, "X-Next": next_of})
def get_book(book_id: UUID) -> Book:
    """Get a book."""
    return find(book_id)


@books.put("/books/<book_id>")
@operation(
    headers={"ETag": tag_of},
    security=users.with_scopes("books:write"),
    examples={"short": BookIn("Dune"), "long": BookIn("Emma", subtitle="A novel")},
)
def put_book(
    book_id: UUID, body: BookIn
) -> tuple[Book, Literal[200]] | tuple[Book, Literal[201], dict[str, str]]:
    """Replace a book, or add it."""
    book = Book(book_id, **structs.asdict(body))
    is_new = book_id not in stored
    stored[book_id] = book
    if is_new:
        return book, 201, {"Location": url_of(book)}
    return book, 200


@books.patch("/books/<book_id>")
@operation(headers={"ETag": tag_of}, security=[users, partners])
def change_book(book_id: UUID, body: BookPatch) -> Book:
    """Change a part of a book."""
    stored[book_id] = body.apply(find(book_id))
    return stored[book_id]


@books.delete("/books/<book_id>")
@operation(security=staff, deprecated=True, tags=["archive"])
def delete_book(book_id: UUID) -> None:
    """Remove a book."""
    find(book_id)
    del stored[book_id]


@books.post("/books/<book_id>/orders")
@operation(errors=[OutOfStock, 503], openapi={"x-internal": True, "externalDocs": {"url": "/docs"}})
def order_book(book_id: UUID, body: Order) -> Job | tuple[Job, Literal[202]]:
    """Order copies of a book."""
    find(book_id)
    if body.copies > 50:
        raise OutOfStock("There are 50.", available=50)
    if body.copies > 20:
        raise ServiceUnavailable("The warehouse is closed.", retry_after=60)
    return (Job(), 202) if body.copies > 10 else Job()


@books.route("/books", methods=["GET", "POST"])
@operation()
def list_books() -> list[str]:
    """List titles."""
    return [book.title for book in stored.values()]


@books.get("/books/secret")
@operation(document=False)
def get_secret() -> str:
    return "not in the document"


def make_shop() -> Flask:
    app = open_test_app(Settings())
    secure(app, users)
    app.register_blueprint(books, url_prefix="/v1")
    app.register_blueprint(books, url_prefix="/v2", name="books_v2")
    app.register_blueprint(media, url_prefix="/media")
    return close_app(app)
