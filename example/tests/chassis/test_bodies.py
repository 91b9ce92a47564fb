"""The limit of a body applies to every way to read it."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis import Settings, close_app

from .things import open_test_app

LIMIT, JSON_LIMIT = 3000, 1000
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
NAMED = b'; filename="f"'
PART = b'--x\r\nContent-Disposition: form-data; name="a"%b\r\n\r\n%b\r\n--x--\r\n'
OF_PART, OF_FILE = len(PART % (b"", b"")), len(PART % (NAMED, b""))
Read = Callable[[], Any]


def as_json(size: int) -> bytes:
    return b'"%b"' % (b"a" * (size - 2))


def as_form(size: int) -> bytes:
    return b"a=%b" % (b"b" * (size - 2))


def as_part(size: int, file: bytes = b"") -> bytes:
    return PART % (file, b"b" * (size - len(PART % (file, b""))))


def as_file(size: int) -> bytes:
    return as_part(size, NAMED)


def as_lines(size: int) -> bytes:
    return (b"a\n" * size)[:size]


def until_the_end() -> int:
    size = 0
    while part := request.stream.read(100):
        size += len(part)
    return size


# A reader returns the length of the text, value or file, as evidence that it read the whole body.
READERS: dict[str, tuple[Read, Callable[[int], bytes], str, int]] = {
    "get_data": (lambda: len(request.get_data()), as_lines, "text/plain", LIMIT),
    "data": (lambda: len(request.data), as_lines, "text/plain", LIMIT),
    "get_json": (lambda: len(request.get_json()) + 2, as_json, "application/json", JSON_LIMIT),
    "json": (lambda: len(str(request.json)) + 2, as_json, "application/x+json", JSON_LIMIT),
    "get_json, forced": (
        lambda: len(request.get_json(force=True)) + 2,
        as_json,
        "text/plain",
        JSON_LIMIT,
    ),
    "get_json, silent": (
        lambda: len(str(request.get_json(silent=True))) + 2,
        as_json,
        "application/json",
        JSON_LIMIT,
    ),
    "form": (lambda: len(request.form["a"]) + 2, as_form, FORM, JSON_LIMIT),
    "values": (lambda: len(request.values["a"]) + 2, as_form, FORM, JSON_LIMIT),
    "fields": (lambda: len(request.form["a"]) + OF_PART, as_part, MULTIPART, LIMIT),
    "files": (lambda: len(request.files["a"].read()) + OF_FILE, as_file, MULTIPART, LIMIT),
    "stream.read": (lambda: len(request.stream.read()), as_lines, "text/csv", LIMIT),
    "stream.read, in parts": (until_the_end, as_lines, "text/csv", LIMIT),
    "stream.readline": (
        lambda: sum(map(len, iter(request.stream.readline, b""))),
        as_lines,
        "text/csv",
        LIMIT,
    ),
    "stream.readlines": (lambda: len(b"".join(request.stream.readlines())), as_lines, "", LIMIT),
    "iteration": (lambda: sum(map(len, request.stream)), as_lines, "text/csv", LIMIT),
}


@pytest.fixture
def app() -> Flask:
    app = open_test_app(Settings(max_body_bytes=LIMIT, max_json_bytes=JSON_LIMIT))

    @app.before_request
    def read_early() -> None:
        if reader := request.headers.get("X-Early"):
            request.environ["read"] = READERS[reader][0]()

    @app.post("/read/<reader>")
    def read(reader: str) -> dict[str, int]:
        return {"size": READERS[reader][0]()}

    @app.post("/ignore")
    def ignore() -> dict[str, int]:
        return {"size": request.environ["read"]}

    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return close_app(app).test_client()


def send(
    client: FlaskClient, path: str, body: bytes, content_type: str, chunked: bool, early: str = ""
) -> TestResponse:
    environ: dict[str, Any] = {"CONTENT_TYPE": content_type, "wsgi.input": BytesIO(body)}
    if early:
        environ["HTTP_X_EARLY"] = early
    if chunked:
        environ |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    else:
        environ["CONTENT_LENGTH"] = str(len(body))
    return client.post(path, environ_overrides=environ)


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
@pytest.mark.parametrize("early", [False, True], ids=["view", "before_request"])
@pytest.mark.parametrize("reader", READERS)
def test_a_body_over_the_limit_is_413_and_one_at_the_limit_is_read_whole(
    client: FlaskClient, reader: str, early: bool, chunked: bool
) -> None:
    _, make, content_type, limit = READERS[reader]
    path, first = ("/ignore", reader) if early else (f"/read/{reader}", "")
    for size in (limit, limit + 1, 3 * limit):
        response = send(client, path, make(size), content_type, chunked, first)
        if size == limit:
            assert response.json == {"size": size}
        else:
            assert response.status_code == 413
            assert response.mimetype == "application/problem+json"
            assert f"larger than {limit} bytes" in json.loads(response.data)["detail"]


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
@pytest.mark.parametrize("reader", READERS)
def test_a_request_can_have_a_limit_of_its_own(app: Flask, reader: str, chunked: bool) -> None:
    read, make, content_type, _ = READERS[reader]

    @app.post("/large")
    def read_more() -> dict[str, int]:
        request.max_content_length = 5000
        return {"size": read()}

    client = close_app(app).test_client()
    for size, status in ((5000, 200), (5001, 413)):
        response = send(client, "/large", make(size), content_type, chunked)
        assert response.status_code == status


def test_the_limit_of_json_is_never_above_that_of_all_bodies() -> None:
    app = open_test_app(Settings(max_body_bytes=10))
    client = close_app(app).test_client()
    assert client.post("/things", json="12345678").status_code == 422
    assert client.post("/things", json="123456789").status_code == 413


@pytest.mark.parametrize("reader", ["get_data", "get_json", "form", "files", "iteration"])
def test_a_body_that_is_cut_off_is_400(client: FlaskClient, reader: str) -> None:
    _, make, content_type, _ = READERS[reader]
    overrides = {"wsgi.input": BytesIO(make(200)), "CONTENT_LENGTH": "201"}
    headers = {"Content-Type": content_type}
    response = client.post(f"/read/{reader}", headers=headers, environ_overrides=overrides)
    assert response.status_code == 400
    assert "shorter than its Content-Length" in json.loads(response.data)["detail"]


def test_a_body_of_unknown_length_is_empty_if_the_server_does_not_end_it(
    client: FlaskClient,
) -> None:
    overrides = {"wsgi.input": BytesIO(b"endless")}
    response = client.post("/read/get_data", environ_overrides=overrides)
    assert response.json == {"size": 0}


def test_an_application_may_have_no_limit(app: Flask) -> None:
    app.config["MAX_CONTENT_LENGTH"] = None
    client = close_app(app).test_client()
    body = as_lines(10 * LIMIT)
    response = send(client, "/read/get_data", body, "text/plain", chunked=True)
    assert response.json == {"size": len(body)}
    assert client.post("/read/get_json", json="x" * JSON_LIMIT).status_code == 413
