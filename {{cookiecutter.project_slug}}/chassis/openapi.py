"""Makes the OpenAPI document from the routes."""

import inspect
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask
from werkzeug.routing import Rule

from .errors import Error, Problem

# The error statuses of each part of a request; a parameter of the path adds 404.
ERRORS = {"body": ["400", "413", "415", "422"], "query": ["422"], "headers": ["422"], "return": []}
PROBLEM = {"$ref": "#/components/responses/Problem"}
HEADERS = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
HEADER = {"required": True, "schema": {"type": "string"}}


def document(app: Flask) -> dict[str, Any]:
    """Describe every route that is an operation: https://spec.openapis.org/oas/v3.1.1.html."""
    views: dict[str, Any] = app.view_functions
    rules = [(rule, views.get(rule.endpoint)) for rule in app.url_map.iter_rules()]
    routes: list[Any] = [(rule, view) for rule, view in rules if hasattr(view, "hints")]
    errors = [error.model for _, view in routes for error in view.errors]
    types = [Problem, *(kind for _, view in routes for kind in view.hints.values()), *errors]
    reference = "#/components/schemas/{name}"
    found, components = msgspec.json.schema_components(types, ref_template=reference)
    schemas = dict(zip(types, found, strict=True))
    for schema in components.values():
        if "description" in schema:  # a docstring, which only Python 3.13 and newer unindent
            schema["description"] = inspect.cleandoc(schema["description"])

    paths: dict[str, dict[str, Any]] = {}
    for rule, view in routes:
        path = paths.setdefault(re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule.rule), {})
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path[method.lower()] = describe(rule, view, schemas, components)

    return {
        "openapi": "3.1.0",
        "info": app.extensions["info"],
        "paths": paths,
        "components": {
            "responses": {"Problem": problem("An error", schemas[Problem])},
            "headers": {"X-Request-ID": HEADER},
            "schemas": components,
        },
    }


def describe(rule: Rule, view: Any, schemas: dict[Any, Any], components: Any) -> dict[str, Any]:
    """Describe an operation by its function: its name, docstring and annotations."""
    hints = view.hints
    summary, _, description = (inspect.getdoc(view) or "").partition("\n\n")
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": schemas[hints[name]]}
        for name in sorted(rule.arguments)
    ]
    for part, place in (("query", "query"), ("headers", "header")):
        if part in hints:
            kind = components[schemas[hints[part]]["$ref"].rpartition("/")[2]]
            for name, schema in kind["properties"].items():
                required = name in kind["required"]
                parameter = {"name": name, "in": place, "required": required, "schema": schema}
                if "description" in schema:
                    parameter["description"] = schema["description"]
                parameters.append(parameter)
    content = {
        name: {"content": {"application/json": {"schema": schemas[kind]}}}
        for name, kind in hints.items()
        if name in ("body", "return") and kind is not type(None)
    }
    success = {
        "description": HTTPStatus(view.status).phrase,
        "headers": HEADERS | dict.fromkeys(view.headers, HEADER),
    }
    errors = {code for name in hints for code in ERRORS.get(name, ["404"])} | {"default"}
    own = own_errors(view.errors, schemas, errors)
    described = {
        "operationId": view.__name__,
        "tags": [rule.endpoint.split(".")[0]],
        "summary": summary,
        "description": description,
        "parameters": parameters,
        "requestBody": "body" in hints and {"required": True} | content["body"],
        "responses": {str(view.status): success | content.get("return", {})}
        | dict.fromkeys(sorted(errors), PROBLEM)
        | own,
    }
    return {name: value for name, value in described.items() if value}


def own_errors(
    errors: Sequence[type[Error]], schemas: dict[Any, Any], others: set[str]
) -> dict[str, Any]:
    """Describe an operation's own error types by status; allow other problems where `others` has it."""
    described = {}
    for status in sorted({str(error.status) for error in errors}):
        same = [error for error in errors if str(error.status) == status]
        kinds = [schemas[error.model] for error in same]
        kinds += [schemas[Problem]] * (status in others)
        title = " or ".join(dict.fromkeys(error.title for error in same))
        described[status] = problem(title, {"anyOf": kinds} if kinds[1:] else kinds[0])
    return described


def problem(description: str, schema: Any) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": schema}}
    return {"description": description, "headers": HEADERS, "content": content}
