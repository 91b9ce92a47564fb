"""Send traces and metrics to an OpenTelemetry collector: docs/telemetry.md.

Without an endpoint, nothing is recorded, and the SDK is not imported.
"""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from flask import Flask, current_app
from msgspec import Meta

from .per_process import per_process
from .settings import ServerSettings

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer

    from .exports import Exports

__all__ = ["meter", "tracer"]

URL = Meta(pattern=r"^(https?://[^\s/?#@]+(/[^\s?#@]*)?)?\Z", description="an http or https URL")


@dataclass(frozen=True, kw_only=True)
class TelemetrySettings(ServerSettings):
    """The OTEL_ variables that this project reads; the SDK reads the others itself."""

    otel_exporter_otlp_endpoint: Annotated[str, URL] = ""
    otel_exporter_otlp_traces_endpoint: Annotated[str, URL] = ""
    otel_exporter_otlp_metrics_endpoint: Annotated[str, URL] = ""
    otel_service_name: str = "{{ cookiecutter.project_slug }}"
    otel_sdk_disabled: bool = False

    @property
    def endpoints(self) -> tuple[str, str]:
        """The URLs for traces and for metrics; if one is empty, that signal is not sent."""
        base = self.otel_exporter_otlp_endpoint.rstrip("/")
        return (
            self.otel_exporter_otlp_traces_endpoint or (base and f"{base}/v1/traces"),
            self.otel_exporter_otlp_metrics_endpoint or (base and f"{base}/v1/metrics"),
        )


def is_on() -> bool:
    """Return whether the current application, if there is one, sends traces or metrics."""
    return bool(current_app) and "telemetry" in current_app.extensions


@per_process
def exports() -> "Exports | None":
    """Return the SDK of the current application; return None if it could not start.

    The first request in each worker starts it, because its threads would not survive the fork.
    """
    from .exports import Exports

    try:
        return Exports(current_app._get_current_object())  # type: ignore[attr-defined]
    except Exception:  # a request must not fail because of telemetry
        logging.getLogger(__name__).exception("Telemetry is off: check the OTEL_ variables.")
        return None


def tracer() -> "Tracer":
    """Return the tracer of the current application, for spans of your own.

    `with tracer().start_as_current_span("resize"): …`. Without an endpoint, its spans do nothing.
    """
    from opentelemetry.trace import NoOpTracer

    made = exports() if is_on() else None
    return made.tracer if made else NoOpTracer()


def meter() -> "Meter":
    """Return the meter of the current application, for metrics of your own.

    Create each instrument once per process: docs/telemetry.md has an example.
    """
    from opentelemetry.metrics import NoOpMeter

    made = exports() if is_on() else None
    return made.meter if made else NoOpMeter("api")


def record_requests(app: Flask) -> None:
    """Wrap an application so that each request has a span; without an endpoint, do nothing."""
    settings = app.extensions["settings"]
    if any(settings.endpoints) and not settings.otel_sdk_disabled:
        # Import the SDK before the fork, so that workers share its memory. This starts no thread.
        from . import exports as exports
        from .spans import Requests

        app.extensions["telemetry"] = True
        app.wsgi_app = Requests(app.wsgi_app, app)  # type: ignore[assignment, method-assign]
