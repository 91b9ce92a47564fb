"""A value that an enum, a Literal or a tag does not allow is refused with the allowed ones."""

from enum import Enum, IntEnum
from typing import Annotated, Any, Literal

import pytest
from flask.testing import FlaskClient
from msgspec import UNSET, Meta, UnsetType

from chassis import Input, Patch, Settings, close_app, operation

from .things import open_test_app


class Color(Enum):
    RED = "red"
    GREEN = "green"


class Size(IntEnum):
    SMALL = 1


class Cat(Input, tag="cat"):
    age: int


class Dog(Input, tag="dog"):
    friends: "list[Cat | Dog]" = []
    color: Color | None = None


class Box(Input):
    color: Color = Color.RED
    either: Literal["a", "b"] | int = "a"
    sizes: list[Annotated[Size, Meta(description="a size")]] = []
    pair: tuple[int, Color] = (1, Color.RED)
    stock: dict[Literal["left", "right"], Literal["full"]] = {}
    pet: Cat | Dog | None = None
    mixed: tuple[int, int] | dict[str, Color] = {}


class BoxPatch(Patch):
    color: Color | UnsetType = UNSET


class BoxQuery(Input):
    sort: Literal["name", "-name"] = "name"


@operation()
def put_box(body: Box) -> Box:
    """Put a box."""
    return body


@operation()
def patch_box(body: BoxPatch) -> None:
    """Change a box."""


@operation()
def list_boxes(query: BoxQuery) -> None:
    """List boxes."""


@operation()
def get_color(color: Color) -> Color:
    """Get a color."""
    return color


@pytest.fixture
def client() -> FlaskClient:
    app = open_test_app(Settings())
    app.put("/boxes")(put_box)
    app.patch("/boxes")(patch_box)
    app.get("/boxes")(list_boxes)
    app.get("/colors/<color>")(get_color)
    return close_app(app).test_client()


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({"color": "blue"}, "/color", "Expected 'red' or 'green', got 'blue'"),
        ({"either": "c"}, "/either", "Expected 'a' or 'b', got 'c'"),
        ({"sizes": [1, 2]}, "/sizes/1", "Expected 1, got 2"),
        ({"pair": [1, "blue"]}, "/pair/1", "Expected 'red' or 'green', got 'blue'"),
        (
            {"stock": {"left": "empty"}},
            "/stock",
            "Expected 'full', got 'empty' in a value of the object",
        ),
        (
            {"stock": {"middle": "full"}},
            "/stock",
            "Expected 'left' or 'right', got 'middle' in a key of the object",
        ),
        (
            {"mixed": {"5": "blue"}},
            "/mixed",
            "Expected 'red' or 'green', got 'blue' in a value of the object",
        ),
        ({"pet": {"type": "cow"}}, "/pet/type", "Expected 'cat' or 'dog', got 'cow'"),
        (
            {"pet": {"type": "dog", "friends": [{"type": "dog", "color": "blue"}]}},
            "/pet/friends/0/color",
            "Expected 'red' or 'green', got 'blue'",
        ),
    ],
)
def test_the_allowed_values_of_a_field(
    client: FlaskClient, body: dict[str, Any], pointer: str, detail: str
) -> None:
    response = client.put("/boxes", json=body)
    assert response.status_code == 422
    assert response.get_json()["errors"] == [{"detail": detail, "pointer": pointer}]


def test_the_allowed_values_of_a_patch(client: FlaskClient) -> None:
    response = client.patch(
        "/boxes", json={"color": "blue"}, content_type="application/merge-patch+json"
    )
    assert response.status_code == 422
    assert response.get_json()["detail"] == "/color: Expected 'red' or 'green', got 'blue'"


def test_the_allowed_values_of_a_query_parameter(client: FlaskClient) -> None:
    response = client.get("/boxes?sort=age")
    assert response.status_code == 422
    assert response.get_json()["detail"] == "sort: Expected '-name' or 'name', got 'age'"


def test_the_allowed_values_of_a_path_parameter(client: FlaskClient) -> None:
    response = client.get("/colors/blue")
    assert response.status_code == 404
    assert "Expected 'red' or 'green', got 'blue'" in response.get_json()["detail"]


def test_the_allowed_values_at_any_depth(client: FlaskClient) -> None:
    pet: dict[str, Any] = {"type": "dog", "color": "blue"}
    for _ in range(100):
        pet = {"type": "dog", "friends": [pet]}
    response = client.put("/boxes", json={"pet": pet})
    assert response.get_json()["errors"][0]["detail"] == "Expected 'red' or 'green', got 'blue'"
