"""Make the JSON Schemas of the OpenAPI document; give each type a stable name."""

import inspect
from collections.abc import Sequence
from typing import Any

import msgspec

from .media import schema_of

PLACE = "#/components/schemas/"


def schemas_of(types: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the schema of each type, and the named schemas to which the types refer.

    A type is named after its class. If two classes have the same name, the name of the second one
    starts with its module. So a new type does not rename an existing one.
    """
    try:
        made = msgspec.json.schema_components(
            types, ref_template=PLACE + "{name}", schema_hook=schema_of
        )
    except KeyError as error:  # for example, generic types whose classes have the same name
        raise TypeError(
            f"{error}: another type has this name in OpenAPI: rename a class"
        ) from error
    text = msgspec.json.encode(made)
    first: dict[str, str] = {}
    for name in made[1]:
        if name.endswith("_"):  # Page[list[Item]]: the name contains the module of Item
            continue
        first.setdefault(name.rpartition(".")[2], name)
    for short, name in first.items():
        if short != name:  # the class name is not unique, so msgspec adds the module
            for quoted in ('"%s":', f'"{PLACE}%s"'):
                text = text.replace((quoted % name).encode(), (quoted % short).encode())
    schemas, named = msgspec.json.decode(text)
    for schema in named.values():
        if "description" in schema:  # a docstring, which only Python 3.13 and newer unindent
            schema["description"] = inspect.cleandoc(schema["description"])
    return schemas, named


def is_text(schema: Any, types: dict[str, Any], *, is_list: bool) -> bool:
    """Return whether each type of a schema can be read from text; `is_list` allows a list."""
    schema = types.get(schema.get("$ref", "").rpartition("/")[2], schema)
    if schema.get("type") == "array":
        items = schema.get("prefixItems") or [schema.get("items") or {}]
        return is_list and all(is_text(item, types, is_list=False) for item in items)
    each = schema.get("anyOf", [])
    return schema.get("type") != "object" and all(is_text(x, types, is_list=is_list) for x in each)
