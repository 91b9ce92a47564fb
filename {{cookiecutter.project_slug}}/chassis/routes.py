"""Check, when the application is complete, that each route matches its view."""

import inspect
import re
from importlib.util import find_spec
from typing import Any
from uuid import UUID

from flask import Flask
from werkzeug.routing import Rule

from .checks import PARTS, bare
from .mistakes import name_of, refuse

# The types that Flask's converters return; all others return str.
CONVERTERS = {"int": int, "float": float, "uuid": UUID}
# The attributes that decorators set on a view.
MARKS = {"operation", "security", "undocumented"}


def methods_of(rule: Rule) -> list[str]:
    """Return the methods of a route that its view serves."""
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def path_of(rule: Rule) -> str:
    """Return a route's path as OpenAPI writes it: /items/{item_id}."""
    return re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule.rule)


def id_of(rule: Rule, method: str) -> str:
    """Return an operation's id: its endpoint, and the method if the view serves several."""
    name = rule.endpoint.replace(".", "_")
    return name if methods_of(rule) == [method] else f"{name}_{method.lower()}"


def check_routes(app: Flask) -> None:
    """Raise TypeError if a route does not match its view, or two views serve the same route."""
    served: dict[tuple[str, str], Any] = {}
    for rule in app.url_map.iter_rules():
        view: Any = app.view_functions.get(rule.endpoint)
        if not view:  # a redirect, for example
            continue
        for method in methods_of(rule):
            if (other := served.setdefault((rule.rule, method), view)) is not view:
                mistake = f"{name_of(other)} serves {method} {rule.rule} too: remove one"
                raise refuse(view, mistake)
        if hasattr(view, "is_wrapped"):
            raise refuse(view, "@operation() has no effect above the route: put it below")
        for method in vars(getattr(view, "view_class", object)).values():
            function = getattr(method, "__func__", method)  # of a staticmethod
            if inspect.isfunction(function) and vars(function).keys() & MARKS:
                fix = "write a function, or set `decorators` in the class"
                raise refuse(function, f"this decorator has no effect on a method of a view: {fix}")
        if hasattr(view, "operation"):
            check_path(rule, view)
        elif inspect.iscoroutinefunction(view) and not find_spec("asgiref"):
            raise refuse(view, "it is `async`, which Flask serves only with asgiref: use `def`")


def check_path(rule: Rule, view: Any) -> None:
    """Raise TypeError if an operation's parameters are not those of its path."""
    takes = view.operation.takes
    wanted = takes.keys() - PARTS
    for name in sorted(rule.arguments & PARTS):
        raise refuse(view, f"{rule.rule} has `{name}`, a reserved name: rename it")
    for name in sorted(rule.arguments - wanted):
        raise refuse(view, f"{rule.rule} has `{name}`: add the parameter `{name}: str`")
    for name in sorted(wanted - rule.arguments):
        raise refuse(view, f"`{name}` is not in {rule.rule}: add <{name}>, or take `query: T`")
    if "body" in takes and "GET" in methods_of(rule):
        raise refuse(view, "a GET request has no body: take `query: T`, or serve POST")
    for converter, name in re.findall(r"<(\w+)(?:\([^>]*\))?:(\w+)>", rule.rule):
        hint, made = takes[name], CONVERTERS.get(converter)
        base = bare(hint)
        if made and base is not made:
            fix = f"write `{name}: {made.__name__}`, or <{name}> in the path"
            named = base.__name__ if isinstance(base, type) else base
            raise refuse(view, f"<{converter}:{name}> is not of the type {named}: {fix}")
