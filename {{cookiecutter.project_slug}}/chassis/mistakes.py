"""Refuse a mistake in a declaration with a TypeError that names the function and the correction."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

V = TypeVar("V", bound=Callable[..., Any])


def name_of(function: Any) -> str:
    if not (name := getattr(function, "__qualname__", "")):
        return repr(function)
    module = getattr(function, "__module__", "")  # `str.upper` has none
    return f"{module}.{name}" if module else name


def reason(error: TypeError) -> str:
    """Return one line of msgspec's message; for an unsupported type, the line that names it."""
    lines = str(error).splitlines()
    return lines[-1] if lines[0].endswith(":") else lines[0]


def refuse(function: Any, mistake: str) -> TypeError:
    return TypeError(f"{name_of(function)}: {mistake}")


def plain(function: Any, name: str, value: Any) -> dict[str, Any]:
    """Convert a dict to JSON types; raise TypeError if it is not a dict or cannot be JSON."""
    try:
        return msgspec.convert(msgspec.to_builtins(value, str_keys=True), dict[str, Any])
    except (TypeError, msgspec.ValidationError) as error:
        raise refuse(function, f"`{name}` cannot be an object in JSON: {error}") from error


def mark(view: V, decorator: str, **marks: Any) -> V:
    """Set attributes of a view; raise TypeError for a class."""
    if isinstance(view, type):
        raise refuse(view, f"it is a class: set `decorators = [{decorator}]` in it")
    for name, value in marks.items():
        if getattr(view, name, value) != value:
            raise refuse(view, f"its `{name}` is declared twice: remove one")
    vars(view).update(marks)
    return view
