"""A body that changes a part of a resource: RFC 7396."""

import json
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from msgspec import UNSET, UnsetType
from werkzeug.test import TestResponse

from chassis import Patch, operation
from chassis.errors import Invalid

from .shop import DUNE, Size, make_shop, stored

BOOK = f"/v1/books/{DUNE.id}"


@pytest.fixture
def client() -> FlaskClient:
    stored[DUNE.id] = DUNE
    return make_shop().test_client()


def patch(client: FlaskClient, change: Any, media_type: str = "") -> TestResponse:
    return client.patch(
        BOOK,
        data=json.dumps(change),
        content_type=media_type or "application/merge-patch+json",
        headers={"X-API-Key": "partner"},
    )


def changed(client: FlaskClient, change: Any) -> Any:
    """Return what the change changed in the book."""
    response = patch(client, change)
    assert response.status_code == 200
    before = msgspec.to_builtins(DUNE)
    return {name: value for name, value in response.get_json().items() if value != before[name]}


def test_what_is_left_out_stays(client: FlaskClient) -> None:
    assert changed(client, {}) == {}
    assert changed(client, {"title": "Emma"}) == {"title": "Emma"}


def test_null_removes_what_may_be_missing(client: FlaskClient) -> None:
    assert changed(client, {"subtitle": "A novel"}) == {"subtitle": "A novel"}
    assert changed(client, {"subtitle": None}) == {}


def test_an_object_is_changed_in_part(client: FlaskClient) -> None:
    assert changed(client, {"size": {"width": 5}}) == {"size": {"width": 5, "height": 1}}


def test_null_removes_a_key(client: FlaskClient) -> None:
    assert changed(client, {"prices": {"us": 9, "uk": 8}}) == {"prices": {"us": 9, "uk": 8}}
    assert changed(client, {"prices": {"us": None, "fr": 7}}) == {"prices": {"uk": 8, "fr": 7}}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"title": None}, "/title"),
        ({"title": ""}, "/title"),
        ({"size": None}, "/size"),
        ({"size": {"width": None}}, "/size/width"),
        ({"size": {"width": 0}}, "/size/width"),
        ({"size": {"depth": 1}}, "/size/depth"),
        ({"author": "x"}, "/author"),
        ([], ""),
        (None, ""),
        ("title", ""),
    ],
)
def test_a_change_that_is_not_allowed_is_422_with_its_place(
    client: FlaskClient, change: Any, pointer: str
) -> None:
    response = patch(client, change)
    assert response.status_code == 422
    assert response.get_json(force=True)["errors"][0]["pointer"] == pointer
    assert stored[DUNE.id] == DUNE


@pytest.mark.parametrize("media_type", ["application/json", "application/json-patch+json"])
def test_another_media_type_is_415_and_told_which(client: FlaskClient, media_type: str) -> None:
    response = patch(client, {}, media_type)
    assert response.status_code == 415
    assert "application/merge-patch+json" in response.get_json(force=True)["detail"]


class Owner(msgspec.Struct):
    name: str
    age: int


class Range(msgspec.Struct):
    first: int
    last: int
    owner: Owner | None = None

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("last comes before first")


class OwnerPatch(Patch):
    name: str | UnsetType = UNSET
    age: int | UnsetType = UNSET


class RangePatch(Patch):
    first: int | UnsetType = UNSET
    owner: OwnerPatch | None | UnsetType = UNSET


def test_an_object_that_was_missing_is_made_whole() -> None:
    made = RangePatch(owner=OwnerPatch(name="Ada", age=36)).apply(Range(1, 2))
    assert made.owner == Owner("Ada", 36)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [(RangePatch(owner=OwnerPatch(name="Ada")), "/owner/age"), (RangePatch(first=3), "")],
)
def test_a_result_that_is_not_valid_is_422(change: RangePatch, pointer: str) -> None:
    with pytest.raises(Invalid) as raised:
        change.apply(Range(1, 2))
    assert raised.value.errors[0].pointer == pointer


class Required(Patch):
    name: str


class Whole(Patch):
    size: Size | UnsetType = UNSET


def required(body: Required) -> None:
    pass


def whole(body: Whole) -> None:
    pass


@pytest.mark.parametrize(
    ("function", "correction"),
    [
        (required, "write `name: T | UnsetType = UNSET`"),
        (whole, "`size` is patched, too: make Size a chassis.Patch"),
    ],
)
def test_a_patch_that_is_no_merge_patch_is_refused_at_import(
    function: Any, correction: str
) -> None:
    with pytest.raises(TypeError, match=f"{function.__name__}: .*{correction}"):
        operation()(function)
