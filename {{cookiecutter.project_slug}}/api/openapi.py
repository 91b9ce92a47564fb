"""The OpenAPI document, made from the routes, and the page at /docs that shows it."""

import inspect
import re
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, current_app, send_from_directory
from werkzeug.routing import Rule

from .errors import Problem

TITLE = "{{ cookiecutter.__name }}"
DESCRIPTION = "{{ cookiecutter.__description }}"
VERSION = "0.1.0"

# The errors that an annotation brings with it; one that is not named here is of the path: 404.
ERRORS = {"body": ["400", "413", "415", "422"], "query": ["422"], "headers": ["422"], "return": []}
PROBLEM = {"$ref": "#/components/responses/Problem"}
HEADERS = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
HEADER = {"required": True, "schema": {"type": "string"}}
# Swagger UI draws its icons as data: images.
PAGE_POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"

openapi = Blueprint("openapi", __name__)
docs = Blueprint("docs", __name__, url_prefix="/docs")


@openapi.get("/openapi.json")
def get_openapi() -> Response:
    """Answer the document."""
    return Response(msgspec.json.encode(document(current_app)), mimetype="application/json")


@docs.get("")
@docs.get("/<any('init.js', 'swagger-ui-bundle.js', 'swagger-ui.css', 'favicon-32x32.png'):name>")
def get_docs(name: str = "index.html") -> Response:
    """Answer the page, or a file of it: ours, or one of Swagger UI's."""
    folder = Path(__file__).with_name("docs")
    if not (folder / name).exists():
        package = find_spec("flask_swagger_ui")  # found, not imported: its files are all we use
        folder = Path(package.origin).with_name("dist")  # type: ignore[union-attr, arg-type]
    response = send_from_directory(folder, name)
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response


def document(app: Flask) -> dict[str, Any]:
    """Describe every route that is an operation: https://spec.openapis.org/oas/v3.1.1.html."""
    rules = [(rule, app.view_functions[rule.endpoint]) for rule in app.url_map.iter_rules()]
    routes = [(rule, view) for rule, view in rules if hasattr(view, "hints")]
    types = [Problem, *(kind for _, view in routes for kind in view.hints.values())]
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

    problem = {"application/problem+json": {"schema": schemas[Problem]}}
    response = {"description": "What went wrong", "headers": HEADERS, "content": problem}
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "description": DESCRIPTION, "version": VERSION},
        "paths": paths,
        "components": {
            "responses": {"Problem": response},
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
    described = {
        "operationId": view.__name__,
        "tags": [rule.endpoint.split(".")[0]],
        "summary": summary,
        "description": description,
        "parameters": parameters,
        "requestBody": "body" in hints and {"required": True} | content["body"],
        "responses": {str(view.status): success | content.get("return", {})}
        | dict.fromkeys(sorted(errors), PROBLEM),
    }
    return {name: value for name, value in described.items() if value}
