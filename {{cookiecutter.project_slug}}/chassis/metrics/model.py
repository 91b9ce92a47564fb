"""Measure the model: its time, batch sizes and predicted labels."""

from collections import Counter as Count
from collections.abc import Sequence
from typing import Any

from flask import Flask
from prometheus_client import Counter, Histogram

durations = Histogram(
    "model_duration_seconds",
    "Time in the model for each batch.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
batches = Histogram(
    "model_batch_size", "Instances in each batch.", buckets=(1, 2, 5, 10, 20, 50, 100)
)
labels = Counter("model_labels_total", "Predictions, by label.", ["label"])


def watch(app: Flask) -> None:
    """Measure the predictions of an application's model."""
    model = app.extensions.get("model")
    if not model:
        return
    predict = model.predict

    def measured(instances: Sequence[Any]) -> Any:
        with durations.time():
            found = predict(instances)
        batches.observe(len(instances))
        for label, count in Count(each.label for each in found).items():
            labels.labels(label).inc(count)
        return found

    model.predict = measured
