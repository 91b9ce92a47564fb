"""Create an application in which each path fails in a different place."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from flask import Blueprint, Flask, Response, g, send_file

from chassis import Settings, close_app

from .things import open_test_app


class Bare(BaseException):
    """A BaseException that, like SystemExit, is not an Exception."""


RAISED = {
    kind.__name__: kind
    for kind in (SystemExit, KeyboardInterrupt, GeneratorExit, Bare, RecursionError, MemoryError)
}


def halfway() -> Iterator[str]:
    yield "first"
    raise RuntimeError("the second chunk")


def at_once() -> Iterator[str]:
    raise RuntimeError("the first chunk")
    yield ""


def interrupted() -> Iterator[str]:
    yield "first"
    raise KeyboardInterrupt


def left() -> Iterator[str]:
    raise GeneratorExit
    yield ""


def in_the_end() -> Iterator[str]:
    try:
        yield "all"
    finally:
        raise RuntimeError("the end")


def no_bytes() -> Iterator[Any]:
    yield "first"
    yield 2


def at_once_no_bytes() -> Iterator[Any]:
    yield 2


def endless() -> Iterator[str]:
    while True:
        yield "x" * 10_000


STREAMS = {
    "endless": endless,
    "no-bytes": no_bytes,
    "at-once-no-bytes": at_once_no_bytes,
    "halfway": halfway,
    "interrupted": interrupted,
    "at-once": at_once,
    "left": left,
    "in-the-end": in_the_end,
}


def open_broken_app(settings: Settings | None = None) -> Flask:
    app = open_test_app(settings)
    inner = app.wsgi_app

    @app.get("/raise/<name>")
    def fail(name: str) -> Any:
        raise RAISED[name]

    @app.get("/return/none")
    def return_none() -> Any:
        return None

    @app.get("/return/object")
    def return_object() -> Any:
        return object()

    @app.get("/header/<value>")
    def set_header(value: str) -> Response:
        return Response("text", headers={"X-Value": value})

    @app.get("/status")
    def set_status() -> Response:
        return Response("text", status="no number")

    @app.get("/stream/<name>")
    def stream(name: str) -> Response:
        return Response(STREAMS[name]())

    @app.get("/stream/<name>/whole")
    def stream_of_known_length(name: str) -> Response:
        return Response(STREAMS[name](), headers={"Content-Length": "100"})

    class File(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise RuntimeError("the second block")
            return super().read(size)

    @app.get("/stream/file")
    def send_broken_file() -> Response:
        return send_file(File(b"x" * 100_000), mimetype="text/plain")

    @app.get("/after-the-response")
    def fail_after_the_response() -> Response:
        response = Response("text")
        response.call_on_close(at_once().__next__)
        return response

    @app.url_value_preprocessor
    def remember(endpoint: str | None, values: dict[str, Any] | None) -> None:
        g.place = (values or {}).get("place")

    def fail_in(place: str) -> Any:
        def function(argument: Any = None) -> Any:
            if place in (g.get("place"), "view", "error_handler"):
                raise RuntimeError(place)
            return argument

        return function

    app.before_request(fail_in("before_request"))
    app.after_request(fail_in("after_request"))
    app.teardown_request(fail_in("teardown_request"))
    app.teardown_appcontext(fail_in("teardown_appcontext"))

    @app.get("/in/<place>")
    def succeed(place: str) -> str:
        return "text"

    handled = Blueprint("handled", __name__)
    handled.get("/in/error_handler")(fail_in("view"))
    handled.errorhandler(500)(fail_in("error_handler"))
    app.register_blueprint(handled)

    def middleware(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/in/middleware":
            raise RuntimeError("middleware")
        return inner(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    return app


def create_app(settings: Settings | None = None) -> Flask:
    return close_app(open_broken_app(settings))
