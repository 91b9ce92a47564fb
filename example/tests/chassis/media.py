"""Define operations with media types other than JSON; tests/chassis/shop.py serves them."""

from collections.abc import Iterator
from csv import reader
from io import StringIO
from pathlib import Path
from typing import IO, Annotated, Any, Literal

import msgspec
from flask import Blueprint, Response, abort, request
from msgspec import Meta

from chassis import Input, Media, Upload, operation

media = Blueprint("media", __name__)
Name = Annotated[str, Meta(min_length=1, max_length=20)]


class Row(Input):
    name: Name


class Cover(Upload):
    media_types = ("image/png", "image/jpeg")
    max_bytes = 1_000


class Covers(Input):
    front: Cover
    title: Name
    pages: Annotated[int, Meta(ge=1, le=1000)] = 1
    tags: list[Literal["old", "new"]] = []
    others: list[Upload] = []


class Received(msgspec.Struct):
    fields: dict[str, Any]
    files: dict[str, int]


class Search(Input):
    word: Name
    deep: bool = False


@media.post("/csv")
@operation()
def import_csv(body: Annotated[str, Media("text/csv", max_bytes=2_000)]) -> list[str]:
    """Return the first cell of each row below the first one."""
    return [row[0] for row in list(reader(StringIO(body, newline="")))[1:] if row]


@media.get("/csv")
@operation(errors=[404])
def export_csv(query: Row) -> Annotated[Iterator[str], Media("text/csv")]:
    """Export a CSV."""
    if query.name == "unknown":
        abort(404)
    for number in range(3):
        yield f"{request.path},{query.name},{number}\n"


@media.post("/stream")
@operation()
def count_bytes(
    body: Annotated[IO[bytes], Media("application/octet-stream", max_bytes=20_000)],
) -> int:
    """Count the bytes of a body of any size."""
    return sum(map(len, iter(lambda: body.read(65536), b"")))


@media.put("/image")
@operation()
def put_image(
    body: Annotated[bytes, Media("image/*", max_bytes=1_000)],
) -> Annotated[bytes, Media("image/png")]:
    """Return an image."""
    return body


@media.get("/file")
@operation()
def get_file() -> Annotated[Path, Media("text/x-python")]:
    """Get a file."""
    return Path(__file__)


@media.get("/label")
@operation()
def get_label() -> Annotated[Response, Media("image/svg+xml", "text/plain")]:
    """Get a label."""
    return Response("label", mimetype="text/plain")


@media.post("/form")
@operation(status=201)
def add_covers(
    body: Annotated[Covers, Media("multipart/form-data", max_bytes=10_000)],
) -> Received:
    """Add covers."""
    files = {file.filename or "": len(file.read()) for file in (body.front, *body.others)}
    return Received({"title": body.title, "pages": body.pages, "tags": body.tags}, files)


@media.post("/search")
@operation()
def search(body: Annotated[Search, Media("application/x-www-form-urlencoded")]) -> Search:
    """Search."""
    return body


@media.post("/vendor")
@operation()
def take_vendor(
    body: Annotated[Row, Media("application/vnd.shop+json", "application/json")],
) -> Annotated[Row, Media("application/vnd.shop+json")]:
    """Return a row."""
    return body


@media.post("/hook")
@operation()
def take_any_json(body: Annotated[dict[str, int], Media("application/*+json")]) -> int:
    """Take JSON of any kind."""
    return len(body)


@media.post("/optional")
@operation()
def take_optional(body: Row | None) -> str:
    """Take a row, or none."""
    return body.name if body else "none"
