"""Name the media types of a body, a file or a response that is not plain JSON."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

JSON = "application/json"
ANY_JSON = "application/*+json"
MULTIPART = "multipart/form-data"
FORMS = {MULTIPART, "application/x-www-form-urlencoded"}


class Media:
    """Annotate a body or a response with its media types: `Annotated[bytes, Media("image/png")]`.

    `image/*` and `*/*` match several types; `application/*+json` matches every JSON type.
    `max_bytes` replaces MAX_BODY_BYTES or MAX_JSON_BYTES for a body; a larger body gets 413.
    """

    def __init__(self, *types: str, max_bytes: int | None = None) -> None:
        self.types, self.max_bytes = types, max_bytes
        check("Media(…)", types, max_bytes)

    def __repr__(self) -> str:
        return f"Media({', '.join(map(repr, self.types))})"


class Upload(FileStorage):
    """A file in a multipart body. A subclass sets its limits:

        class Photo(Upload):
            media_types = ("image/png", "image/jpeg")
            max_bytes = 2_000_000

    The client chooses the file's name and media type: do not trust `filename` and `mimetype`.
    """

    media_types: ClassVar[tuple[str, ...]] = ("*/*",)
    max_bytes: ClassVar[int | None] = None

    def __init_subclass__(cls) -> None:
        check(cls.__qualname__, cls.media_types, cls.max_bytes)


def check(name: str, types: Any, max_bytes: Any) -> None:
    """Raise TypeError if a media type or a limit is invalid."""
    if isinstance(types, str):
        raise TypeError(f'{name}: `media_types` is a string: write ("{types}",)')
    if not types:
        raise TypeError(f'{name}: name a media type, such as "text/csv"')
    for each in types:
        if not re.fullmatch(r"\*/\*|[a-z0-9-]+/(\*|(\*\+)?[a-z0-9][a-z0-9.+_-]*)", str(each)):
            fix = "write it in lower case and without parameters, such as `text/csv`"
            raise TypeError(f"{name}: {each!r} is not a media type: {fix}")
    if max_bytes is not None and (type(max_bytes) is not int or max_bytes < 1):
        raise TypeError(f"{name}: `max_bytes` is {max_bytes!r}: use a positive integer")


def is_json(media_type: str) -> bool:
    return media_type == JSON or media_type.endswith("+json")


def is_one_of(media_type: str, types: Iterable[str]) -> bool:
    """Return whether a media type matches one of `types`, where `*` matches any name."""
    return any(
        fnmatchcase(media_type, each) or (media_type == JSON and each == ANY_JSON) for each in types
    )


def schema_of(kind: Any) -> dict[str, Any]:
    """Return the JSON Schema of a file. msgspec calls this for types that it does not know.

    maxLength counts bytes here: https://spec.openapis.org/oas/v3.1.1.html#working-with-binary-data
    """
    if not issubclass(kind, Upload):
        raise NotImplementedError
    limit = {"maxLength": kind.max_bytes} if kind.max_bytes else {}
    return {"type": "string", "format": "binary", **limit}


def read_file(kind: Any, given: Any) -> Any:
    """Check a file of a form. msgspec calls this, and adds the field's path to a ValueError."""
    if isinstance(given, list):
        raise ValueError(f"Expected one file, got {len(given)} parts of this name")
    if not isinstance(given, FileStorage):
        raise ValueError("Expected a file, got text")
    size = given.stream.seek(0, 2)
    given.stream.seek(0)
    if kind.max_bytes and size > kind.max_bytes:
        raise RequestEntityTooLarge(
            f"The file `{given.name}` is larger than {kind.max_bytes} bytes."
        )
    media_type = given.mimetype or "application/octet-stream"
    if not is_one_of(media_type, kind.media_types):
        types = " or ".join(kind.media_types)
        raise ValueError(f"Expected a file of the type {types}, got `{media_type}`")
    return kind(given.stream, given.filename, given.name, headers=given.headers)


def refuse_file(kind: Any) -> Any:
    """Raise TypeError for a file in JSON. msgspec calls this for types that it does not know."""
    if issubclass(kind, FileStorage):
        raise TypeError('a file is not JSON: write `Annotated[…, Media("multipart/form-data")]`')
    raise NotImplementedError
