"""Refuses mistakes in views when the program starts, because each would be a 500 in production."""

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec
from flask import Flask, Response

# The parameters of a view that are not in the path.
PARTS = {"body", "query", "headers", "return"}


def refuse(function: Callable[..., Any], mistake: str) -> TypeError:
    return TypeError(f"{function.__module__}.{function.__qualname__}: {mistake}")


def read_signature(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of an operation's parameters and of what it returns, by name.

    Raises TypeError for a mistake, with the function's name and the correction.
    """
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise refuse(function, "it is `async`, but gunicorn's workers are threads: use `def`")
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise refuse(function, f"`{parameter}` has no name in a request: name each parameter")
        if parameter.default is not parameter.empty:
            mistake = f"the default of `{name}` is never used: "
            fix = "make it a field of a type `Q(Input)`, and take `query: Q`"
            raise refuse(function, mistake + fix)
        if name not in hints:
            raise refuse(function, f"`{name}` has no type: write `{name}: str`, or another type")
    if "return" not in hints:
        raise refuse(function, "it does not declare what it returns: add `-> T` or `-> None`")
    if hints["return"] is Response:
        hints["return"] = type(None)
    for name, kind in hints.items():
        try:
            msgspec.json.Decoder(kind)  # here, because two threads must not meet a type first
            schema = msgspec.json.schema(kind)
        except TypeError as error:
            raise refuse(function, f"msgspec cannot use the type of `{name}`: {error}") from error
        if name in ("query", "headers") and "$ref" not in schema:
            raise refuse(function, f"the type of `{name}` has no fields: use a msgspec.Struct")
    return hints


def check_routes(app: Flask) -> None:
    """Raise TypeError if a route and its view do not fit each other."""
    for rule in app.url_map.iter_rules():
        view: Any = app.view_functions[rule.endpoint]
        if hasattr(view, "operation"):
            raise refuse(view, "@operation() has no effect above the route: put it below")
        if not hasattr(view, "hints"):
            continue
        wanted = view.hints.keys() - PARTS
        for name in sorted(rule.arguments - wanted):
            raise refuse(view, f"{rule.rule} has `{name}`: add the parameter `{name}: str`")
        for name in sorted(wanted - rule.arguments):
            raise refuse(view, f"`{name}` is not in {rule.rule}: add <{name}>, or take `query: T`")
