"""Measure requests: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/."""

from collections import Counter
from threading import Lock

from opentelemetry.metrics import CallbackOptions, Observation

from .conventions import METHOD
from .per_process import per_process
from .telemetry import meter, tracer

# In seconds, from the conventions.
BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]


class Instruments:
    """The tracer and the metrics with which one process records its requests."""

    def __init__(self) -> None:
        self.start_span = tracer().start_span
        self.duration = meter().create_histogram(
            "http.server.request.duration",
            "s",
            "Duration of HTTP server requests.",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )
        # Not a counter of the SDK, because each change of an SDK counter is slow.
        self.active: Counter[str] = Counter()
        self.lock = Lock()
        meter().create_observable_up_down_counter(
            "http.server.active_requests",
            [self.observe],
            "{request}",
            "Number of active HTTP server requests.",
        )

    def count(self, method: str, change: int) -> None:
        with self.lock:
            self.active[method] += change

    def observe(self, _: CallbackOptions) -> list[Observation]:
        counts = self.active.copy()
        return [Observation(count, {METHOD: method}) for method, count in counts.items()]


@per_process
def instruments() -> Instruments:
    """Return the instruments of this process; its first request creates them."""
    return Instruments()
