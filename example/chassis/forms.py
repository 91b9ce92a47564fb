"""Declare and read a form; large files in it are kept on disk."""

from collections.abc import Callable, Iterable
from typing import IO, Any, get_args

import msgspec
from flask import request
from msgspec import structs
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.formparser import default_stream_factory

from .checks import bare, members
from .errors import Fault, Invalid
from .faults import fault_of, pointer_to
from .media import MULTIPART, Upload, read_file, schema_of
from .mistakes import reason, refuse
from .requests import single
from .schemas import is_text
from .values import dec_hook, not_finite, refused


def files_of(kind: Any) -> dict[str, list[Any]]:
    """Return the types of the files in each field of a form."""
    found = {}
    for field in structs.fields(kind):
        kinds = [bare(kind) for kind in members(field.type)]
        kinds += [bare(each) for kind in kinds for part in get_args(kind) for each in members(part)]
        files = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Upload)]
        if files:
            found[field.encode_name] = files
    return found


def check_form(function: Callable[..., Any], kind: Any, most: int, types: Iterable[str]) -> None:
    """Raise TypeError for a field that cannot be read from a form."""
    try:
        # At import, because msgspec can crash if two threads first use a type concurrently.
        msgspec.json.Decoder(kind, dec_hook=dec_hook)
        types_of = msgspec.json.schema(kind, schema_hook=schema_of)["$defs"]
    except TypeError as error:
        fix = "use one value, a list of values, or a subclass of chassis.Upload"
        why = f"msgspec cannot use the type of `body`: {reason(error)}"
        raise refuse(function, f"{why}; {fix}") from error
    for place, fix in refused(kind, "body"):
        raise refuse(function, f"`{place}` can have values that cannot be stored: {fix}")
    for name, part in types_of[kind.__name__]["properties"].items():
        if not is_text(part, types_of, is_list=True):
            fix = "use one value, or a list of values"
            raise refuse(function, f"`{name}` in a form cannot be read from text: {fix}")
    for name, files in files_of(kind).items():
        if {*types} != {MULTIPART}:
            raise refuse(function, f"`{name}` is a file: name {MULTIPART} alone in Media(…)")
        if max(file.max_bytes or 0 for file in files) > most:
            fix = "give Media(…) a `max_bytes` that is larger, for the whole body"
            raise refuse(function, f"the file `{name}` has a `max_bytes`: {fix}")


def encoding_of(kind: Any) -> dict[str, Any]:
    """Return the media types of a form's files: https://spec.openapis.org/oas/v3.1.1.html#encoding-object"""
    return {
        name: {"contentType": ", ".join({each: 0 for file in files for each in file.media_types})}
        for name, files in files_of(kind).items()
    }


def read_form(kind: Any, lists: set[str]) -> Any:
    """Read the fields and files of a form; Flask closes the files after the response."""
    files: list[IO[bytes]] = []

    def keep(*arguments: Any, **options: Any) -> IO[bytes]:
        files.append(default_stream_factory(*arguments, **options))
        return files[-1]

    parser = request.make_form_data_parser()
    parser.stream_factory, parser.silent = keep, False
    parts = (request.mimetype, request.content_length, request.mimetype_params)
    try:
        _, form, uploads = parser.parse(request.stream, *parts)
    except BaseException as error:
        for file in files:
            file.close()
        if isinstance(error, ValueError):
            raise BadRequest(f"The body is not a valid form: {error}.") from error
        if getattr(error, "description", "") == RequestEntityTooLarge.description:
            count, size = request.max_form_parts, request.max_form_memory_size
            detail = f"The form has more than {count} parts, or a text of more than {size} bytes."
            raise RequestEntityTooLarge(detail) from error
        raise
    vars(request).update(form=form, files=uploads)  # closed with the request
    given: MultiDict[str, Any] = MultiDict(form)
    for name, upload in uploads.items(multi=True):
        if upload.filename:  # browsers send a file without a name if none was chosen
            given.add(name, upload)
    return convert(single(given, lists), kind)


def convert(given: Any, kind: Any) -> Any:
    try:
        made = msgspec.convert(given, kind, strict=False, dec_hook=read_field)
    except msgspec.ValidationError as error:
        detail, place = fault_of(error, kind)
        raise Invalid(Fault(detail, pointer=pointer_to(place))) from error
    for name in not_finite(made) if isinstance(made, msgspec.Struct) else ():
        raise Invalid(Fault("Expected a finite number", pointer=pointer_to([name])))
    return made


def read_field(kind: Any, given: Any) -> Any:
    return (read_file if issubclass(kind, Upload) else dec_hook)(kind, given)
