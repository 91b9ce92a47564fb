"""Record calls to Firestore as spans: https://opentelemetry.io/docs/specs/semconv/database/."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..telemetry import is_on, tracer


@contextmanager
def span(method: Callable[..., Any]) -> Iterator[None]:
    """Record a call of a client method in a span, without its arguments and result."""
    if not is_on():
        yield
        return
    from opentelemetry.trace import SpanKind, StatusCode, get_current_span

    if not get_current_span().is_recording():
        yield
        return
    name = getattr(
        getattr(method, "func", method), "__name__", "call"
    )  # a partial has no name, but its function has one
    about = {"db.system.name": "gcp.firestore", "db.operation.name": name}
    # Exceptions are not recorded, because their messages can contain names of documents.
    with tracer().start_as_current_span(
        name,
        kind=SpanKind.CLIENT,
        attributes=about,
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        try:
            yield
        except Exception as error:
            made.set_attribute("error.type", type(error).__name__)
            made.set_status(StatusCode.ERROR)
            raise
