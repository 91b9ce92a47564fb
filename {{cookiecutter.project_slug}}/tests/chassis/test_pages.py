"""Lists are returned in pages, with every sort key and filter."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient

from .books import BOOKS, KEYS, BookPage


@pytest.fixture
def reader(library: Flask) -> FlaskClient:
    return library.test_client()


def pages(reader: FlaskClient, **query: str) -> Iterator[list[str]]:
    """Yield the ids on each page."""
    while True:
        page = reader.get("/books", query_string=query).get_json()
        yield [book["id"] for book in page["books"]]
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


def ids(books: list[Any], key: str, descending: bool) -> list[str]:
    def place(book: Any) -> Any:
        value = getattr(book, key)
        return getattr(value, "value", value), str(book.id)

    return [str(book.id) for book in sorted(books, key=place, reverse=descending)]


def test_each_page_continues_after_the_previous_one(reader: FlaskClient) -> None:
    for key in KEYS:
        for sort, descending in ((key, False), (f"-{key}", True)):
            found = list(pages(reader, sort=sort, per_page="2"))
            assert [len(page) for page in found] == [2, 2, 2, 2, 1], sort
            assert sum(found, []) == ids(BOOKS, key, descending), sort


def test_a_list_is_filtered_by_each_parameter_that_is_given(reader: FlaskClient) -> None:
    red = [book for book in BOOKS if book.color.value == "red"]
    found = list(pages(reader, color="red", sort="pages", per_page="3"))
    assert sum(found, []) == ids(red, "pages", False)
    assert list(pages(reader, color="red", sold="true")) == [[]]
    assert len(next(pages(reader, day="2000-01-02"))) == 3


@pytest.mark.parametrize(
    "other", [{}, {"color": "blue"}, {"color": "red", "sort": "pages"}, {"sold": "false"}]
)
def test_a_cursor_of_another_sort_or_filter_is_refused(
    reader: FlaskClient, other: dict[str, str]
) -> None:
    own = {"color": "red", "per_page": "2"}
    own["cursor"] = reader.get("/books", query_string=own).get_json()["next_cursor"]
    assert reader.get("/books", query_string=own | {"per_page": "3"}).status_code == 200
    response = reader.get("/books", query_string=other | {"cursor": own["cursor"]})
    assert response.status_code == 422
    (fault,) = response.get_json(force=True)["errors"]
    assert fault["parameter"] == "cursor"
    assert "a list with the same sort and filters" in fault["detail"]


@pytest.mark.parametrize("key", KEYS)
def test_a_forged_cursor_is_no_server_error(reader: FlaskClient, key: str) -> None:
    digest, id_ = BookPage(sort=key).digest(), bytes(16)
    past = datetime(1, 1, 1, tzinfo=UTC)
    values = ["\0", "x", "", 2**63, -(2**63), 1e308, float("nan"), True, None, past, b"x", [], {}]
    places = [(digest, value, id_) for value in values]
    for place in [*places, (digest, 1), (digest, 1, b"short"), (digest, 1, "x"), digest, {}, 1]:
        cursor = urlsafe_b64encode(msgspec.msgpack.encode(place)).rstrip(b"=").decode()
        response = reader.get("/books", query_string={"sort": key, "cursor": cursor})
        assert response.status_code in (200, 422), place
