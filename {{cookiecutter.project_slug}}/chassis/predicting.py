"""Record a span and metrics for each call of the model. OpenTelemetry defines no names for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from .cards import Version
from .per_process import per_process
from .telemetry import is_on, meter, tracer

# In seconds: a small model takes less than a millisecond.
BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]


@per_process
def instruments() -> tuple[Any, Any]:
    """Return the histograms of the durations and of the batch sizes."""
    return (
        meter().create_histogram(
            "model.prediction.duration",
            "s",
            "Duration of one call of the model.",
            explicit_bucket_boundaries_advisory=BUCKETS,
        ),
        meter().create_histogram(
            "model.prediction.batch_size",
            "{instance}",
            "Instances in one call of the model.",
            explicit_bucket_boundaries_advisory=[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
        ),
    )


@contextmanager
def predicting(model: Version, size: int) -> Iterator[None]:
    """Record a call of a model with `size` instances; the instances themselves are not recorded."""
    if not is_on():  # for example outside an application, while the model is checked
        yield
        return
    about = {"model.name": model.name, "model.version": model.version}
    begun = perf_counter()
    with tracer().start_as_current_span("predict", attributes=about | {"model.batch_size": size}):
        yield
    durations, sizes = instruments()
    durations.record(perf_counter() - begun, about)
    sizes.record(size, about)
