"""Make the OpenAPI document of the routes: https://spec.openapis.org/oas/v3.1.1.html."""

import re
from posixpath import commonpath
from typing import Any

import msgspec
from flask import Flask, Response
from werkzeug.routing import Rule

from .describe import Describer
from .mistakes import refuse
from .operations import Operation
from .patch import merge
from .routes import methods_of, path_of
from .schemas import PLACE

METHODS = {"DELETE", "GET", "PATCH", "POST", "PUT", "TRACE"}
# The X-Request-ID that chassis/middleware.py sends.
REQUEST_ID = {"type": "string", "maxLength": 128, "pattern": "^[A-Za-z0-9_.:/+=-]+$"}


def document(app: Flask) -> dict[str, Any]:
    """Describe every route that is an operation; raise TypeError if OpenAPI cannot describe one."""
    views: dict[str, Any] = app.view_functions
    rules = [(rule, views.get(rule.endpoint)) for rule in app.url_map.iter_rules()]
    routes: list[Any] = [
        (rule, view)
        for rule, view in rules
        if hasattr(view, "operation") and not hasattr(view, "undocumented")
    ]
    needs = app.extensions["security"].needs
    describe = Describer([kind for _, view in routes for kind in types_of(view.operation)])
    paths: dict[str, dict[str, Any]] = {}
    ids: dict[str, str] = {}
    shapes: dict[str, Rule] = {}  # in OpenAPI, names of parameters do not distinguish paths
    for rule, view in routes:
        path = path_of(rule)
        same = shapes.setdefault(re.sub(r"{\w+}", "{}", path), rule)
        if path not in paths and same is not rule:
            fix = "give their parameters the same names, or set document=False on one"
            raise refuse(view, f"{same.rule} and {rule.rule} are one path in OpenAPI: {fix}")
        if not METHODS.issuperset(methods_of(rule)) or not methods_of(rule):
            methods = ", ".join(sorted(rule.methods or ()))
            raise refuse(view, f"OpenAPI cannot show {rule.rule} ({methods}): set document=False")
        for method in methods_of(rule):
            if method.lower() in paths.get(path, {}):
                fix = "serve one of them, or set document=False on it"
                raise refuse(view, f"{method} {path} is the path of two routes in OpenAPI: {fix}")
            operation = describe(rule, view, method, needs[rule.endpoint])
            paths.setdefault(path, {})[method.lower()] = operation
            name, route = operation["operationId"], f"{method} {rule.rule}"
            if (other := ids.setdefault(name, route)) != route:
                fix = "give one of them another `endpoint` or `operation_id`"
                raise refuse(view, f"{other} and {route} have the same id `{name}`: {fix}")
    components = {
        "responses": describe.responses,
        "headers": {"X-Request-ID": {"required": True, "schema": REQUEST_ID}},
        "schemas": describe.named,
        "securitySchemes": describe.schemes,
    }
    info, more = app.extensions["openapi"]
    made = {
        "openapi": "3.1.0",
        **info,
        "servers": [{"url": "/"}],  # get_openapi adds the prefix of a proxy
        "security": [],  # public, unless an operation declares a scheme
        "tags": tags_of(paths),
        "paths": paths,
        "components": {name: each for name, each in components.items() if each},
    }
    merged: dict[str, Any] = merge(more, made)
    drop_unused(merged, describe.named)
    return merged


def tags_of(paths: dict[str, dict[str, Any]]) -> list[dict[str, str]]:
    """Describe each tag by the path that its operations have in common."""
    tagged: dict[str, list[str]] = {}
    for path, operations in paths.items():
        for operation in operations.values():
            for tag in operation.get("tags", ()):
                tagged.setdefault(tag, []).append(path)
    return [
        {"name": tag, "description": f"Operations under {commonpath(below)}."}
        for tag, below in tagged.items()
    ]


def drop_unused(document: dict[str, Any], named: dict[str, Any]) -> None:
    """Remove unused schemas: the fields of queries and headers are copied into parameters."""
    schemas = document.get("components", {}).get("schemas", {})
    while True:
        used = set(re.findall(f'"{PLACE}([^"]+)"', msgspec.json.encode(document).decode()))
        if not (unused := (schemas.keys() & named.keys()) - used):
            return
        for name in unused:
            del schemas[name]


def types_of(operation: Operation) -> list[Any]:
    """Return the types that an operation takes, returns and raises."""
    types = [*operation.takes.values(), *operation.responses.types.values()]
    types += [error.model for error in operation.errors if hasattr(error, "model")]
    return [kind for kind in types if kind is not Response]
