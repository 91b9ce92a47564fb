"""Convert an error of msgspec to a fault, its path and the allowed values."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

# Steps of a path into a dict: msgspec's mark for a value, whose key it does not name, and our mark
# for a key.
VALUE, KEY = "[...]", "`key`"


def fault_of(error: msgspec.ValidationError, kind: Any) -> tuple[str, list[str]]:
    """Return the fault and the path of an error; the path can be empty.

    If an enum, a Literal or a tag in `kind` refused the value, the fault names the allowed values.
    "Expected `int`, got `str` - at `$.rows[0].n`": "Expected `int`, got `str`", ["rows", "0", "n"].
    """
    text, key, path = str(error), "", ""
    if at := re.fullmatch(r"(.*) - at (`key` in )?`\$([^`]*)`", text, re.DOTALL):
        text, key, path = at.groups()
    if refused := re.fullmatch(r"Invalid (?:enum )?value (.*)", text, re.DOTALL):
        steps = re.findall(r"\[\.\.\.\]|[^.\[\]]+", path) + [KEY] * bool(key)
        if allowed := allowed_at(inspect.type_info(kind), steps):
            text = f"Expected {' or '.join(map(repr, allowed))}, got {refused[1]}"
    known, unknown, _ = path.partition(VALUE)
    place = re.findall(r"[^.\[\]]+", known)
    if unknown or key:
        return f"{text} in a {'value' if unknown else 'key'} of the object", place
    if field := re.fullmatch(
        r"Object (?:missing required|contains unknown) field `(.*)`", text, re.DOTALL
    ):
        place.append(field[1])
    return text, place


def pointer_to(place: list[str]) -> str:
    """Return a JSON pointer: https://www.rfc-editor.org/rfc/rfc6901."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in place)


def allowed_at(kind: inspect.Type, steps: list[str]) -> list[Any]:
    """Return the values that the enums, literals and tags allow at a path in a type."""
    kinds = alternatives(kind)
    for step in steps:
        parts = {id(part): part for each in kinds for part in parts_of(each, step)}
        kinds = [each for part in parts.values() for each in alternatives(part)]
    allowed: list[Any] = []
    for each in kinds:
        if isinstance(each, inspect.EnumType):
            allowed += [member.value for member in each.cls]
        elif isinstance(each, inspect.LiteralType):
            allowed += each.values
    return allowed


def alternatives(kind: inspect.Type) -> list[inspect.Type]:
    if isinstance(kind, inspect.Metadata):
        return alternatives(kind.type)
    if isinstance(kind, inspect.UnionType):
        return [each for kind in kind.types for each in alternatives(kind)]
    return [kind]


def parts_of(kind: inspect.Type, step: str) -> Iterator[inspect.Type]:
    """Yield the types of a field, an item, a key or a value."""
    if isinstance(kind, inspect.DictType):
        yield kind.key_type if step == KEY else kind.value_type
    if isinstance(kind, inspect.TupleType):
        yield from (each for at, each in enumerate(kind.item_types) if str(at) == step)
    if hasattr(kind, "item_type"):
        yield kind.item_type
    yield from (each.type for each in getattr(kind, "fields", ()) if each.encode_name == step)
    if isinstance(kind, inspect.StructType) and step == kind.tag_field:
        yield inspect.LiteralType((kind.tag,))
