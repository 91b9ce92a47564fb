"""Serve a machine-learning model: an ONNX file and its card. docs/model.md explains both.

`predictions.record_once(serve(Customer))` loads the model whose inputs are the fields of Customer.
`model().predict(customers)` returns its predictions.
"""

# % if false
# ruff: noqa: F811, I001
# fmt: off
# % endif
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from flask import current_app
from flask.blueprints import BlueprintSetupState
from msgspec.structs import astuple

from .cards import Card, Prediction, Version
# % if cookiecutter.telemetry == "otlp"
from .predicting import predicting
# % endif
from .settings import ServerSettings

# onnxruntime would send usage data to Microsoft, from a thread. This thread does not exist in a
# forked worker, which would abort when it exits.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime  # type: ignore[import-untyped]  # it has no stubs

__all__ = ["Card", "Prediction", "Version", "model", "serve"]

FLOATS: dict[str, Any] = {"tensor(float)": np.float32, "tensor(double)": np.float64}
TYPES: dict[str, Any] = FLOATS | {"tensor(int64)": np.int64, "tensor(string)": np.object_}
# Maximum difference from the golden example's probability, because processors round differently.
TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class ModelSettings(ServerSettings):
    model_path: Path = Path("model")


@contextmanager
def naming(place: str) -> Iterator[None]:
    """Add a place to the message of a msgspec error."""
    try:
        yield
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"{place}: {error}") from error


class Model:
    """A model that was loaded, checked and run once. Threads and forked processes can share it.

    Raises an exception if the file, the card and the struct `instance` do not match.
    """

    def __init__(self, folder: Path, instance: type[msgspec.Struct]) -> None:
        text = (folder / "model.json").read_bytes()
        with naming("model.json"):
            self.card = msgspec.json.decode(text, type=Card)
        file = (folder / "model.onnx").read_bytes()
        if (found := hashlib.sha256(file).hexdigest()) != self.card.sha256:
            raise ValueError(f"model.onnx has SHA-256 {found}, model.json has {self.card.sha256}")
        self.version = Version(self.card.name, self.card.version)
        options = onnxruntime.SessionOptions()
        # One thread, because other threads would not exist after the fork. Without a fork, they
        # would compete with the server's threads.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(file, options, ["CPUExecutionProvider"])
        self.inputs = {each.name: TYPES.get(each.type) for each in self.session.get_inputs()}
        self.check(instance)
        example = self.card.golden_example
        # Two rows, because some files accept only one.
        with naming("the golden example in model.json"):
            given = msgspec.convert(example.input, instance)
        made, _ = self.predict([given] * 2)
        difference = abs(made.probability - example.output.probability)
        if made.label != example.output.label or not difference <= TOLERANCE:
            raise ValueError(f"the golden example gives {made}, model.json has {example.output}")

    def check(self, instance: type[msgspec.Struct]) -> None:
        """Raise ValueError if the inputs of the struct, the card and the file differ."""
        name = instance.__name__
        fields = msgspec.json.schema(instance)["$defs"][name]["properties"]
        for field in fields | self.card.inputs:
            ours, theirs = fields.get(field), self.card.inputs.get(field)
            if ours != theirs:
                raise ValueError(f"the input {field}: model.json has {theirs}, {name} has {ours}")
        if len(self.inputs) > 1 and [*self.inputs] != [*fields]:
            wanted = f"{[*fields]}, or one input with a column for each"
            raise ValueError(f"model.onnx takes {[*self.inputs]}; it must take {wanted}")
        for place, (field, about) in enumerate(fields.items()):
            kind = [*self.inputs.values()][place % len(self.inputs)]
            if {"type": "null"} in about.get("anyOf", []) and kind not in FLOATS.values():
                raise ValueError(f"the input {field} can be null, so model.onnx must take floats")

    def probabilities(self, instances: Sequence[msgspec.Struct]) -> Any:
        """Return an array with a row for each instance and a column for each label."""
        table = np.array([astuple(instance) for instance in instances], np.object_)
        columns = table[None] if len(self.inputs) == 1 else table.T[..., None]
        with np.errstate(over="ignore"):  # a number too large for 32 bits becomes infinite
            feed = {
                name: column.astype(kind)
                for (name, kind), column in zip(self.inputs.items(), columns, strict=True)
            }
        found = np.asarray(self.session.run([self.card.output], feed)[0])
        if found.shape != (wanted := (len(table), len(self.card.labels))):
            raise ValueError(f"{self.card.output} has the shape {found.shape}, not {wanted}")
        if not np.isfinite(found).all():
            raise ValueError("the model returns a probability that is not finite")
        return found

    def predict(self, instances: Sequence[msgspec.Struct]) -> list[Prediction]:
        """Return the most probable label of each instance."""
        labels = self.card.labels
        # % if cookiecutter.telemetry == "otlp"
        with predicting(self.version, len(instances)):
            found = self.probabilities(instances)
        # % else
        found = self.probabilities(instances)
        # % endif
        return [
            Prediction(labels[row.index(highest := max(row))], round(highest, 6))
            for row in found.tolist()
        ]


def serve(instance: type[msgspec.Struct]) -> Callable[[BlueprintSetupState], None]:
    """Load the model of MODEL_PATH when a blueprint is registered: `record_once(serve(Customer))`.

    Raises SystemExit with one line if the model cannot be served.
    """

    def load(state: BlueprintSetupState) -> None:
        folder = state.app.extensions["settings"].model_path
        try:
            state.app.extensions["model"] = Model(folder, instance)
        except Exception as error:  # onnxruntime has its own types
            reason = " ".join(str(error).split())
            raise SystemExit(f"MODEL_PATH={folder}: {reason}") from error

    return load


def model() -> Model:
    """Return the model of the current application."""
    found: Model = current_app.extensions["model"]
    return found
