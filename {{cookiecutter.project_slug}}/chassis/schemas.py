"""Makes the JSON Schemas of the document, each type under one stable name."""

import inspect
from collections.abc import Sequence
from typing import Any

import msgspec
from flask import Response

from .operations import Operation

PLACE = "#/components/schemas/"


def types_of(operation: Operation) -> list[Any]:
    """Return the types that an operation takes, returns and raises."""
    types = [*operation.takes.values(), *operation.responses.types.values()]
    types += [error.model for error in operation.errors if hasattr(error, "model")]
    return [kind for kind in types if kind is not Response]


def schemas_of(types: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the schema of each type, and the named schemas that these refer to.

    A type is named after its class. If two classes have the same name, the first one keeps it, and
    the second one gets the name of its module, too: a new type renames no other.
    """
    made = msgspec.json.schema_components(types, ref_template=PLACE + "{name}")
    text = msgspec.json.encode(made)
    first: dict[str, str] = {}
    for name in made[1]:
        first.setdefault(name.rpartition(".")[2], name)
    for short, name in first.items():
        if short != name:  # msgspec gives each of them the name of its module
            for quoted in ('"%s":', f'"{PLACE}%s"'):
                text = text.replace((quoted % name).encode(), (quoted % short).encode())
    schemas, named = msgspec.json.decode(text)
    for schema in named.values():
        if "description" in schema:  # a docstring, which only Python 3.13 and newer unindent
            schema["description"] = inspect.cleandoc(schema["description"])
    return schemas, named
