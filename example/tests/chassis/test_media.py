"""Bodies and responses of other media types than JSON: files, forms, text, streams."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec
import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient
from msgspec import Meta

from chassis import Input, Media, Patch, Settings, Upload, close_app, operation

from .media import Cover, media
from .things import open_test_app


@pytest.fixture
def app() -> Flask:
    app = open_test_app(Settings(max_body_bytes=5_000))
    app.register_blueprint(media)
    return close_app(app)


def form(**parts: Any) -> dict[str, Any]:
    """Return a valid form, with other parts."""
    own = {"front": (BytesIO(b"png"), "front.png"), "title": "A"} | parts
    data = {name: part for name, part in own.items() if part is not None}
    return {"data": data, "content_type": "multipart/form-data"}


def test_text_is_read_without_its_byte_order_mark(client: FlaskClient) -> None:
    body = "name,age\nÅda,7\n".encode("utf-8-sig")
    response = client.post("/csv", data=body, content_type="text/csv; charset=UTF-8")
    assert response.json == ["Åda"]


@pytest.mark.parametrize(
    ("path", "content_type", "accept"),
    [
        ("/csv", "text/plain", "text/csv"),
        ("/csv", "", "text/csv"),
        ("/image", "text/plain", "image/*"),
        ("/form", "application/json", "multipart/form-data"),
        ("/search", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"),
        ("/vendor", "text/plain", "application/vnd.shop+json, application/json"),
        ("/hook", "application/xml", "application/*+json"),
        ("/optional", "text/plain", "application/json"),
        ("/things", "text/plain", "application/json"),
    ],
)
def test_another_media_type_gets_415_with_those_that_are_accepted(
    client: FlaskClient, path: str, content_type: str, accept: str
) -> None:
    method = "PUT" if path == "/image" else "POST"
    response = client.open(path, method=method, data=b"x", content_type=content_type)
    assert response.status_code == 415
    assert response.headers["Accept"] == accept


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "identity, gzip"])
@pytest.mark.parametrize(
    ("path", "content_type"), [("/csv", "text/csv"), ("/things", "application/json")]
)
def test_a_compressed_body_gets_415_with_the_coding_that_is_accepted(
    client: FlaskClient, path: str, content_type: str, coding: str
) -> None:
    headers = {"Content-Encoding": coding}
    response = client.post(path, data=b"x", content_type=content_type, headers=headers)
    assert response.status_code == 415
    assert "The body is compressed: send it without a Content-Encoding." in response.text
    assert response.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_a_body_that_is_not_compressed_may_say_so(client: FlaskClient, coding: str) -> None:
    headers = {"Content-Encoding": coding}
    response = client.post("/csv", data=b"a", content_type="text/csv", headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [("text/csv; charset=latin-1", b"a", 415), ("text/csv", b"\xff", 400)],
)
def test_text_is_utf_8(client: FlaskClient, content_type: str, body: bytes, status: int) -> None:
    assert client.post("/csv", data=body, content_type=content_type).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "content_type", "length"),
    [
        ("POST", "/csv", "text/csv", 2_000),
        ("POST", "/stream", "application/octet-stream", 20_000),
        ("PUT", "/image", "image/png", 1_000),
    ],
)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_has_the_limit_of_its_operation(
    client: FlaskClient, method: str, path: str, content_type: str, length: int, is_chunked: bool
) -> None:
    statuses = []
    for size in (length - 1, length + 1):
        sent: dict[str, Any] = {"data": b"x" * size}
        if is_chunked:
            environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
            sent = {"input_stream": BytesIO(b"x" * size), "environ_overrides": environ}
        response = client.open(path, method=method, content_type=content_type, **sent)
        statuses.append(response.status_code)
    assert statuses == [200, 413]


def test_bytes_are_received_and_sent_unchanged(client: FlaskClient) -> None:
    response = client.put("/image", data=b"\x00\xff", content_type="image/gif")
    assert (response.data, response.content_type) == (b"\x00\xff", "image/png")


def test_a_form_has_typed_fields_and_files(client: FlaskClient) -> None:
    others = [(BytesIO(b"1"), "a.txt"), (BytesIO(b"22"), "b.bin")]
    response = client.post("/form", **form(pages="7", tags=["old", "new"], others=others))
    assert response.get_json() == {
        "fields": {"title": "A", "pages": 7, "tags": ["old", "new"]},
        "files": {"front.png": 3, "a.txt": 1, "b.bin": 2},
    }


@pytest.mark.parametrize(
    ("parts", "pointer", "detail"),
    [
        ({"pages": "many"}, "/pages", "Expected `int`"),
        ({"pages": "0"}, "/pages", "Expected `int` >= 1"),
        ({"title": None}, "/title", "missing required field"),
        ({"title": ["A", "B"]}, "/title", "Expected `str`"),
        ({"title": (BytesIO(b"x"), "x.txt")}, "/title", "Expected `str`"),
        ({"tags": ["old", "blue"]}, "/tags/1", "Expected 'new' or 'old'"),
        ({"unknown": "x"}, "/unknown", "unknown field"),
        ({"front": None}, "/front", "missing required field"),
        ({"front": (BytesIO(b""), "")}, "/front", "missing required field"),
        ({"front": "text"}, "/front", "Expected a file, got text"),
        ({"front": [(BytesIO(b"x"), "x")] * 2}, "/front", "Expected one file, got 2 parts of this"),
        ({"front": (BytesIO(b"x"), "x.txt")}, "/front", "Expected a file of the type image/png"),
        ({"others": [(BytesIO(b"x"), "x"), "text"]}, "/others/0", "Expected a file"),
    ],
)
def test_a_wrong_part_of_a_form_gets_422_with_its_pointer(
    client: FlaskClient, parts: dict[str, Any], pointer: str, detail: str
) -> None:
    response = client.post("/form", **form(**parts))
    assert response.status_code == 422
    [fault] = response.get_json()["errors"]
    assert fault["pointer"] == pointer
    assert detail in fault["detail"]


@pytest.mark.parametrize("name", ["front", "others"])
def test_a_file_or_a_form_that_is_too_large_gets_413(client: FlaskClient, name: str) -> None:
    size = 1_001 if name == "front" else 10_000
    response = client.post("/form", **form(**{name: (BytesIO(b"x" * size), "x.png")}))
    assert response.status_code == 413
    assert response.mimetype == "application/problem+json"


def test_the_detail_of_a_form_of_too_many_parts_has_the_limits(client: FlaskClient) -> None:
    client.application.config["MAX_FORM_PARTS"] = 5
    response = client.post("/form", **form(tags=["old"] * 10))
    assert response.status_code == 413
    assert response.get_json()["detail"].startswith("The form has more than 5 parts, or a text of")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x--\r\n"),
        ("multipart/form-data; boundary=x", b"nothing"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n'),
        ("multipart/form-data; boundary=é", b"--x--\r\n"),
    ],
)
def test_a_form_that_is_malformed_gets_400(
    client: FlaskClient, content_type: str, body: bytes
) -> None:
    assert client.post("/form", data=body, content_type=content_type).status_code == 400


def test_a_large_file_is_on_disk_and_closed_after_the_response() -> None:
    class Files(Input):
        files: list[Upload]

    seen: list[Upload] = []

    @operation()
    def upload(body: Annotated[Files, Media("multipart/form-data", max_bytes=2_000_000)]) -> bool:
        seen.extend(body.files)
        return bool(vars(body.files[0].stream)["_rolled"])

    app = open_test_app()
    app.post("/files")(upload)
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="f"\r\n\r\n'
    body = head + b"x" * 600_000 + b"\r\n" + head + b"x\r\n--x--"
    client = close_app(app).test_client()
    kind = "multipart/form-data; boundary=x"
    assert client.post("/files", data=body, content_type=kind).json is True
    assert [file.closed for file in seen] == [True, True]


def test_a_form_without_files_can_be_a_query_string(client: FlaskClient) -> None:
    response = client.post("/search", data={"word": "a b", "deep": "true"})
    assert response.json == {"word": "a b", "deep": True}


@pytest.mark.parametrize("content_type", ["application/vnd.shop+json", "application/json"])
def test_json_has_the_media_types_that_are_declared(client: FlaskClient, content_type: str) -> None:
    response = client.post("/vendor", data='{"name": "A"}', content_type=content_type)
    assert (response.mimetype, response.data) == ("application/vnd.shop+json", b'{"name":"A"}')
    wrong = client.post("/vendor", data='{"name": 1}', content_type=content_type)
    assert wrong.get_json()["errors"][0]["pointer"] == "/name"


@pytest.mark.parametrize("content_type", ["application/json", "application/cloudevents+json"])
def test_any_json_can_be_accepted(client: FlaskClient, content_type: str) -> None:
    assert client.post("/hook", data='{"a": 1}', content_type=content_type).json == 1


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, "none"),
        ({"content_type": "application/json"}, "none"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "none"),
        ({"json": None}, "none"),
        ({"json": {"name": "A"}}, "A"),
    ],
)
def test_an_optional_body_may_be_left_out(
    client: FlaskClient, sent: dict[str, Any], expected: str
) -> None:
    assert client.post("/optional", **sent).json == expected


def test_an_optional_body_that_is_wrong_is_refused(client: FlaskClient) -> None:
    assert client.post("/optional", json={"name": 1}).status_code == 422


def test_a_stream_can_use_the_request(client: FlaskClient) -> None:
    response = client.get("/csv?name=A")
    assert response.content_type == "text/csv; charset=utf-8"
    assert response.text == "/csv,A,0\n/csv,A,1\n/csv,A,2\n"
    assert response.content_length is None


def test_an_error_before_the_first_chunk_has_a_response_of_its_own(client: FlaskClient) -> None:
    assert client.get("/csv?name=unknown").status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_stream_is_made_while_it_is_sent_and_closed(method: str) -> None:
    steps: list[Any] = []

    @operation()
    def count() -> Annotated[Iterator[bytes], Media("application/octet-stream")]:
        try:
            for number in range(1_000_000):
                steps.append(number)
                yield b"x"
        finally:
            steps.append(request.path)

    app = open_test_app()
    app.get("/count")(count)
    response = close_app(app).test_client().open("/count", method=method, buffered=False)
    if method == "GET":
        assert next(response.iter_encoded()) == b"x"
    response.close()
    assert len(steps) < 5
    assert steps[-1] == "/count"


def test_a_file_can_be_sent_in_parts_or_not_at_all(client: FlaskClient) -> None:
    whole = client.get("/file")
    assert (whole.status_code, whole.mimetype) == (200, "text/x-python")
    assert whole.data == Path(str(media.root_path), "media.py").read_bytes()
    part = client.get("/file", headers={"Range": "bytes=3-5"})
    assert (part.status_code, part.data) == (206, whole.data[3:6])
    none = client.get("/file", headers={"If-None-Match": whole.headers["ETag"]})
    assert (none.status_code, none.data) == (304, b"")
    beyond = client.get("/file", headers={"Range": "bytes=99999999-"})
    assert (beyond.status_code, beyond.mimetype) == (416, "application/problem+json")


def test_a_file_that_does_not_exist_gets_404(tmp_path: Path) -> None:
    @operation()
    def get_file() -> Annotated[Path, Media("text/plain")]:
        return tmp_path / "missing"

    app = open_test_app()
    app.get("/missing")(get_file)
    assert close_app(app).test_client().get("/missing").status_code == 404


def test_the_document_has_the_media_types(app: Flask) -> None:
    document = app.extensions["document"]
    paths = document["paths"]
    form = paths["/form"]["post"]["requestBody"]
    assert form["required"] is True
    assert form["content"]["multipart/form-data"]["encoding"] == {
        "front": {"contentType": "image/png, image/jpeg"},
        "others": {"contentType": "*/*"},
    }
    fields = document["components"]["schemas"]["Covers"]["properties"]
    assert fields["front"] == {"type": "string", "format": "binary", "maxLength": 1_000}
    assert fields["others"]["items"] == {"type": "string", "format": "binary"}
    image = paths["/image"]["put"]
    assert image["requestBody"]["content"] == {
        "image/*": {"schema": {"type": "string", "format": "binary", "maxLength": 1_000}}
    }
    assert [*image["responses"]["200"]["content"]] == ["image/png"]
    assert paths["/csv"]["get"]["responses"]["200"]["content"] == {
        "text/csv": {"schema": {"type": "string"}}
    }
    assert [*paths["/label"]["get"]["responses"]["200"]["content"]] == [
        "image/svg+xml",
        "text/plain",
    ]
    assert {"200", "206", "304", "404", "416"} <= {*paths["/file"]["get"]["responses"]}
    assert paths["/optional"]["post"]["requestBody"]["required"] is False


class Thing(Input):
    name: str


class Files(Input):
    file: Upload


class Large(Input):
    file: Cover


class Nested(Input):
    thing: Thing


class Change(Patch):
    pass


def json_with_a_file(body: Files) -> None: ...


def csv_of_a_struct(body: Annotated[Thing, Media("text/csv")]) -> None: ...


def form_of_text(body: Annotated[Thing | Nested, Media("multipart/form-data")]) -> None: ...


def form_with_an_object(body: Annotated[Nested, Media("multipart/form-data")]) -> None: ...


def file_in_a_query_string(
    body: Annotated[Files, Media("application/x-www-form-urlencoded")],
) -> None: ...


def large_file(body: Annotated[Large, Media("multipart/form-data")]) -> None: ...


def two(
    body: Annotated[str, Media("text/csv")] | Annotated[bytes, Media("image/png")],
) -> None: ...


def no_types(body: Annotated[str, Media]) -> None: ...


def bounded_bytes(body: Annotated[bytes, Meta(max_length=3), Media("image/png")]) -> None: ...


def patch(body: Annotated[Change, Media("application/json")]) -> None: ...


def bounded_response() -> Annotated[str, Media("text/csv", max_bytes=3)]:
    return ""


def several_types() -> Annotated[str, Media("text/csv", "text/plain")]:
    return ""


def any_type() -> Annotated[bytes, Media("image/*")]:
    return b""


def csv_response_of_a_struct() -> Annotated[Thing, Media("text/csv")]:
    return Thing("")


def text_or_json() -> Annotated[str, Media("text/csv")] | Thing:
    return ""


def response_or_text() -> Annotated[Response, Media("image/png")] | str:
    return ""


def stream_without_media() -> Iterator[str]:
    return iter(())


def file_in_json() -> Files:
    return Files(Upload())


@pytest.mark.parametrize(
    ("function", "correction"),
    [
        (json_with_a_file, 'a file is not JSON: write .*Media."multipart/form-data"'),
        (
            csv_of_a_struct,
            r"a body of text/csv cannot be .*Thing, Media\('text/csv'\)\]`: take `str`, `bytes` or `IO",
        ),
        (form_of_text, "a body of multipart/form-data cannot be .*a Struct for a form"),
        (
            form_with_an_object,
            "`thing` in a form cannot be read from text: use one value, or a list of values",
        ),
        (file_in_a_query_string, "`file` is a file: name multipart/form-data alone"),
        (
            large_file,
            "the file `file` has a `max_bytes`: give Media.* a `max_bytes` that is larger",
        ),
        (two, "several Media in one body: name all media types in one"),
        (no_types, "Media has no media type: write"),
        (bounded_bytes, "Meta has no effect on bytes: use Media.*max_bytes"),
        (patch, "the media type of a Patch is application/merge-patch.json: name it in Media"),
        (bounded_response, "remove it from the return"),
        (several_types, "each response has one media type.*name one, or write .*Response"),
        (any_type, "each response has one media type"),
        (csv_response_of_a_struct, "a response of text/csv cannot be .*: return `str`"),
        (text_or_json, "a response of text/csv cannot be "),
        (response_or_text, "a Response in a union cannot be described"),
        (stream_without_media, "for another media type, add chassis.Media"),
        (file_in_json, "a file is not JSON"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_declaration_that_cannot_work_is_refused_at_import(
    function: Any, correction: str
) -> None:
    with pytest.raises(TypeError, match=rf"test_media\.{function.__name__}: .*{correction}"):
        operation()(function)


def test_headers_made_of_a_stream_are_refused() -> None:
    def stream() -> Annotated[Iterator[str], Media("text/csv")]:
        yield ""

    with pytest.raises(TypeError, match=r"a stream has none: return `tuple"):
        operation(headers={"ETag": str})(stream)


@pytest.mark.parametrize(
    ("types", "options", "correction"),
    [
        ((), {}, "name a media type"),
        (("csv",), {}, "'csv' is not a media type: write it in lower case"),
        (("Text/CSV",), {}, "is not a media type"),
        (("text/csv; charset=utf-8",), {}, "without parameters"),
        (("*/csv",), {}, "is not a media type"),
        (("text/csv",), {"max_bytes": 0}, "`max_bytes` is 0: use a positive integer"),
        (("text/csv",), {"max_bytes": "1"}, "`max_bytes` is '1'"),
    ],
)
def test_an_invalid_media_type_or_limit_is_refused(
    types: Any, options: Any, correction: str
) -> None:
    with pytest.raises(TypeError, match=correction):
        Media(*types, **options)
    with pytest.raises(TypeError, match=correction):
        type("File", (Upload,), {"media_types": types, **options})


def test_the_media_types_of_a_file_are_a_tuple() -> None:
    with pytest.raises(TypeError, match=r'`media_types` is a string: write \("image/png",\)'):
        type("File", (Upload,), {"media_types": "image/png"})


@pytest.mark.parametrize("kind", [IO[bytes], bytes, str])
def test_an_optional_body_can_have_any_type(kind: Any) -> None:
    def take(body: Any) -> int:
        return 0 if body is None else len(body if kind is not IO[bytes] else body.read())

    take.__annotations__["body"] = Annotated[kind, Media("text/plain")] | None
    app = open_test_app()
    app.post("/take")(operation()(take))
    client = close_app(app).test_client()
    assert client.post("/take").json == 0
    assert client.post("/take", data=b"abc", content_type="text/plain").json == 3


def test_bytes_without_media_are_base64_in_json() -> None:
    def take(body: bytes) -> bytes:
        return body

    app = open_test_app()
    app.post("/take")(operation()(take))
    assert close_app(app).test_client().post("/take", json="AAE=").json == "AAE="


def test_the_bytes_of_json_can_be_read_to_verify_a_signature() -> None:
    def take(body: Annotated[bytes, Media("application/json")]) -> str:
        return body.decode()

    app = open_test_app()
    app.post("/take")(operation()(take))
    client = close_app(app).test_client()
    sent = client.post("/take", data=b'{ "a" :1}', content_type="application/json")
    assert msgspec.json.decode(sent.data) == '{ "a" :1}'
