"""Measure the memory and the CPU time that the worst bodies take to decode. Runs in a project.

Prints {type: {shape: [peak memory in bytes per byte of JSON, milliseconds]}}.
"""

import json
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from chassis import Input, Settings
from chassis.decoding import MALFORMED, Decoder

SIZE = Settings().max_json_bytes


class Name(Input):
    name: str


class Row(msgspec.Struct):
    a: int = 0
    b: str = ""
    c: float = 0.0
    d: bool = False
    e: list[int] = []


def many(item: str, size: int = SIZE) -> str:
    return f"[{','.join([item] * (size // (len(item.encode()) + 1) - 10))}]"


SHAPES = {
    "1e308": many("1e308"),
    "1e5": many("1e5"),
    "empty objects": many("{}"),
    "small objects": many('{"":0}'),
    "deep arrays": many("[" * 400 + "0" + "]" * 400),
    "deep objects": many('{"":' * 400 + "0" + "}" * 400),
    "keys": "{" + ",".join(f'"{number:x}":0' for number in range(SIZE // 10)) + "}",
    "the same key": "{" + ",".join(['"a":0'] * (SIZE // 7)) + "}",
    "integers of 4,000 digits": many("9" * 4000),
    "short texts": many('"😀"'),
    "escapes": '"' + "\\n" * (SIZE // 2 - 20) + '"',
    "a long text": '"😀' + "a" * (SIZE - 30) + '"',
}
TYPES: dict[str, tuple[Any, str]] = {
    "dict[str, Any]": (dict[str, Any], '{"x": %s}'),
    "a struct, refused": (Name, '{"name": 5, "x": %s}'),
    "list of structs with five fields": (list[Row], "%s"),
}


def measure(call: Callable[[], object], size: int) -> list[float]:
    with suppress(*MALFORMED):
        call()  # fill the caches first
    tracemalloc.start()
    with suppress(*MALFORMED):
        call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    times = []
    for _ in range(5):
        began = time.process_time()
        with suppress(*MALFORMED):
            call()
        times.append((time.process_time() - began) * 1000)
    return [peak / size, min(times)]


measured: dict[str, dict[str, list[float]]] = {}
for name, (kind, form) in TYPES.items():
    decoder = Decoder(kind)
    for shape, text in SHAPES.items():
        if name.startswith("list") and shape != "empty objects":
            continue
        raw = (form % text).encode()
        figures = measure(lambda: decoder.decode(raw), len(raw))  # noqa: B023
        measured.setdefault(name, {})[shape] = figures
print(json.dumps(measured))
