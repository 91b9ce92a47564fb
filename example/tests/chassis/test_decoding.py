"""JSON is decoded in bounded memory and time."""

import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from chassis import Input, close_app, operation
from chassis.decoding import LARGE_EXPONENT

from .things import open_test_app

SIZE = 65_000  # almost MAX_JSON_BYTES
MOST = 48  # bytes of memory for each byte of JSON


class Numbered(Input):
    number: int
    rest: Any = None


class Weighed(Input):
    weights: list[float]


class Counted(Input):
    counts: list[int]


def many(item: bytes) -> bytes:
    return b"[" + b",".join([item] * ((SIZE - 100) // (len(item) + 1))) + b"]"


def nested(left: bytes, right: bytes) -> bytes:
    return many(left * 400 + b"0" + right * 400)


SHAPES = {
    "1e308": many(b"1e308"),
    "1E+00308": many(b"1E+00308"),
    "1e-320": many(b"1e-320 "),
    "1e5": many(b"1e5"),
    "5.0": many(b"5.0"),
    "long integers": many(b"9" * 4000),
    "objects": many(b'{"":0}'),
    "empty objects": many(b"[{}]"),
    "deep arrays": nested(b"[", b"]"),
    "deep objects": nested(b'{"":', b"}"),
    "keys": b"{" + b",".join(b'"%x":0' % number for number in range(SIZE // 10)) + b"}",
    "one key": b"{" + b",".join([b'"a":0'] * (SIZE // 7)) + b"}",
    "escapes": b'"' + b"\\n" * (SIZE // 2 - 100) + b'"',
    "surrogates": b'"' + b"\\ud83d\\ude00" * (SIZE // 13) + b'"',
    "long text": '"😀{}"'.format("a" * (SIZE - 200)).encode(),
}


@operation()
def take_number(body: Numbered) -> int:
    """Take a number, and anything."""
    return body.number


@operation()
def take_object(body: dict[str, Any]) -> int:
    """Take any object."""
    return len(body)


@operation()
def weigh(body: Weighed) -> int:
    """Take floats."""
    return len(body.weights)


@operation()
def count(body: Counted) -> int:
    """Take integers."""
    return len(body.counts)


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    app = open_test_app()
    for view in (take_number, take_object, weigh, count):
        app.post(f"/{view.__name__}")(view)
    return close_app(app).test_client()


def post(client: FlaskClient, path: str, body: bytes) -> tuple[int, float]:
    """Send a body; return the status, and the peak of memory as a multiple of the body."""
    tracemalloc.start()
    response = client.post(path, data=body, content_type="application/json")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return response.status_code, peak / len(body)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    ("path", "head"),
    [
        ("/things", b'{"name": "", "x": '),
        ("/things", b'{"x": '),
        ("/take_number", b'{"number": "5", "rest": '),
        ("/take_object", b'["not an object", '),
    ],
)
def test_refusing_a_body_builds_nothing(
    client: FlaskClient, path: str, head: bytes, shape: bytes
) -> None:
    tail = b"]" if head.startswith(b"[") else b"}"
    status, times = post(client, path, head + shape + tail)
    assert status == 422
    most = 8.0  # the body itself, and its text to check the encoding: 4 bytes a character
    if path != "/things" and LARGE_EXPONENT.search(shape):
        # Where floats are allowed, Python converts many such numbers before the body is refused.
        # A float in a list takes 32 bytes, and such a number has at least 6 characters.
        most += 32 / 6
    assert times < most


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    ("path", "head"), [("/take_object", b'{"x": '), ("/take_number", b'{"number": 5.0, "rest": ')]
)
def test_accepting_a_body_takes_at_most_the_documented_memory(
    client: FlaskClient, path: str, head: bytes, shape: bytes
) -> None:
    status, times = post(client, path, head + shape + b"}")
    assert status == 200
    assert times < MOST


def duration(call: Callable[[], Any]) -> float:
    """Return the least CPU time of a few calls."""
    times = []
    for _ in range(3):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.parametrize("path", ["/weigh", "/take_object"])
@pytest.mark.parametrize("item", [b"1e308", b"1.5E+0308 ", b"1e-320"])
def test_large_exponents_are_not_slow(client: FlaskClient, path: str, item: bytes) -> None:
    """msgspec takes several hundred times as long for large exponents as for 1e100."""

    def send(item: bytes) -> None:
        body = b'{"weights": ' + many(item) + b"}"
        assert client.post(path, data=body, content_type="application/json").status_code == 200

    assert duration(lambda: send(item)) < 60 * duration(lambda: send(b"1e100"))


@pytest.mark.parametrize(
    "rest",
    [b"[1e308,1e308", b'["\\x"]', b'["\xff"]', b"[01]", b"1 2", b"[" * 100_000],
)
@pytest.mark.parametrize("head", [b'{"number": "5", "rest": ', b'{"number": 5.0, "rest": '])
def test_malformed_json_is_400_wherever_the_first_fault_is(
    client: FlaskClient, head: bytes, rest: bytes
) -> None:
    body = (head + rest)[:SIZE] + b"}"
    assert post(client, "/take_number", body)[0] == 400


@pytest.mark.parametrize("count", [1, 1000])
@pytest.mark.parametrize("item", ["5.0", "50e-1", "0.5e001", "5e0", "18446744073709551615.0"])
def test_a_whole_number_is_an_integer_in_a_list_of_any_length(
    client: FlaskClient, item: str, count: int
) -> None:
    body = ('{"counts": [' + ",".join([item] * count) + "]}").encode()
    assert post(client, "/count", body)[0] == 200


@pytest.mark.parametrize("count", [1, 1000])
@pytest.mark.parametrize("item", ["5.5", "1e20", "1e308", "-1e300", "1e-320", "1e999"])
def test_any_other_number_is_422(client: FlaskClient, item: str, count: int) -> None:
    """An integer with a point or an exponent has up to 64 bits: 1e308 would have 309 digits."""
    body = ('{"counts": [' + ",".join([item] * count) + "]}").encode()
    assert post(client, "/count", body)[0] == 422


@pytest.mark.parametrize("count", [1, 1000])
@pytest.mark.parametrize("text", ["1e308", "-1.5e-300", "1e100", "2.5e-320"])
def test_a_number_keeps_its_value_however_many_there_are(text: str, count: int) -> None:
    values: list[Any] = []

    @operation()
    def keep(body: list[float]) -> None:
        values.extend(body)

    app = open_test_app()
    app.post("/keep")(keep)
    body = f"[{','.join([text] * count)}]".encode()
    assert post(close_app(app).test_client(), "/keep", body)[0] == 204
    assert values == [float(text)] * count


@pytest.mark.parametrize("text", ['"1e308, 1e308, "', '"\\"1e308,"', '"😀"', '"a1e308,b"'])
def test_a_text_with_numbers_in_it_is_kept(client: FlaskClient, text: str) -> None:
    found = msgspec.json.decode(text)
    body = json.dumps({"number": 5.0, "rest": [found] * 500}).encode()
    assert post(client, "/take_number", body)[0] == 200
