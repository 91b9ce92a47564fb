"""Makes the OpenAPI document of the routes: https://spec.openapis.org/oas/v3.1.1.html."""

from typing import Any

from flask import Flask

from .checks import refuse
from .describe import HEADER, Describer
from .patch import merge
from .routes import methods_of, path_of


def document(app: Flask) -> dict[str, Any]:
    """Describe every route that is an operation; raise TypeError if two have the same id."""
    views: dict[str, Any] = app.view_functions
    rules = [(rule, views.get(rule.endpoint)) for rule in app.url_map.iter_rules()]
    routes: list[Any] = [
        (rule, view)
        for rule, view in rules
        if hasattr(view, "operation") and not hasattr(view, "undocumented")
    ]
    needs = app.extensions["security"].needs
    describe = Describer([view.operation for _, view in routes], any(needs.values()))
    paths: dict[str, dict[str, Any]] = {}
    ids: dict[str, str] = {}
    for rule, view in routes:
        path = path_of(rule)
        for method in methods_of(rule):
            operation = describe(rule, view, method, needs[rule.endpoint])
            paths.setdefault(path, {})[method.lower()] = operation
            name, route = operation["operationId"], f"{method} {rule.rule}"
            if (other := ids.setdefault(name, route)) != route:
                fix = "give one of them another `endpoint` or `operation_id`"
                raise refuse(view, f"{other} and {route} have the same id `{name}`: {fix}")
    components = {
        "responses": describe.responses,
        "headers": {"X-Request-ID": HEADER},
        "schemas": describe.named,
        "securitySchemes": describe.schemes,
    }
    made = {
        "openapi": "3.1.0",
        "info": {},
        "paths": paths,
        "components": {name: each for name, each in components.items() if each},
    }
    merged: dict[str, Any] = merge(app.extensions["openapi"], made)
    return merged
