"""Refuses mistakes in views when the program starts, before a request meets them."""

import inspect
import re
from collections.abc import Callable
from importlib.util import find_spec
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from flask import Flask, Response
from werkzeug.routing import Rule

# The parameters of a view that are not in the path.
PARTS = {"body", "query", "headers", "return"}
# What Flask's converters make of a part of the path; the others make a text of it.
CONVERTERS = {"int": int, "float": float, "uuid": UUID}


def refuse(function: Any, mistake: str) -> TypeError:
    name = getattr(function, "__qualname__", repr(function))
    return TypeError(f"{getattr(function, '__module__', '')}.{name}: {mistake}")


def read_signature(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of an operation's parameters and of what it returns, by name.

    Raises TypeError for a mistake, with the function's name and the correction.
    """
    if not inspect.isfunction(function):
        raise refuse(function, "it is not a function: write one with `def`")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise refuse(function, "it is `async`, but the server runs views in threads: use `def`")
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise refuse(function, f"{error}: import the type, not under TYPE_CHECKING") from error
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "self":
            raise refuse(function, "it is a method: write a function")
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise refuse(function, f"a request cannot fill `{parameter}`: name each parameter")
        if parameter.default is not parameter.empty:
            mistake = f"the default of `{name}` is never used: "
            fix = "declare `class Q(Input)` with this field, and take `query: Q`"
            raise refuse(function, mistake + fix)
        if name not in hints:
            raise refuse(function, f"`{name}` has no type: write `{name}: str`, or another type")
    if "return" not in hints:
        raise refuse(function, "it does not declare what it returns: add `-> T` or `-> None`")
    if hints["return"] is Response:
        hints["return"] = type(None)
    for name, kind in hints.items():
        check_type(function, name, kind)
    return hints


def check_type(function: Callable[..., Any], name: str, kind: Any) -> None:
    """Raise TypeError if a parameter, or what is returned, cannot have this type."""
    try:
        msgspec.json.Decoder(kind)  # at import: two threads must not meet a type first
        schema = msgspec.json.schema(kind)
    except TypeError as error:
        fix = "; for a response of your own, write `-> flask.Response`" * (name == "return")
        reason = str(error).partition("\n")[0]
        raise refuse(function, f"msgspec cannot use the type of `{name}`: {reason}{fix}") from error
    fields = "properties" in schema.get("$defs", {}).get(schema.get("$ref", "")[8:], {})
    if name == "query" and not fields:
        raise refuse(function, "the type of `query` has no fields: use a msgspec.Struct")
    if name == "headers" and not (inspect.isclass(kind) and issubclass(kind, msgspec.Struct)):
        raise refuse(function, "the type of `headers` must be a msgspec.Struct")
    if name not in PARTS and (fields or schema.get("type") in ("array", "object")):
        raise refuse(function, f"`{name}` is in the path: use one value, such as `str` or `int`")


def check_routes(app: Flask) -> None:
    """Raise TypeError if a route and its view do not fit each other, or two routes are the same."""
    served: dict[tuple[str, str], Any] = {}
    for rule in app.url_map.iter_rules():
        view: Any = app.view_functions.get(rule.endpoint)
        if not view:  # a redirect, for example
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if served.setdefault((rule.rule, method), view) is not view:
                raise refuse(view, f"another view serves {method} {rule.rule} too: remove one")
        if hasattr(view, "operation"):
            raise refuse(view, "@operation() has no effect above the route: put it below")
        if hasattr(view, "hints"):
            check_path(rule, view)
        elif inspect.iscoroutinefunction(view) and not find_spec("asgiref"):
            raise refuse(view, "it is `async`, which Flask serves only with asgiref: use `def`")


def check_path(rule: Rule, view: Any) -> None:
    """Raise TypeError if an operation's parameters are not those of its path."""
    wanted = view.hints.keys() - PARTS
    for name in sorted(rule.arguments - wanted):
        raise refuse(view, f"{rule.rule} has `{name}`: add the parameter `{name}: str`")
    for name in sorted(wanted - rule.arguments):
        raise refuse(view, f"`{name}` is not in {rule.rule}: add <{name}>, or take `query: T`")
    for converter, name in re.findall(r"<(\w+)(?:\([^>]*\))?:(\w+)>", rule.rule):
        hint, made = view.hints[name], CONVERTERS.get(converter)
        base = get_args(hint)[0] if get_origin(hint) is Annotated else hint
        if made and base is not made:
            fix = f"write `{name}: {made.__name__}`, or <{name}> in the path"
            raise refuse(view, f"<{converter}:{name}> gives no {base.__name__}: {fix}")
