"""Find statuses that an operation sends, but does not declare."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, Response, request

from chassis.routes import path_of


@contextmanager
def declared_statuses(app: Flask) -> Iterator[None]:
    """Fail at the end if an operation sent a status that is not declared. Ignore 500, a bug."""
    paths = app.extensions["document"]["paths"]
    undeclared: set[str] = set()

    @app.after_request
    def check(response: Response) -> Response:
        path = path_of(request.url_rule) if request.url_rule else ""
        method = "get" if request.method == "HEAD" else request.method.lower()
        operation = paths.get(path, {}).get(method)
        status = response.status_code
        if operation and status != 500 and str(status) not in operation["responses"]:
            undeclared.add(f"{request.method} {path} sends {status}")
        return response

    yield
    assert not undeclared, (
        f"{', '.join(sorted(undeclared))}: declare an error with @operation(errors=[…]), and a "
        "success in the function's return annotation"
    )
