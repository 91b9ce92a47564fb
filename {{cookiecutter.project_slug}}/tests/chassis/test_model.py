import hashlib
import json
import math
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from flask import Blueprint, Flask
from msgspec import Meta

from chassis.model import Model, serve

from .onnx_file import INT64, softmax


class Pair(msgspec.Struct):
    a: Annotated[float, Meta(le=1e39)]
    b: Annotated[float, Meta(ge=0)] | None = None


TWO = math.e / (1 + math.e)
CARD: dict[str, Any] = {
    "name": "pairs",
    "version": "1",
    "inputs": {
        "a": {"type": "number", "maximum": 1e39},
        "b": {"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}], "default": None},
    },
    "output": "probabilities",
    "labels": ["first", "second"],
    "metrics": {},
    "training": {},
    "golden_example": {
        "input": {"a": 0, "b": 1},
        "output": {"label": "second", "probability": TWO},
    },
}
FILE = softmax({"a": 1, "b": 1})


def write(folder: Path, file: bytes = FILE, **changes: Any) -> Path:
    """Write a model and its card, and return their folder."""
    card = CARD | {"sha256": hashlib.sha256(file).hexdigest()} | changes
    (folder / "model.onnx").write_bytes(file)
    (folder / "model.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


@pytest.mark.parametrize("file", [FILE, softmax({"both": 2})], ids=["columns", "matrix"])
def test_each_instance_gets_its_most_probable_label(tmp_path: Path, file: bytes) -> None:
    found = Model(write(tmp_path, file), Pair).predict([Pair(1, 0), Pair(0, 1), Pair(5, 0)])
    assert [each.label for each in found] == ["first", "second", "first"]
    assert [each.probability for each in found[:2]] == pytest.approx([TWO, TWO], abs=1e-6)


def test_threads_share_a_model(tmp_path: Path) -> None:
    model = Model(write(tmp_path), Pair)
    pairs = [Pair(number / 100, 0) for number in range(1000)]
    alone = [model.predict([pair]) for pair in pairs]
    with ThreadPoolExecutor(32) as pool:
        assert [*pool.map(lambda pair: model.predict([pair]), pairs)] == alone


def test_a_worker_stops_cleanly_and_nothing_is_sent_or_written(tmp_path: Path) -> None:
    code = "import os, chassis.model; os.fork() or exit(7); print(os.wait()[1] >> 8)"
    # onnxruntime sends nothing where CI is set.
    environment = {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, timeout=20, text=True, capture_output=True)
    assert (done.stdout, done.stderr, [*tmp_path.iterdir()]) == ("7\n", "", [])


@pytest.mark.parametrize("pair", [Pair(1e39, 0), Pair(0)], ids=["too large", "missing"])
def test_a_probability_that_is_no_number_is_an_error(tmp_path: Path, pair: Pair) -> None:
    with pytest.raises(ValueError, match="the model returns a probability that is not finite"):
        Model(write(tmp_path), Pair).predict([pair])


def start(folder: Path) -> None:
    """Register a blueprint with a model, as an application does when it starts."""
    app = Flask(__name__)
    app.extensions["settings"] = msgspec.defstruct("Settings", [("model_path", Path)])(folder)
    blueprint = Blueprint("pairs", __name__)
    blueprint.record_once(serve(Pair))
    app.register_blueprint(blueprint)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no file": (
        lambda p: (write(p) / "model.onnx").unlink(),
        "No such file or directory: .*model.onnx",
    ),
    "no card": (
        lambda p: (write(p) / "model.json").unlink(),
        "No such file or directory: .*model.json",
    ),
    "a card that is not JSON": (
        lambda p: (write(p) / "model.json").write_text("{"),
        "model.json: Input data was truncated",
    ),
    "a card without labels": (
        lambda p: write(p, labels=None),
        r"model.json: Expected `array`, got `null`",
    ),
    "a file that was changed": (
        lambda p: (write(p) / "model.onnx").write_bytes(FILE.replace(b"softmax", b"Softmax")),
        "model.onnx has SHA-256 [0-9a-f]{64}, model.json has [0-9a-f]{64}",
    ),
    "a truncated file": (lambda p: write(p, FILE[:-30]), "protobuf parsing failed"),
    "another opset": (lambda p: write(p, softmax({"a": 1, "b": 1}, opset=99)), "opset"),
    "other inputs": (
        lambda p: write(p, softmax({"a": 1, "c": 1})),
        r"model.onnx takes \['a', 'c'\]; it must take \['a', 'b'\], or one input",
    ),
    "more inputs": (
        lambda p: write(p, softmax({"a": 1, "b": 1, "c": 1})),
        r"model.onnx takes \['a', 'b', 'c'\]; it must take \['a', 'b'\], or one input",
    ),
    "a matrix of more columns": (
        lambda p: write(p, softmax({"both": 3})),
        "Got invalid dimensions for input: both",
    ),
    "a fixed number of rows": (
        lambda p: write(p, softmax({"a": 1, "b": 1}, rows=1)),
        "Got invalid dimensions for input: [ab]",
    ),
    "another output": (
        lambda p: write(p, output="scores"),
        "Invalid output name: *scores",
    ),
    "more labels": (
        lambda p: write(p, labels=["first", "second", "third"]),
        r"probabilities has the shape \(2, 2\), not \(2, 3\)",
    ),
    "another range in the struct": (
        lambda p: write(p, inputs=CARD["inputs"] | {"a": {"type": "number", "maximum": 2}}),
        "the input a: model.json has .*2.*, Pair has .*1e",
    ),
    "another prediction of the golden example": (
        lambda p: write(
            p,
            golden_example=CARD["golden_example"]
            | {"output": {"label": "second", "probability": 0.6}},
        ),
        "the golden example gives .*0.73.*, model.json has .*0.6",
    ),
    "a golden example that is not valid": (
        lambda p: write(p, golden_example=CARD["golden_example"] | {"input": {"a": "x"}}),
        "the golden example in model.json: Expected `float`, got `str`",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_that_does_not_fit_is_refused_in_a_line(tmp_path: Path, fault: str) -> None:
    make, reason = FAULTS[fault]
    make(tmp_path)
    with pytest.raises(SystemExit, match=f"^MODEL_PATH={tmp_path}: .*{reason}") as refused:
        start(tmp_path)
    assert "\n" not in str(refused.value)


def test_missing_values_need_an_input_of_floats(tmp_path: Path) -> None:
    write(tmp_path, softmax({"a": 1, "b": 1}, kind=INT64))
    with pytest.raises(SystemExit, match="the input b can be null, so model.onnx must take floats"):
        start(tmp_path)
