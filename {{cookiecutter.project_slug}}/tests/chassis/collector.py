"""Run a collector that receives OTLP over HTTP, and keeps spans and metrics as plain values."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask import Flask
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from chassis.telemetry import exports


@dataclass
class Span:
    name: str
    kind: int  # 2: a server's span, 3: a client's
    trace: str
    id: str
    parent: str
    state: str
    failed: bool
    seconds: float
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass
class Point:
    value: float  # for a histogram, its count
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass(repr=False)
class Collector:
    """The received bodies, spans, and points of each metric, the newest last."""

    endpoint: str
    status: int = 200
    bodies: list[bytes] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    points: dict[str, list[Point]] = field(default_factory=dict)

    def wait(self, found: Callable[["Collector"], Any], seconds: float = 15) -> Any:
        """Call a function until its result is true, and return the result; fail at a timeout."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if result := found(self):
                return result
            time.sleep(0.02)
        names = [each.name for each in self.spans], [*self.points]
        raise AssertionError(f"not received after {seconds} s; received: {names}")

    def span(self, name: str) -> Span:
        """Wait for a span with a name, and return the first one."""
        found: Span = self.wait(lambda it: [each for each in it.spans if each.name == name])[0]
        return found

    def newest(self, metric: str, **attributes: Any) -> Point:
        """Return a metric's newest point with these attributes; `__` in a name stands for a dot."""
        wanted = {(name.replace("__", "."), value) for name, value in attributes.items()}

        def find(it: "Collector") -> list[Point]:
            points = it.points.get(metric, [])
            return [each for each in points if wanted <= set(each.attributes.items())]

        found: Point = self.wait(find)[-1]
        return found

    def take(self, path: str, body: bytes) -> None:
        self.bodies.append(body)
        if path == "/v1/traces":
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                resource = values(group.resource.attributes)
                for scope in group.scope_spans:
                    self.spans += [span_of(each, resource) for each in scope.spans]
        elif path == "/v1/metrics":
            for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                resource = values(group.resource.attributes)
                for scope in group.scope_metrics:
                    for metric in scope.metrics:
                        points = self.points.setdefault(metric.name, [])
                        points += points_of(metric, resource)


def values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def span_of(span: Any, resource: dict[str, Any]) -> Span:
    return Span(
        span.name,
        span.kind,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.trace_state,
        span.status.code == span.status.STATUS_CODE_ERROR,
        (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        values(span.attributes),
        resource,
    )


def points_of(metric: Any, resource: dict[str, Any]) -> list[Point]:
    if metric.HasField("histogram"):
        points = [(each.count, each) for each in metric.histogram.data_points]
    else:
        points = [(each.as_int or each.as_double, each) for each in metric.sum.data_points]
    return [Point(value, values(each.attributes), resource) for value, each in points]


@contextmanager
def collecting(port: int = 0) -> Iterator[Collector]:
    """Run a collector on a port, by default a free one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            if made.status == 200:
                made.take(self.path, body)
            self.send_response(made.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        made = Collector(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            yield made
        finally:
            server.shutdown()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Yield a collector, and set short export intervals."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
    with collecting() as made:
        yield made


@pytest.fixture
def ending(collector: Collector) -> Iterator[Callable[[Flask], Flask]]:
    """Yield a function to register an application; its exports end before the collector does."""
    apps: list[Flask] = []

    def add(app: Flask) -> Flask:
        apps.append(app)
        return app

    yield add
    for app in apps:
        with app.app_context():
            if made := exports():
                made.close()
