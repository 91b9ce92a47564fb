"""Read a dataclass from environment variables."""

import inspect
import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from .secret import as_text, is_secret

T = TypeVar("T")
# The words for JSON Schema's keywords and types in an error message.
WORDS = {
    "array": "a JSON array",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a JSON object",
    "string": "a string",
    "enum": "one of {}",
    "exclusiveMaximum": "less than {}",
    "exclusiveMinimum": "more than {}",
    "format": "in the format {}",
    "maximum": "at most {}",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "minLength": "at least {} characters",
    "multipleOf": "a multiple of {}",
    "pattern": "matching {}",
}


def read(cls: type[T], environ: Mapping[str, str]) -> T:
    """Return a dataclass whose fields are read from variables: `log_level` from LOG_LEVEL.

    If a variable is unset or empty, the field gets its default. Raises SystemExit with a line for
    each variable that is missing or invalid. Raises TypeError for a field that cannot be read.
    """
    __tracebackhide__ = True  # pytest would show the variables, including secrets
    given, faults = {}, []
    hints = check_fields(cls)
    for field in fields(cls):  # type: ignore[arg-type]
        name, kind = field.name.upper(), hints[field.name]
        try:
            schema = schema_of(kind)
        except TypeError as error:
            raise TypeError(f"{cls.__qualname__}.{field.name} cannot be read: {error}") from error
        if text := environ.get(name):
            try:
                given[field.name] = convert(text, kind, schema)
            except ValueError:
                hidden = is_secret(kind) or "properties" in schema or "$ref" in str(schema)
                shown = "…" if hidden else text
                faults.append(f"{name}={shown!r}: use {in_words(schema)}.")
        elif field.default is MISSING and field.default_factory is MISSING:
            faults.append(f"{name} is not set: use {in_words(schema)}.")
    if faults:
        raise SystemExit("\n".join(faults))
    return cls(**given)


def check_fields(cls: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields; raise TypeError if an attribute is not a field."""
    known = {field.name for field in fields(cls)}
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise TypeError(f"{cls.__qualname__}: {error}: import the type of the field") from error
    for each in cls.__mro__:
        for name in inspect.get_annotations(each):
            if name not in known | {"_"} and get_origin(hints[name]) is not ClassVar:
                add = "@dataclass(frozen=True, kw_only=True)"
                raise TypeError(f"{each.__qualname__}: add {add} above it, or `{name}` is not read")
        for name, value in vars(each).items():
            is_value = not (hasattr(value, "__get__") or isinstance(value, type))
            if name not in hints and name[0] != "_" and is_value:
                fix = f"write `{name}: {type(value).__name__} = {value!r}`"
                raise TypeError(f"{each.__qualname__}.{name} has no type, so it is not read: {fix}")
    return {name: without_none(hints[name]) for name in known}


def without_none(kind: Any) -> Any:
    """Remove None from a union, and resolve an alias or a NewType."""
    kind = getattr(kind, "__value__", getattr(kind, "__supertype__", kind))
    if get_origin(kind) not in (Union, UnionType):
        return kind
    return Union[tuple(each for each in get_args(kind) if each is not NoneType)]  # noqa: UP007


def schema_of(kind: Any) -> dict[str, Any]:
    """Return the JSON Schema of a field's type; a class such as Path is described as a string."""

    def name(each: type) -> dict[str, Any]:
        return {"type": "string", "description": f"a string for {each.__name__}"}

    schema = msgspec.json.schema(as_text(kind), schema_hook=name)
    definitions = schema.pop("$defs", {})
    found: dict[str, Any] = definitions.get(schema.pop("$ref", "").rpartition("/")[2], {})
    return schema | found


def convert(text: str, kind: Any, schema: dict[str, Any]) -> Any:
    """Convert a variable to the type of its field; raise ValueError if that fails."""

    def make(cls: type, given: Any) -> Any:
        if not isinstance(given, str):
            raise ValueError
        try:
            return cls(given)
        except Exception as error:  # such as ZoneInfo's KeyError
            raise ValueError from error

    if schema.get("type") in ("array", "object"):
        return msgspec.json.decode(text, type=kind, dec_hook=make)
    value = msgspec.convert(text, as_text(kind), strict=False, dec_hook=make)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError
    if isinstance(value, str) and is_secret(kind):
        return make(get_args(kind)[0] if get_origin(kind) is Annotated else kind, value)
    return value


def in_words(schema: dict[str, Any]) -> str:
    """Describe what a schema allows: its description if it has one, else its keywords."""
    if "description" in schema:
        return str(schema["description"])
    if "anyOf" in schema:
        return " or ".join(map(in_words, schema["anyOf"]))
    words = []
    for keyword, value in schema.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        words.append(WORDS.get(value if keyword == "type" else keyword, "").format(shown))
    return ", ".join(filter(None, words)) or "a string"
