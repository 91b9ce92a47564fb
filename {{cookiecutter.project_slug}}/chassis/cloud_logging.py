"""Link log lines to traces: https://cloud.google.com/logging/docs/structured-logging."""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# https://www.w3.org/TR/trace-context/#traceparent-header
read_traceparent = re.compile("00-(?!0{32})([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})").fullmatch
# https://cloud.google.com/trace/docs/trace-context
read_legacy = re.compile(r"([0-9a-f]{32})/(\d{1,20})(?:;o=(\d))?", re.ASCII).fullmatch


def with_trace(application: "WSGIApplication", project: str) -> "WSGIApplication":
    """Wrap a WSGI application: add each request's trace, in `project`, to the log lines."""

    def wrapped(environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        environ["log_fields"] |= fields_of(environ, project)
        return application(environ, start_response)

    return wrapped


def fields_of(environ: "WSGIEnvironment", project: str) -> dict[str, Any]:
    """Return the log fields of the trace in a request's headers; return {} if there is none."""
    named: str = environ.get("HTTP_TRACEPARENT", "")
    # % if cookiecutter.telemetry == "otlp"
    named = environ.get("chassis.traceparent", named)  # of the request's span, if telemetry is on
    # % endif
    if found := read_traceparent(named):
        trace, span, flags = found.groups()
    elif found := read_legacy(environ.get("HTTP_X_CLOUD_TRACE_CONTEXT", "")):
        trace, span, flags = found.groups("0")
        span = f"{int(span) % 2**64:016x}"
    else:
        return {}
    return {
        "logging.googleapis.com/trace": f"projects/{project}/traces/{trace}",
        "logging.googleapis.com/spanId": span,
        "logging.googleapis.com/trace_sampled": bool(int(flags, 16) & 1),
    }
