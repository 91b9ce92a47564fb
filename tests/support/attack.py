"""Attack a server with the bodies that take the most memory and time, and watch its /health.

    python -m tests.support.attack http://127.0.0.1:8080 60

The command prints the statuses and the slowest response of /health, in seconds.
"""

import json
import random
import socket
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

CLIENTS = 64
SIZE = 65_000  # almost MAX_JSON_BYTES
ID = "00000000-0000-0000-0000-000000000001"


def many(item: str) -> str:
    return f"[{','.join([item] * ((SIZE - 200) // (len(item.encode()) + 1)))}]"


SHAPES = [
    many("1e308"),
    many("1e5"),
    many("9" * 4000),
    many("[{}]"),
    many('{"":0}'),
    many('"😀"'),
    many("[" * 400 + "0" + "]" * 400),
    many('{"":' * 400 + "0" + "}" * 400),
    "{" + ",".join(f'"{number:x}":0' for number in range(SIZE // 11)) + "}",
    "{" + ",".join(['"a":0'] * (SIZE // 7)) + "}",
    '"' + "\\n" * (SIZE // 2 - 200) + '"',
    '"😀' + "a" * (SIZE - 200) + '"',
]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield the method, path, media type and fields of each operation that takes a body."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
                    name = body["schema"].get("$ref", "").rpartition("/")[2]
                    schema = document["components"]["schemas"].get(name, {})
                    called = "/".join(ID if part[:1] == "{" else part for part in path.split("/"))
                    yield method.upper(), called, media_type, [*schema.get("properties", {})]


def request(method: str, path: str, media_type: str, body: bytes, chunk: int = 0) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {media_type}\r\n".encode()
    if not chunk:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    parts = [body[start : start + chunk] for start in range(0, len(body), chunk)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def worst(document: dict[str, Any]) -> list[bytes]:
    """Return requests with each shape as the body, as a known field and as an unknown field."""
    requests = []
    for method, path, media_type, fields in operations(document):
        for shape in SHAPES:
            bodies = [shape, *(f'{{"{name}": {shape}}}' for name in [*fields, "unknown"])]
            for number, body in enumerate(bodies):
                chunk = 16_384 * (number % 2)
                requests.append(request(method, path, media_type, body.encode(), chunk))
        large = b"[" * 3_000_000
        requests.append(request(method, path, media_type, large, 65_536))
        requests.append(request(method, path, media_type, large[:SIZE], 1))
    return requests


class Outcome(NamedTuple):
    statuses: dict[str, int]
    idle: float  # the slowest of /health before the attack, in seconds
    slowest: float  # of /health during the attack


def send(address: tuple[str, int], sent: bytes) -> str:
    """Send a request on a new connection; return the status, or the exception's name."""
    try:
        with socket.create_connection(address, timeout=60) as server:
            with suppress(BrokenPipeError, ConnectionResetError):  # the server responded early
                server.sendall(sent)
            return server.recv(4096)[9:12].decode()
    except OSError as error:
        return type(error).__name__


def health(address: tuple[str, int], seconds: float) -> list[float]:
    """Call /health every 0.1 s; return the latencies in seconds."""
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        status = send(address, b"GET /health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        assert status == "200", f"/health: {status}"
        times.append(time.monotonic() - began)
        time.sleep(0.1)
    return times


def clients(address: tuple[str, int], requests: list[bytes], seconds: float) -> dict[str, int]:
    """Send requests for some seconds, with 64 clients; return the count of each status."""
    end = time.monotonic() + seconds

    def client(number: int) -> Counter[str]:
        chosen, statuses = random.Random(number), Counter[str]()
        while time.monotonic() < end:
            statuses[send(address, chosen.choice(requests))] += 1
        return statuses

    with ThreadPoolExecutor(CLIENTS) as pool:
        return dict(sum(pool.map(client, range(CLIENTS)), Counter[str]()))


def attack(url: str, seconds: float) -> Outcome:
    """Send the worst bodies of every operation for some seconds, from another process."""
    parts = urlsplit(url)
    address = parts.hostname or "", parts.port or 80
    with urllib.request.urlopen(f"{url}/openapi.json") as response:
        requests = worst(json.load(response))
    idle = max(health(address, 2))
    with ProcessPoolExecutor(1) as process:
        sent = process.submit(clients, address, requests, seconds)
        times = health(address, seconds)
        return Outcome(sent.result(), idle, max(times))


if __name__ == "__main__":
    print(attack(sys.argv[1], float(sys.argv[2])))
