"""Describe an operation for the OpenAPI document, from the declarations of its view."""

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flask import Response
from werkzeug.routing import Rule

from .content import Content
from .errors import Problem
from .operations import Operation
from .parts import HEADER, HEADERS, OPTIONAL, phrase, problem
from .patch import merge
from .routes import id_of, path_of
from .schemas import schemas_of
from .security import Scheme

# Every operation can return 400 (an invalid Host header) and 500 (a bug), so both are documented.
ALWAYS = {400, 500}
# The error statuses that each part of a request can cause; a path parameter can cause 404.
ERRORS = {"body": (400, 413, 415, 422), "query": (422,), "headers": (422,)}
DEFAULT = Content(None, None)  # JSON


class Describer:
    """Describe operations, and collect the components that their descriptions refer to."""

    def __init__(self, types: list[Any]) -> None:
        types = [Problem, *types]
        schemas, self.named = schemas_of(types)
        # The keys are ids, because an annotation that contains a list is not hashable.
        self.schemas = {id(kind): schema for kind, schema in zip(types, schemas, strict=True)}
        self.responses: dict[str, Any] = {}
        self.schemes: dict[str, Any] = {}

    def __call__(
        self, rule: Rule, view: Any, method: str, needed: Iterable[Scheme[Any]]
    ) -> dict[str, Any]:
        """Describe an operation from its view's name, docstring and annotations."""
        operation: Operation = view.operation
        text = inspect.getdoc(view) or view.__name__.replace("_", " ").capitalize()
        summary, _, description = text.partition("\n\n")
        self.schemes |= {scheme.name: scheme.described for scheme in needed}
        described = {
            "operationId": id_of(rule, method),
            "tags": rule.endpoint.split(".")[:-1] or ["default"],  # its blueprints
            "summary": summary,
            "description": description or summary,
            "security": [{scheme.name: list(scheme.scopes)} for scheme in needed],
            "parameters": self.parameters(rule, operation, method),
            "responses": self.successes(operation, method) | self.errors(operation, needed),
        }
        if body := operation.body:
            content = body.described(self.schema(body.shown), **operation.examples)
            described["requestBody"] = {"required": not body.is_optional, "content": content}
        described = {name: value for name, value in described.items() if value}
        merged: dict[str, Any] = merge(operation.openapi, described)
        return merged

    def schema(self, kind: Any) -> Any:
        return self.schemas[id(kind)]

    def parameters(self, rule: Rule, operation: Operation, method: str) -> list[Any]:
        takes = operation.takes
        parameters = [
            {"name": name, "in": "path", "required": True, "schema": self.schema(takes[name])}
            for name in re.findall(r"{(\w+)}", path_of(rule))
        ]
        for part, place in (("query", "query"), ("headers", "header")):
            if part in takes:
                kind = self.named[self.schema(takes[part])["$ref"].rpartition("/")[2]]
                for name, schema in kind["properties"].items():
                    required = name in kind["required"]
                    parameter = {"name": name, "in": place, "required": required, "schema": schema}
                    if "description" in schema:
                        parameter["description"] = schema["description"]
                    parameters.append(parameter)
        if method == "GET" and "ETag" in operation.responses.headers:
            # The schema has no maxLength, because only gunicorn limits this header.
            schema = {"type": "string", "format": "etag"}
            parameters.append({"name": "If-None-Match", "in": "header", "schema": schema})
        return parameters

    def successes(self, operation: Operation, method: str) -> dict[str, Any]:
        described = {}
        responses = operation.responses
        made = {
            name: OPTIONAL if name in responses.optional else HEADER for name in responses.headers
        }
        for status, kind in responses.types.items():
            response = {"description": phrase(status), "headers": HEADERS}
            if kind not in (type(None), Response):
                response["headers"] = HEADERS | made
                content = responses.contents.get(status, DEFAULT)
                response["content"] = content.described(self.schema(kind))
                if content.kind is Path and method == "GET":  # a range, or not modified
                    described["206"] = response | {"description": phrase(206)}
                    described["304"] = {"description": phrase(304), "headers": HEADERS}
            described[str(status)] = response
        if method == "GET" and "ETag" in made:
            headers = HEADERS | {"ETag": made["ETag"]}
            described["304"] = {"description": phrase(304), "headers": headers}
        return described

    def errors(self, operation: Operation, needed: Iterable[Scheme[Any]]) -> dict[str, Any]:
        """Describe the errors of an operation by status, including its own error types."""
        statuses = ALWAYS | ({401} if needed else set())
        statuses |= {403 for scheme in needed if scheme.scopes}
        statuses |= {error for scheme in needed for error in scheme.errors}
        for name, kind in operation.takes.items():
            statuses |= {*ERRORS.get(name, (404,)), *getattr(kind, "raises", ())}
        if Path in [content.kind for content in operation.responses.contents.values()]:
            statuses |= {404, 416}
        own: dict[int, list[Any]] = {}
        for error in operation.errors:
            if hasattr(error, "model"):
                own.setdefault(error.status, []).append(error)
            else:
                statuses.add(getattr(error, "code", error))
        described = {str(status): self.shared(status) for status in statuses}
        for status, same in own.items():
            kinds = [self.schema(error.model) for error in same]
            kinds += [self.schema(Problem)] * (status in statuses)
            title = " or ".join(dict.fromkeys(error.title for error in same))
            schema = {"anyOf": kinds} if kinds[1:] else kinds[0]
            described[str(status)] = problem(title, status, schema)
        return dict(sorted(described.items()))

    def shared(self, status: int) -> dict[str, str]:
        """Return a reference to the shared response for a status; its content is a Problem."""
        name = re.sub(r"\W", "", phrase(status))
        self.responses[name] = problem(phrase(status), status, self.schema(Problem))
        return {"$ref": f"#/components/responses/{name}"}
