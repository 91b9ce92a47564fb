"""Firestore documents: each type is read as it was stored, even by another version of the code."""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
import pytest
from flask import Flask
from msgspec import UNSET, UnsetType
from werkzeug.exceptions import NotFound

from chassis import Settings
from chassis.firestore import Snapshot, from_document, to_document
from chassis.firestore import datastore as firestore

from .things import create_app

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


class Color(Enum):
    RED = "red"


class Part(msgspec.Struct):
    name: str
    made_at: datetime


class Thing(msgspec.Struct, rename="camel"):
    id: UUID
    made_at: datetime
    day: date
    price: Decimal
    color: Color
    data: bytes
    parts: list[Part]
    by_name: dict[str, Part]
    by_number: dict[int, datetime]
    times: list[datetime]
    weight: float | None = None
    note: str | UnsetType = UNSET


PART = Part("wheel", NOW)
THING = Thing(
    UUID(int=7),
    NOW,
    date(2026, 1, 2),
    Decimal("1.10"),
    Color.RED,
    b"\x00\xff",
    [PART],
    {"front": PART},
    {1: NOW},
    [NOW],
    weight=2.0,
)


@pytest.fixture
def app(datastore: dict[str, Any]) -> Flask:
    return create_app(Settings(**datastore))


def stored(fields: dict[str, Any]) -> Snapshot:
    """Store a document, and return it as Firestore stores it."""
    document = firestore().client.document("things/one")
    firestore().call(document.set, fields)
    return firestore().call(document.get)


def test_every_type_is_read_as_it_was_stored(app: Flask) -> None:
    with app.app_context():
        assert from_document(stored(to_document(THING)), Thing) == THING


def test_a_time_is_stored_as_a_time(app: Flask) -> None:
    with app.app_context():
        fields = stored(to_document(THING)).to_dict() or {}
    assert isinstance(fields["madeAt"], datetime)
    assert isinstance(fields["parts"][0]["made_at"], datetime)
    assert "note" not in fields


class Old(msgspec.Struct):
    name: str


class New(msgspec.Struct):
    name: str
    paid: bool = False


def test_a_field_that_a_version_does_not_know_is_ignored(app: Flask) -> None:
    with app.app_context():
        assert from_document(stored(to_document(New("Ada", paid=True))), Old) == Old("Ada")


def test_a_field_that_a_document_does_not_have_gets_its_default(app: Flask) -> None:
    with app.app_context():
        assert from_document(stored(to_document(Old("Ada"))), New) == New("Ada", paid=False)


def test_a_document_that_does_not_fit_is_named(app: Flask) -> None:
    with app.app_context(), pytest.raises(msgspec.ValidationError) as raised:
        from_document(stored({"name": 5}), Old)
    assert raised.value.__notes__ == ["The document is things/one."]


def test_a_document_that_does_not_exist_is_not_found(app: Flask) -> None:
    with app.app_context():
        missing = firestore().call(firestore().client.document("things/none").get)
    with pytest.raises(NotFound):
        from_document(missing, Old)
