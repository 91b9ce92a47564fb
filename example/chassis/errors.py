"""Return every error as a problem, in the format of https://www.rfc-editor.org/rfc/rfc9457."""

from inspect import get_annotations
from typing import Annotated, Any, ClassVar, Literal, get_type_hints

import msgspec
from flask import Flask, Response
from msgspec import UNSET, Meta, UnsetType
from werkzeug.exceptions import HTTPException, UnprocessableEntity

# Maximum length of a detail, and of a fault's texts, which repeat parts of the request.
DETAIL, FAULT = 1000, 200
Short = Annotated[str, Meta(max_length=FAULT)]
Url = Annotated[str, Meta(max_length=2000, extra_json_schema={"format": "uri-reference"})]


def cut(text: str, most: int) -> str:
    """Shorten a text to `most` characters, with "…" at the end; do not split a pointer's ~0."""
    return text if len(text) <= most else text[: most - 1].removesuffix("~") + "…"


class Fault(msgspec.Struct, omit_defaults=True):
    """A fault in a request, and its place: a JSON pointer into the body, or a parameter's name."""

    detail: Short
    pointer: Short | UnsetType = UNSET
    parameter: Short | UnsetType = UNSET

    def __post_init__(self) -> None:
        self.detail = cut(self.detail, FAULT)
        self.pointer = self.pointer and cut(self.pointer, FAULT)
        self.parameter = self.parameter and cut(self.parameter, FAULT)


class Problem(msgspec.Struct, kw_only=True):
    """An error in the format of RFC 9457."""

    type: Url = "about:blank"
    title: Short
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: Annotated[str, Meta(max_length=DETAIL)]
    errors: Annotated[list[Fault], Meta(max_length=100)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        self.title = cut(self.title, FAULT)
        self.detail = cut(self.detail, DETAIL)
        self.errors = self.errors and self.errors[:100]


class Error(HTTPException):
    """Base class for your error types. If a view raises one, the caller gets it as a problem.

    A subclass has `status` (400 to 599), `type` (a URI that identifies the kind of error) and
    `title`. Its annotations are extension members of the problem:

        class OutOfStock(Error):
            status = 409
            type = "https://example.com/problems/out-of-stock"
            title = "Out of stock"

            available: int

        raise OutOfStock("Only 3 are left.", available=3)

    `@operation(errors=[OutOfStock])` adds it to the OpenAPI document. Defining a subclass raises
    TypeError if one of its attributes is missing or invalid.
    """

    status: ClassVar[int]
    type: ClassVar[str]
    title: ClassVar[str]
    model: ClassVar[Any]  # the problem's type, for the document

    def __init_subclass__(cls) -> None:
        fixed = {name: getattr(cls, name, None) for name in ("type", "title", "status")}
        for name, value in fixed.items():
            if not value:
                raise TypeError(f"{cls.__qualname__}: add `{name} = …`")
        if cls.status not in range(400, 600):
            raise TypeError(f"{cls.__qualname__}: `status` is {cls.status!r}: use 400 to 599")
        hints = get_type_hints(cls, include_extras=True)
        members: list[Any] = [(name, Literal[value], value) for name, value in fixed.items()]
        owners = cls.__mro__[: cls.__mro__.index(Error)]
        for name in [name for owner in reversed(owners) for name in get_annotations(owner)]:
            if hasattr(Error, name) or name in ("detail", "errors", "model", *fixed):
                raise TypeError(f"{cls.__qualname__}: `{name}` is taken: rename the member")
            members.append((name, hints[name], getattr(cls, name, msgspec.NODEFAULT)))
        cls.code = cls.status
        cls.model = msgspec.defstruct(
            cls.__name__, members, bases=(Problem,), kw_only=True, module=cls.__module__
        )

    def __init__(self, detail: str, **members: Any) -> None:
        """Set the detail, a text for people, and the values of the extension members."""
        super().__init__(detail)
        self.problem = self.model(detail=detail, **members)


class Invalid(UnprocessableEntity):
    """422: a value in a well-formed request is invalid. The problem has a pointer to it."""

    def __init__(self, fault: Fault) -> None:
        place = fault.pointer or fault.parameter
        super().__init__(f"{place}: {fault.detail}" if place else fault.detail)
        self.errors = [fault]


def register(app: Flask) -> None:
    """Return a problem for every HTTPException.

    Flask turns any other exception into an InternalServerError and logs its stack; its text never
    reaches the caller. A Response that a view returns is not changed, whatever its status.
    """
    app.register_error_handler(HTTPException, to_problem)


def to_problem(error: HTTPException) -> Response | HTTPException:
    """Keep the error's status and headers (Allow, Retry-After); replace its page with a problem."""
    if error.code is None or error.code < 400:
        return error
    problem = getattr(error, "problem", None) or Problem(
        title=error.name,
        status=error.code,
        detail=error.description or error.name,
        errors=getattr(error, "errors", UNSET),
    )
    headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    return Response(
        msgspec.json.encode(problem), error.code, headers, content_type="application/problem+json"
    )
