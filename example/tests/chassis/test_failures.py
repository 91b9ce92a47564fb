"""Errors that Flask does not handle get a problem, too, and a line in the log."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from flask import Flask, Response, send_file
from werkzeug.test import TestResponse

from chassis import Settings, close_app

from .broken import RAISED, create_app
from .things import open_test_app

FAILING = [
    *(f"/raise/{name}" for name in RAISED),
    "/return/none",
    "/return/object",
    "/header/two%0Alines",
    "/stream/at-once",
    "/stream/at-once/whole",
    "/stream/at-once-no-bytes",
    "/stream/left",
    "/in/before_request",
    "/in/after_request",
    "/in/teardown_request",
    "/in/teardown_appcontext",
    "/in/error_handler",
    "/in/middleware",
]


@pytest.fixture
def app() -> Flask:
    return create_app(Settings())


def call(app: Flask, path: str, method: str = "GET") -> TestResponse:
    """Call an application in a thread, as the server does."""
    with ThreadPoolExecutor(1) as threads:
        headers = {"X-Request-ID": "abc"}
        return threads.submit(app.test_client().open, path, method=method, headers=headers).result()


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the logged errors. Each must have the request's id and a stack."""
    records = [record for record in caplog.records if record.levelname == "ERROR"]
    for record in records:
        assert record.exc_info
        assert vars(record).get("request_id", "abc") == "abc"
    return [record.getMessage() for record in records]


@pytest.mark.parametrize("path", FAILING)
def test_a_failure_is_a_problem_and_is_logged(
    app: Flask, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    response = call(app, path)
    assert (response.status_code, response.mimetype) == (500, "application/problem+json")
    assert response.json == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": response.get_json()["detail"],
    }
    assert response.headers.getlist("X-Request-ID") == ["abc"]
    assert response.headers.getlist("Content-Type") == ["application/problem+json"]
    assert errors(caplog)


def test_a_failure_has_no_body_if_the_request_is_head(app: Flask) -> None:
    response = call(app, "/raise/SystemExit", "HEAD")
    assert (response.status_code, response.mimetype) == (500, "application/problem+json")
    assert response.data == b""


@pytest.mark.parametrize("name", ["SystemExit", "KeyboardInterrupt"])
def test_exit_or_interrupt_in_the_main_thread_ends_the_program(app: Flask, name: str) -> None:
    with pytest.raises(RAISED[name]):
        app.test_client().get(f"/raise/{name}")


@pytest.mark.parametrize("path", ["/stream/at-once", "/in/teardown_request", "/in/middleware"])
def test_a_test_gets_the_exception_itself_if_the_application_is_testing(
    app: Flask, path: str
) -> None:
    app.testing = True
    with pytest.raises(RuntimeError):
        app.test_client().get(path)


@pytest.mark.parametrize(
    "path", ["/stream/halfway", "/stream/interrupted", "/stream/in-the-end", "/stream/no-bytes"]
)
def test_a_stream_that_fails_after_its_first_chunk_is_cut_off_and_logged(
    app: Flask, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    def read() -> Any:
        return app.test_client().get(path, headers={"X-Request-ID": "abc"}).data

    with ThreadPoolExecutor(1) as threads, pytest.raises(BrokenPipeError):
        threads.submit(read).result()
    assert errors(caplog) == [f"Exception on {path} [GET]"]


def test_a_failure_after_the_response_is_logged(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    response = call(app, "/after-the-response")
    response.close()
    assert (response.status_code, response.data) == (200, b"text")
    assert errors(caplog) == ["Exception on /after-the-response [GET]"]


def test_a_client_that_disconnects_ends_the_stream_without_a_log_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    closed = []
    app = open_test_app(Settings())

    @app.get("/stream")
    def stream() -> Response:
        response = Response(str(number) for number in range(1_000_000))
        response.call_on_close(lambda: closed.append(True))
        return response

    close_app(app).test_client().get("/stream").close()
    assert closed
    assert errors(caplog) == []


def test_middleware_may_start_late_or_write() -> None:
    app = open_test_app(Settings())

    def late(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"late"

    def write(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])(b"written, ")
        return [b"returned"]

    paths = {"/late": late, "/write": write}
    app.wsgi_app = lambda environ, start: paths[environ["PATH_INFO"]](environ, start)  # type: ignore
    client = close_app(app).test_client()
    assert client.get("/late").data == b"late"
    assert client.get("/write").data == b"written, returned"


@pytest.mark.parametrize("is_in_memory", [False, True])
def test_the_server_can_send_a_file_itself(is_in_memory: bool) -> None:
    """The server sends a file on disk. The application reads a file in memory, which can fail."""

    class Wrapper:
        def __init__(self, file: Any, size: int) -> None:
            self.filelike = file

        def __iter__(self) -> Any:
            return iter(self.filelike)

    app = open_test_app(Settings())
    file: Any = BytesIO(b"text") if is_in_memory else __file__
    app.get("/file")(lambda: send_file(file, mimetype="text/plain"))
    started: list[Any] = []
    environ = app.test_request_context("/file").request.environ
    environ["wsgi.file_wrapper"] = Wrapper
    body = close_app(app)(environ, lambda *arguments: started.append(arguments))  # type: ignore
    assert isinstance(body, Wrapper) is not is_in_memory
    content = b"".join(body)
    assert content.startswith(b"text" if is_in_memory else b'"""Errors that Flask')
    assert started[0][0] == "200 OK"
    if isinstance(body, Wrapper):
        body.filelike.close()
