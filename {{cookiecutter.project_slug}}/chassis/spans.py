"""Record a span and metrics for each request, from its headers to the end of the response body."""

import os
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from flask import Flask, got_request_exception, request_started
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import (
    SpanContext,
    SpanKind,
    StatusCode,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from werkzeug.wsgi import ClosingIterator

from .conventions import (
    METHOD,
    address_of,
    is_failure,
    method_of,
    name_of,
    note_error,
    note_route,
    outcome_of,
)
from .instruments import Instruments, instruments

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

propagator = TraceContextTextMapPropagator()


class Requests:
    """Wrap a WSGI application and record its requests."""

    def __init__(self, application: "WSGIApplication", app: Flask) -> None:
        self.application, self.app = application, app
        self._process = 0  # id of the process that created the instruments
        # request_started is sent before credentials are verified, so that a 401 has its route.
        request_started.connect(note_route, app)
        got_request_exception.connect(note_error, app)

    def instruments(self) -> Instruments:
        """Return the instruments of this process; its first request creates them."""
        if self._process != os.getpid():
            with self.app.app_context():
                self._instruments = instruments()
            self._process = os.getpid()
        return self._instruments

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        record = self.instruments()
        begun = perf_counter()
        method = method_of(environ)
        parent = parent_of(environ)
        span = record.start_span("HTTP", parent, SpanKind.SERVER)
        token = attach(set_span_in_context(span, parent))
        if span.get_span_context().is_valid:
            name_in_logs(environ, span.get_span_context())
        record.count(method, 1)
        ended = False

        def end() -> None:
            nonlocal ended
            if ended:
                return
            ended = True
            record.count(method, -1)
            try:
                attributes = {METHOD: method} | outcome_of(environ)
                record.duration.record(perf_counter() - begun, attributes)
                if span.is_recording():
                    span.update_name(name_of(attributes))
                    span.set_attributes(attributes | address_of(environ))
                    if is_failure(environ, attributes):
                        span.set_status(StatusCode.ERROR)
            except Exception:  # the response is not affected
                self.app.logger.exception("A request is not recorded.")
            finally:
                span.end()
                detach(token)

        try:
            body = self.application(environ, start)
        except BaseException:
            end()
            raise
        if isinstance(body, environ.get("wsgi.file_wrapper", ())):
            call_after(body, end)
            return body  # type: ignore[no-any-return]  # the server sends the file
        return ClosingIterator(body, end)


def call_after(file: Any, end: Callable[[], None]) -> None:
    """Call `end` when a file is closed. A wrapper would hide the file from the server."""
    close = getattr(file, "close", bool)

    def close_and_end() -> None:
        try:
            close()
        finally:
            end()

    file.close = close_and_end


def parent_of(environ: "WSGIEnvironment") -> Context:
    """Return the caller's trace; return an empty context if traceparent is missing or invalid."""
    if "HTTP_TRACEPARENT" not in environ:
        return Context()
    carrier = {"traceparent": environ["HTTP_TRACEPARENT"]}
    if state := environ.get("HTTP_TRACESTATE"):
        carrier["tracestate"] = state
    return propagator.extract(carrier, Context())


def name_in_logs(environ: "WSGIEnvironment", ids: SpanContext) -> None:
    """Add the ids of a request's span to the request's log lines."""
    trace, span = format_trace_id(ids.trace_id), format_span_id(ids.span_id)
    environ["log_fields"] = {"trace_id": trace, "span_id": span}
    # % if cookiecutter.deploy == "cloud-run"
    environ["chassis.traceparent"] = f"00-{trace}-{span}-{ids.trace_flags:02x}"
    # % endif
