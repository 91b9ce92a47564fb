"""Remove the messages of exceptions from spans, because they can contain secrets and data."""

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Status

# `start_as_current_span` records an exception that leaves the span. Only the type is kept.
HIDDEN = {"exception.message", "exception.stacktrace"}


def redacted(span: ReadableSpan) -> ReadableSpan:
    """Return a span without its exceptions' messages and stacks, and without its status text."""
    if not span.events and not span.status.description:
        return span
    return ReadableSpan(
        span.name,
        span.context,
        span.parent,
        span.resource,
        span.attributes,
        [shortened(event) for event in span.events],
        span.links,
        span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def shortened(event: Event) -> Event:
    kept = {name: text for name, text in (event.attributes or {}).items() if name not in HIDDEN}
    return Event(event.name, kept, event.timestamp)
