"""A body that changes a part of a resource: RFC 7396."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import pytest
from flask.testing import FlaskClient
from msgspec import UNSET, Meta, UnsetType
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
    """Return the fields of the book that the change changed."""
    response = patch(client, change)
    assert response.status_code == 200
    before = msgspec.to_builtins(DUNE)
    return {name: value for name, value in response.get_json().items() if value != before[name]}


def test_omitted_fields_stay(client: FlaskClient) -> None:
    assert changed(client, {}) == {}
    assert changed(client, {"title": "Emma"}) == {"title": "Emma"}


def test_null_removes_an_optional_field(client: FlaskClient) -> None:
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
def test_a_change_that_is_not_allowed_is_422_with_its_pointer(
    client: FlaskClient, change: Any, pointer: str
) -> None:
    response = patch(client, change)
    assert response.status_code == 422
    assert response.get_json(force=True)["errors"][0]["pointer"] == pointer
    assert stored[DUNE.id] == DUNE


@pytest.mark.parametrize("media_type", ["application/json", "application/json-patch+json"])
def test_another_media_type_is_415_with_the_right_one(client: FlaskClient, media_type: str) -> None:
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


class Box(msgspec.Struct):
    owner: Owner | None = None
    owners: dict[str, Owner] = {}
    labels: dict[str, int] = {}
    range: Range | None = None


class LabelsPatch(Patch):
    a: int | None | UnsetType = UNSET


class BoxPatch(Patch):
    owner: dict[str, str | int | None] | UnsetType = UNSET
    owners: dict[str, OwnerPatch | None] | UnsetType = UNSET
    labels: LabelsPatch | UnsetType = UNSET
    range: RangePatch | UnsetType = UNSET


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        ({"owner": {"age": 37}}, Box(Owner("Ada", 36)), Box(Owner("Ada", 37))),
        ({"labels": {"a": 1}}, Box(labels={"a": 0, "b": 2}), Box(labels={"a": 1, "b": 2})),
        ({"labels": {"a": None}}, Box(labels={"a": 0, "b": 2}), Box(labels={"b": 2})),
        (
            {"owners": {"x": {"age": 2}, "y": None}},
            Box(owners={"x": Owner("X", 1), "y": Owner("Y", 1)}),
            Box(owners={"x": Owner("X", 2)}),
        ),
        (
            {"range": {"first": 2, "owner": None}},
            Box(range=Range(1, 3, Owner("Ada", 36))),
            Box(range=Range(2, 3)),
        ),
    ],
)
def test_an_object_is_merged_whatever_its_types(change: Any, before: Box, after: Box) -> None:
    assert msgspec.convert(change, BoxPatch).apply(before) == after


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"owners": {"x": {"age": 2}}}, "/owners"),  # msgspec does not name the key
        ({"range": {"first": 9}}, "/range"),
        ({"range": {"owner": {"name": "Ada"}}}, "/range/owner/age"),
        ({"owner": {"age": "old"}}, "/owner/age"),
    ],
)
def test_a_fault_inside_an_object_has_its_full_pointer(change: Any, pointer: str) -> None:
    with pytest.raises(Invalid) as raised:
        msgspec.convert(change, BoxPatch).apply(Box(Owner("Ada", 36), range=Range(1, 2)))
    assert raised.value.errors[0].pointer == pointer


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


class WholeInDict(Patch):
    sizes: dict[str, Size | None] | UnsetType = UNSET


class WholeAnnotated(Patch):
    size: Annotated[Size | UnsetType, Meta(description="a size")] = UNSET


@dataclass
class Data:
    name: str
    age: int = 0


class WholeData(Patch):
    data: Data | UnsetType = UNSET


class RequiredInside(Patch):
    inner: Required | UnsetType = UNSET


class Method(Patch):
    changes: int | UnsetType = UNSET  # type: ignore[assignment]


class Recursive(Patch):
    inner: "Recursive | None | UnsetType" = UNSET


def whole_in_dict(body: WholeInDict) -> None:
    pass


def whole_annotated(body: WholeAnnotated) -> None:
    pass


def whole_data(body: WholeData) -> None:
    pass


def required_inside(body: RequiredInside) -> None:
    pass


def method(body: Method) -> None:
    pass


def optional(body: OwnerPatch | None) -> None:
    pass


def several(body: dict[str, OwnerPatch]) -> None:
    pass


def recursive(body: Annotated[Recursive, Meta(description="a patch")]) -> None:
    pass


def test_a_patch_may_be_recursive_and_annotated() -> None:
    assert vars(operation()(recursive))["operation"].body.types == ("application/merge-patch+json",)


def required(body: Required) -> None:
    pass


def whole(body: Whole) -> None:
    pass


@pytest.mark.parametrize(
    ("function", "correction"),
    [
        (required, "write `name: T | UnsetType = UNSET`"),
        (whole, "`size` is patched, too: make Size a chassis.Patch"),
        (whole_in_dict, "`sizes` is patched, too: make Size a chassis.Patch"),
        (whole_annotated, "`size` is patched, too: make Size a chassis.Patch"),
        (whole_data, "`data` is patched, too: make Data a chassis.Patch"),
        (required_inside, "write `name: T | UnsetType = UNSET`"),
        (method, "`changes` is a method of a Patch: write `changes_: T"),
        (optional, "a Patch is a whole body: write `body: P`"),
        (several, "a Patch is a whole body: write `body: P`"),
    ],
)
def test_a_patch_that_is_no_merge_patch_is_refused_at_import(
    function: Any, correction: str
) -> None:
    with pytest.raises(TypeError, match=f"{function.__name__}: .*{correction}"):
        operation()(function)
