"""Check a view when its module is imported, so that a mistake raises TypeError at startup."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import structs
from werkzeug.exceptions import HTTPException

from .media import refuse_file
from .mistakes import name_of, reason, refuse
from .schemas import is_text
from .values import dec_hook, refused

# View parameters that do not come from the path.
PARTS = {"body", "query", "headers"}
# OpenAPI ignores header parameters with these names: https://spec.openapis.org/oas/v3.1.1.html#parameter-object
IGNORED = {
    "authorization": "declare a security scheme (chassis/security.py)",
    "accept": "read flask.request.accept_mimetypes",
    "content-type": "read flask.request.content_type",
}


def bare(hint: Any) -> Any:
    """Return a type without its annotations."""
    return bare(get_args(hint)[0]) if get_origin(hint) is Annotated else hint


def members(hint: Any) -> list[Any]:
    """Return the types in a union, or the type itself; follow aliases (`type X = …`)."""
    if len(inner := members(bare(hint)) if bare(hint) is not hint else []) > 1:
        return inner
    origin = get_origin(hint)
    if hasattr(origin, "__value__"):
        return members(origin.__value__[get_args(hint)])
    if hasattr(hint, "__value__"):
        return members(hint.__value__)
    if origin in (Union, UnionType):
        return [member for each in get_args(hint) for member in members(each)]
    return [hint]


def read_signature(function: Callable[..., Any]) -> tuple[dict[str, Any], Any]:
    """Return the types of an operation's parameters, by name, and its return type.

    Raises TypeError for a mistake; the message names the function and the correction.
    """
    if not inspect.isfunction(function):
        raise refuse(function, "it is not a function: write one with `def`")
    if hasattr(function, "operation"):
        raise refuse(function, "it is an operation already: remove one @operation()")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise refuse(function, "it is `async`, but the server runs views in threads: use `def`")
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception as error:  # an annotation in a string can raise any error
        fix = "import the type, or define it, at the top of the module, not under TYPE_CHECKING"
        raise refuse(function, f"{error}: {fix}") from error
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "self":
            raise refuse(function, "it is a method: write a function")
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise refuse(function, f"a request cannot fill `{parameter}`: name each parameter")
        if parameter.default is not parameter.empty:
            mistake = f"the default of `{name}` is never used: "
            fix = "declare `class Q(Input)` with this field, and take `query: Q`"
            if name in PARTS:
                body = name == "body"
                fix = (
                    "write `body: T | None`" if body else "give defaults to the fields of its type"
                )
            raise refuse(function, mistake + fix)
        if name not in hints:
            raise refuse(function, f"`{name}` has no type: write `{name}: str`, or another type")
        if name != "body":  # chassis/content.py
            check_type(function, name, hints[name])
    if "return" not in hints:
        raise refuse(function, "it does not declare what it returns: add `-> T` or `-> None`")
    return hints, hints.pop("return")


def check_type(function: Callable[..., Any], name: str, kind: Any) -> None:
    """Raise TypeError if a parameter or a return value cannot have this type."""
    try:
        # At import, because msgspec can crash if two threads first use a type concurrently.
        msgspec.json.Decoder(kind, dec_hook=dec_hook)
        schema = msgspec.json.schema(kind, schema_hook=refuse_file)
    except TypeError as error:
        fix = "; use a msgspec.Struct, or read it from flask.request"
        if name == "return":
            fix = "; for another media type, add chassis.Media; else write `-> flask.Response`"
        elif name not in PARTS:
            fix = "; use one value, such as `str` or `int`, or read it from flask.request"
        why = reason(error)  # a reason on the first line has the correction
        fix = "" if str(error).startswith(why) else fix
        mistake = f"msgspec cannot use the type of `{name}`: {why}{fix}"
        raise refuse(function, mistake) from error
    for place, fix in [] if name == "return" else refused(kind, name):
        raise refuse(function, f"`{place}` can have values that cannot be stored: {fix}")
    types = schema.get("$defs", {})
    fields = types.get(schema.get("$ref", "")[8:], {}).get("properties")
    if name in ("query", "headers"):
        for field, part in (fields or {}).items():
            if not is_text(part, types, is_list=name == "query"):
                fix = "use one value" + ", or a list of values" * (name == "query")
                raise refuse(function, f"`{field}` in `{name}` cannot be read from text: {fix}")
    if name == "query" and fields is None:
        raise refuse(function, "the type of `query` has no fields: use a msgspec.Struct")
    if name == "headers":
        if fields is None or not (inspect.isclass(kind) and issubclass(kind, msgspec.Struct)):
            raise refuse(function, "the type of `headers` must be a msgspec.Struct")
        for field in structs.fields(kind):
            if fix := IGNORED.get(field.encode_name.lower(), ""):
                raise refuse(function, f"OpenAPI ignores the header {field.encode_name}: {fix}")
            if not re.fullmatch(r"[a-zA-Z0-9-]+", field.encode_name):
                fix = 'use letters, digits and hyphens, as in `class H(Struct, rename="kebab")`'
                raise refuse(function, f"servers drop the header {field.encode_name}: {fix}")
    many = (
        fields is not None
        or schema.get("type") in ("array", "object")
        or type(None) in members(kind)
    )
    if many and name not in {*PARTS, "return"}:
        raise refuse(function, f"`{name}` is in the path: use one value, such as `str` or `int`")


def check_options(function: Callable[..., Any], status: Any, headers: Any, errors: Any) -> None:
    """Raise TypeError if an option of @operation() has a wrong type, or if an error is invalid."""
    if not isinstance(status, int | None):
        raise refuse(function, f"`status` is {status!r}: write a number, such as `status=201`")
    if not isinstance(headers, Mapping):
        fix = 'write a dict of functions, such as `headers={"Location": url_of}`'
        raise refuse(function, f"`headers` is {headers!r}: {fix}")
    if isinstance(errors, str) or not isinstance(errors, Iterable):
        raise refuse(function, f"`errors` is {errors!r}: write a list, such as `errors=[404]`")
    for error in errors:
        is_type = isinstance(error, type) and issubclass(error, HTTPException)
        if (error.code if is_type else error) not in range(400, 600):
            fix = "name a status from 400 to 599, or a subclass of chassis.Error"
            raise refuse(function, f"`errors` has {error!r}: {fix}")
        try:
            msgspec.json.schema(getattr(error, "model", None))
        except TypeError as cause:
            mistake = f"a member of {name_of(error)} cannot be JSON: {reason(cause)}"
            raise refuse(function, f"{mistake}; use a msgspec.Struct") from cause
