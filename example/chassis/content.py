"""Read the type, the media types and the size limit of a body or a response from its annotation."""

import inspect
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, get_args, get_origin

import msgspec
from flask import Response

from .checks import bare, check_type, members
from .forms import check_form, encoding_of
from .media import FORMS, JSON, Media, Upload, is_json
from .mistakes import plain, refuse
from .patch import media_type_of
from .values import dec_hook

NONE = type(None)
STREAMS = (Iterator, Iterable, Generator)
INPUTS = (IO[bytes], BinaryIO)


@dataclass(frozen=True)
class Content:
    """The declared content of a body or a response: its type, media types and size limit."""

    kind: Any  # bytes, str, IO[bytes], a form, an iterator, Path or Response; None for JSON
    shown: Any  # the type in the document; for JSON and text, the annotation
    types: tuple[str, ...] = (JSON,)
    max_bytes: int | None = None
    is_optional: bool = False
    encoding: Any = None  # OpenAPI's encoding object for the files in a form

    def described(self, schema: Any, **more: Any) -> dict[str, Any]:
        """Return the `content` of this body or response in the document."""
        more |= {"encoding": self.encoding} if self.encoding else {}
        return dict.fromkeys(self.types, {"schema": schema, **more})


def body_of(function: Callable[..., Any], hint: Any) -> Content:
    """Read the annotation of a body; raise TypeError if it is not supported."""
    media = media_of(function, hint)
    given = [kind for kind in members(hint) if bare(kind) is not NONE]
    kind, is_optional = bare(given[0]) if len(given) == 1 else None, given != members(hint)
    types, most = (media.types, media.max_bytes) if media else ((), None)
    if all(map(is_json, types)) and kind not in (*(bytes,) * bool(types), *INPUTS):
        check_type(function, "body", hint)
        own = media_type_of(function, hint)
        if own not in (JSON, *(types or (own,))):
            raise refuse(function, f"the media type of a Patch is {own}: name it in Media(…)")
        return Content(None, hint, types or (own,), most, is_optional)
    if kind is str:
        check_type(function, "body", given[0])
        shown = given[0]
    elif kind is bytes or kind in INPUTS:
        shown = binary(function, given[0], most)
    elif FORMS.issuperset(types) and isinstance(kind, msgspec.StructMeta):
        check_form(function, kind, most or 0, types)
        return Content(kind, kind, types, most, is_optional, encoding_of(kind))
    else:
        fix = "take `str`, `bytes` or `IO[bytes]`, or a Struct for a form"
        raise refuse(function, f"a body of {' or '.join(types)} cannot be `{hint}`: {fix}")
    return Content(kind, shown, types, most, is_optional)


def response_of(function: Callable[..., Any], hint: Any) -> Content | None:
    """Read the annotation of a response; return None if it has no Media."""
    media, kind = media_of(function, hint), bare(hint)
    is_stream = get_origin(kind) in STREAMS and get_args(kind)[0] in (bytes, str)
    if inspect.isgeneratorfunction(function) and not (media and is_stream):
        fix = 'write `-> Annotated[Iterator[str], Media("text/csv")]`, or return a list'
        raise refuse(function, f"it yields: {fix}")
    if media is None:
        return None
    if media.max_bytes:
        raise refuse(function, "`max_bytes` limits request bodies: remove it from the return type")
    if kind is not Response and (len(media.types) > 1 or "*" in media.types[0]):
        fix = "name one, or write `Annotated[Response, Media(…)]`"
        raise refuse(function, f"each response has one media type, not {media.types}: {fix}")
    if kind is str and not is_json(media.types[0]):
        check_type(function, "return", hint)
        return Content(kind, hint, media.types)
    if is_stream and get_args(kind)[0] is str:
        return Content(Iterator, str, media.types)
    if is_stream or kind in (bytes, Path, Response):
        shown = binary(function, hint, None)
        return Content(Iterator if is_stream else kind, shown, media.types)
    if is_json(media.types[0]):
        check_type(function, "return", hint)
        return Content(None, hint, media.types)
    fix = "return `str`, `bytes`, `Iterator[bytes]`, `Iterator[str]`, `Path` or `flask.Response`"
    raise refuse(function, f"a response of {media.types[0]} cannot be `{hint}`: {fix}")


def media_of(function: Callable[..., Any], hint: Any) -> Media | None:
    """Return the Media of an annotation or of a type in its union; return None without one."""
    kinds = list({id(kind): kind for kind in (hint, *members(hint))}.values())
    notes = [note for kind in kinds for note in getattr(kind, "__metadata__", ())]
    if Media in notes:
        raise refuse(function, 'Media has no media type: write `Media("text/csv")`')
    found = [note for note in notes if isinstance(note, Media)]
    if found[1:]:
        raise refuse(function, "several Media in one body: name all media types in one of them")
    return found[0] if found else None


def binary(function: Callable[..., Any], hint: Any, most: int | None) -> type[Upload]:
    """Return a type that the document shows as bytes."""
    if any(isinstance(note, msgspec.Meta) for note in getattr(hint, "__metadata__", ())):
        raise refuse(function, "Meta has no effect on bytes: use Media(…, max_bytes=…)")
    return type("Binary", (Upload,), {"max_bytes": most})


def show(function: Callable[..., Any], kind: Any, examples: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body's examples in OpenAPI's format; raise TypeError if one is not a valid body."""
    if examples and kind is None:
        raise refuse(function, "`examples` are bodies, and it takes no body: add `body: T`")
    shown = plain(function, "examples", examples)
    for name, example in shown.items():
        try:
            msgspec.convert(example, kind, dec_hook=dec_hook)
        except msgspec.ValidationError as error:
            raise refuse(function, f"the example `{name}` is not a valid body: {error}") from error
    return {"examples": {name: {"value": each} for name, each in shown.items()}} if shown else {}
