"""Every error is application/problem+json: https://www.rfc-editor.org/rfc/rfc9457."""

import msgspec
from flask import Flask, Response
from msgspec import UNSET, UnsetType
from werkzeug.exceptions import HTTPException, UnprocessableEntity


class Fault(msgspec.Struct, omit_defaults=True):
    """What is wrong in a request, and where: a JSON pointer into the body, or a parameter's name."""

    detail: str
    pointer: str | UnsetType = UNSET
    parameter: str | UnsetType = UNSET


class Problem(msgspec.Struct, kw_only=True):
    """An error, as RFC 9457 describes it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Fault] | UnsetType = UNSET


class Invalid(UnprocessableEntity):
    """The request is well-formed, but a value in it is not allowed: 422, with the place."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.detail} at {fault.pointer or fault.parameter or 'the top'}")
        self.errors = [fault]


def register_errors(app: Flask) -> None:
    """Answer every HTTPException with a problem.

    That is every error but a response that a view makes itself: of any other exception Flask makes
    an InternalServerError, and logs its stack; its text never reaches the caller.
    """
    app.register_error_handler(HTTPException, to_problem)


def to_problem(error: HTTPException) -> Response | HTTPException:
    """Keep the error's status and headers (Allow, Retry-After); replace its page with a problem."""
    if error.code is None or error.code < 400:
        return error
    problem = Problem(
        title=error.name,
        status=error.code,
        detail=error.description or error.name,
        errors=getattr(error, "errors", UNSET),
    )
    headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    return Response(
        msgspec.json.encode(problem), error.code, headers, content_type="application/problem+json"
    )
