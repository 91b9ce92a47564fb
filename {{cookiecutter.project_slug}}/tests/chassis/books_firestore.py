"""Store the books of the tests in Firestore."""

from typing import Any

import pytest
from flask import Flask

from chassis.firestore import datastore, from_document, paged, to_document

from .books import BOOKS, Book, BookPage, create_app


def list_books(page: BookPage) -> list[Book]:
    query = paged(datastore().client.collection("books"), page)
    found = datastore().call_again(query.get)
    return [from_document(snapshot, Book, id=snapshot.id) for snapshot in found]


@pytest.fixture
def library(reachable: dict[str, Any]) -> Flask:
    app = create_app(reachable, list_books)
    with app.app_context():
        for book in BOOKS:
            fields = to_document(book)
            datastore().client.document(f"books/{fields.pop('id')}").set(fields)
    return app
