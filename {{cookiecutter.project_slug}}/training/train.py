"""Train the model that api/predictions.py serves: `make train`, or `make train DATA=customers.csv`.

Writes model/model.onnx and its card, model/model.json. If that fails, prints the reason and writes
neither file.
"""

import csv
import hashlib
import json
import math
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import asdict, astuple
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from api.predictions import Customer
from chassis.model import Model

from .data import customers

NAME, VERSION = "renewal", "1.0.0"
FOLDER = Path("model")
OUTCOME, LABELS = "outcome", ["cancels", "renews"]
FIELDS = msgspec.json.schema(Customer)["$defs"]["Customer"]["properties"]
TEXTS = [name for name, field in FIELDS.items() if "enum" in field]
# Minimum number of rows for each outcome.
LEAST = 50
# Minimum area under the ROC curve; below it, no model is written. Random guesses score 0.5.
FLOOR = 0.75
# Maximum difference of a probability between scikit-learn (64 bits) and ONNX (32 bits).
TOLERANCE = 1e-5
# ONNX operator versions, not the newest ones, so that an older onnxruntime can read the model, too.
OPSETS = {"": 21, "ai.onnx.ml": 3}


def build() -> Pipeline:
    """Return the pipeline. Its input has one column per field of Customer, in the same order."""
    texts = [place for place, name in enumerate(FIELDS) if name in TEXTS]
    numbers = [place for place, name in enumerate(FIELDS) if name not in TEXTS]
    columns = [
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        ("texts", OneHotEncoder(categories=[FIELDS[name]["enum"] for name in TEXTS]), texts),
    ]
    return make_pipeline(ColumnTransformer(columns), LogisticRegression(max_iter=1000))


def read(text: str) -> tuple[list[Customer], list[str]]:
    """Return the customers and the outcomes of a CSV file; exit at the first invalid line."""
    found, outcomes = [], []
    rows = csv.DictReader(text.splitlines())
    if OUTCOME not in (names := list(rows.fieldnames or [])):
        sys.exit(f"the data has no column {OUTCOME}, only {names}; nothing was written")
    for row in rows:
        try:
            if None in row:
                raise ValueError(f"it has more cells than the first line, which has {len(names)}")
            if (outcome := row.pop(OUTCOME, None)) not in LABELS:
                raise ValueError(f"{OUTCOME} is {outcome!r}, not one of {LABELS}")
            outcomes.append(outcome)
            cells = {name: cell or None for name, cell in row.items()}
            found.append(msgspec.convert(cells, Customer, strict=False))
        except (ValueError, msgspec.ValidationError) as error:
            sys.exit(f"line {rows.line_num} of the data: {error}; nothing was written")
    return found, outcomes


def table(found: list[Customer]) -> Any:
    """Convert customers to the pipeline's input: a missing value becomes NaN."""
    rows = [[math.nan if value is None else value for value in astuple(each)] for each in found]
    return np.array(rows, dtype=object)


def convert(pipeline: Pipeline) -> bytes:
    """Return the pipeline in ONNX, with an input for each field."""
    types = [
        (name, (StringTensorType if name in TEXTS else FloatTensorType)([None, 1]))
        for name in FIELDS
    ]
    plain = {"zipmap": False}
    made = convert_sklearn(pipeline, NAME, types, target_opset=OPSETS, options=plain)
    made.opset_import.sort(key=lambda operators: operators.domain)  # skl2onnx's order varies
    return made.SerializeToString()


def main(path: str = "") -> None:
    """Train on a CSV file, or on the made-up customers; write the model and its card."""
    try:
        text = Path(path).read_text("utf-8-sig") if path else customers()
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"{path} cannot be read: {error}; nothing was written")
    found, outcomes = read(text)
    for label in LABELS:
        if (count := outcomes.count(label)) < LEAST:
            sys.exit(
                f"{count} rows have the outcome {label}, fewer than {LEAST}; nothing was written"
            )
    for name in FIELDS:
        if all(getattr(customer, name) is None for customer in found):
            sys.exit(f"no row has a value for {name}; nothing was written")
    train, test, learnt, truth = train_test_split(found, outcomes, test_size=0.2, random_state=0)
    pipeline = build().fit(table(train), learnt)
    expected = pipeline.predict_proba(table(test))
    score = roc_auc_score([outcome == LABELS[1] for outcome in truth], expected[:, 1])
    if score < FLOOR:
        sys.exit(f"roc_auc is {score:.4f}, less than {FLOOR}; nothing was written")
    model = convert(pipeline)
    best = int(expected[0].argmax())
    card = {
        "name": NAME,
        "version": VERSION,
        "sha256": hashlib.sha256(model).hexdigest(),
        "inputs": FIELDS,
        "output": "probabilities",
        "labels": LABELS,
        "metrics": {
            "roc_auc": round(float(score), 4),
            "accuracy": round(accuracy_score(truth, pipeline.predict(table(test))), 4),
            "rows": len(test),
        },
        # The last digits of the metrics depend on these versions and on the processor.
        "training": {
            "data": path or "training/data.py",
            "data_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "rows": len(train),
            "machine": platform.machine(),
            "python": platform.python_version(),
        }
        | {name: version(name) for name in ("numpy", "scikit-learn", "skl2onnx", "onnxruntime")},
        "golden_example": {
            "input": asdict(test[0]),
            "output": {"label": LABELS[best], "probability": round(float(expected[0][best]), 6)},
        },
    }
    try:
        FOLDER.mkdir(exist_ok=True)
        # In FOLDER, so that both files can be moved, and a full disk leaves the old ones.
        with TemporaryDirectory(dir=FOLDER) as folder:
            write(Path(folder), model, card)
            served = Model(Path(folder), Customer).probabilities(test)
            if (difference := np.abs(served - expected).max()) > TOLERANCE:
                sys.exit(f"ONNX differs from scikit-learn by {difference:.1e}; nothing was written")
            for file in Path(folder).iterdir():
                file.replace(FOLDER / file.name)
    except OSError as error:
        sys.exit(f"{FOLDER}/ cannot be written: {error}")
    print(f"{FOLDER}/: {NAME} {VERSION}, {len(model)} bytes, {card['metrics']}")


def write(folder: Path, model: bytes, card: dict[str, Any]) -> None:
    (folder / "model.onnx").write_bytes(model)
    (folder / "model.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
