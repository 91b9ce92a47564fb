"""Run the OpenTelemetry SDK, which is imported before the fork and started in each worker."""

import importlib
import logging
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from flask import Flask
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from .redaction import redacted

importlib.import_module("requests")  # otherwise each worker would import it
log = logging.getLogger(__name__)
# Seconds to send the last spans and metrics when a worker shuts down. LAST_TRY applies if exports
# to the collector already fail.
LAST_EXPORT, LAST_TRY = 1.0, 0.1


class Reason(logging.Filter):
    """Drop the messages of an SDK exporter; keep the reason of the last attempt, for `Watched`.

    The message after the last attempt, which reports that all attempts failed, has no reason.
    """

    text = ""  # empty until an attempt fails

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if not self.text or "max retries or shutdown" not in text:
            text = text.removeprefix("Transient error ").partition(" encountered while")[0]
            self.text = text[:300].rstrip(".")  # a message can contain a proxy's response
        return False


class Headers(logging.Filter):
    """Replace the SDK's message about the collector's headers, because it contains the headers."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = "OTEL_EXPORTER_OTLP_HEADERS cannot be read: use name=value,name=value."
        record.args = ()
        return True


logging.getLogger("opentelemetry.util.re").addFilter(Headers())


class Watched:
    """Log one warning when exports begin to fail, and one line when they work again."""

    is_failing = False
    what: str  # for the log
    reason: Reason

    def export(self, *arguments: Any, **more: Any) -> Any:
        result = super().export(*arguments, **more)  # type: ignore[misc]
        if not (failed := result.name != "SUCCESS"):
            self.reason.text = ""
        if failed and not self.is_failing:
            text = "Cannot send %s to the collector: %s. Requests are not affected."
            log.warning(text, self.what, self.reason.text)
        elif self.is_failing and not failed:
            log.info("The collector receives %s again.", self.what)
        self.is_failing = failed
        return result


def silenced(exporter: type) -> Reason:
    """Silence the logger of an exporter's module, because `Watched` logs instead."""
    logger = logging.getLogger(exporter.__module__)
    for each in logger.filters:
        if isinstance(each, Reason):
            return each
    logger.addFilter(reason := Reason())
    return reason


class SpanExporter(Watched, OTLPSpanExporter):
    what, reason = "traces", silenced(OTLPSpanExporter)

    def export(self, spans: Sequence[ReadableSpan]) -> Any:
        return super().export([redacted(span) for span in spans])


class MetricExporter(Watched, OTLPMetricExporter):
    what, reason = "metrics", silenced(OTLPMetricExporter)


class SpanProcessor(BatchSpanProcessor):
    patience = LAST_EXPORT

    def shutdown(self) -> None:
        """Export the last spans. The SDK's timeout, 30 s, would delay the worker's shutdown."""
        self._batch_processor.shutdown(timeout_millis=int(self.patience * 1000))


class Exports:
    """The tracer and the meter of an application, and the threads that send their data."""

    def __init__(self, app: Flask) -> None:
        """Start the SDK; raise ValueError if it rejects a variable."""
        settings = app.extensions["settings"]
        traces, measurements = settings.endpoints
        # While the SDK's queue is full, this logger logs a warning for each span.
        logging.getLogger("opentelemetry.sdk._shared_internal").setLevel(logging.ERROR)
        own = {
            "service.name": settings.otel_service_name,
            "service.version": app.extensions["openapi"][0]["info"]["version"],
        }
        resource = Resource.create(own | {**OTELResourceDetector().detect().attributes})
        sampler = None if traces else ALWAYS_OFF
        self._tracers = TracerProvider(sampler, resource, shutdown_on_exit=False)
        self._spans = SpanProcessor(SpanExporter(traces)) if traces else None
        if self._spans:
            self._tracers.add_span_processor(self._spans)
        readers = []
        if measurements:
            readers.append(PeriodicExportingMetricReader(MetricExporter(measurements)))
        self._meters = MeterProvider(readers, resource, shutdown_on_exit=False)
        self._closed = False
        self.tracer = self._tracers.get_tracer("chassis")
        self.meter = self._meters.get_meter("chassis")
        # Libraries with their own spans use the global providers. The first application sets them.
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            trace.set_tracer_provider(self._tracers)
            metrics.set_meter_provider(self._meters)

    def close(self) -> None:
        """Export the remaining spans and metrics, in LAST_EXPORT seconds at most."""
        if self._closed:
            return
        self._closed = True
        fails = SpanExporter.reason.text or MetricExporter.reason.text
        patience = LAST_TRY if fails else LAST_EXPORT
        end = monotonic() + patience
        if self._spans:
            self._spans.patience = patience
        self._tracers.shutdown()
        with suppress(Exception):  # raised if no time is left
            self._meters.shutdown(timeout_millis=(end - monotonic()) * 1000)
