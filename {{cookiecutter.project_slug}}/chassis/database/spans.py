"""Record a span and metrics for each statement.

https://opentelemetry.io/docs/specs/semconv/database/ defines the names. A span has the text of the
statement. It has no parameters and no error messages, because these contain values of rows.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from time import perf_counter
from typing import Any

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import SpanKind, StatusCode, get_current_span
from sqlalchemy import Engine, QueuePool, event

from ..bulkhead import Bulkhead
from ..telemetry import meter, tracer

# In seconds, from the conventions.
BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
# Parts of a statement that can contain values: comments, strings and numbers, complete or cut off.
# Quoted names are matched first and kept, because a quote inside a name does not begin a string.
LITERALS = re.compile(
    r"""(?P<name>"(?:[^"]|"")*(?:"|\Z))
    | --[^\n]* | /\*(?:(?!/\*).)*?\*/ | /\*.*
    | (?<!\w)[eE]'(?:[^'\\]|\\.?|''|'\s*\n\s*')*(?:'|\Z)
    | '(?:[^']|'')*(?:'|\Z)
    | (?<![\w$])(\$\w*\$).*?(?:\2|\Z)
    | (?<![\w$])\.?\d[\w.]*""",
    re.DOTALL | re.VERBOSE,
)
TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE|TABLE|JOIN)\s+((?:"?\w+"?\.)?"?\w+"?)', re.IGNORECASE)
LONGEST = 2000  # characters of a statement


@lru_cache(maxsize=256)
def describe(statement: str) -> tuple[str, str, str]:
    """Return the operation of a statement, its summary, and its text with ? in place of values.

    For example, SELECT, SELECT items, and SELECT name FROM items LIMIT ?.
    """
    text = LITERALS.sub(lambda found: found["name"] or "?", statement)
    operation = (re.findall(r"[A-Za-z]+", text[:100]) or ["SQL"])[0].upper()
    table = TABLE.search(text)
    return operation, f"{operation} {table[1]}" if table else operation, text


def trace(engine: Engine, kind: str, bulkhead: Bulkhead) -> None:
    """Record the statements and the connection pool of an engine, in an application context."""
    system = {"db.system.name": kind}
    start_span = tracer().start_span
    duration = meter().create_histogram(
        "db.client.operation.duration",
        "s",
        "Duration of database client operations.",
        explicit_bucket_boundaries_advisory=BUCKETS,
    )

    @event.listens_for(engine, "before_cursor_execute")
    def begin(*arguments: Any) -> None:
        statement, context = arguments[2], arguments[4]
        if context is None:
            return
        operation, summary, text = describe(statement[:LONGEST])
        about = system | {"db.operation.name": operation}
        span = None
        if get_current_span().is_recording():
            more = {"db.query.summary": summary, "db.query.text": text}
            span = start_span(summary, kind=SpanKind.CLIENT, attributes=about | more)
        context.chassis_statement = perf_counter(), about, span

    @event.listens_for(engine, "after_cursor_execute")
    def succeed(*arguments: Any) -> None:
        end(arguments[4], None)

    # Before the listener of misfits.py: it raises an error, and SQLAlchemy skips later listeners.
    @event.listens_for(engine, "handle_error", insert=True)
    def fail(context: Any) -> None:
        end(context.execution_context, context.original_exception)

    def end(context: Any, error: BaseException | None) -> None:
        """Record the end of a statement, once: `begin` stored its start in `context`."""
        if not context or not (begun_with := vars(context).pop("chassis_statement", None)):
            return
        begun, about, span = begun_with
        if error:
            about["error.type"] = type(error).__name__
        duration.record(perf_counter() - begun, about)
        if span:
            if error:
                span.set_attribute("error.type", about["error.type"])
                if code := getattr(error, "sqlstate", None):
                    span.set_attribute("db.response.status_code", code)
                span.set_status(StatusCode.ERROR)
            span.end()

    observe(engine, bulkhead, {"db.client.connection.pool.name": kind})


def observe(engine: Engine, bulkhead: Bulkhead, name: dict[str, str]) -> None:
    """Measure the connections of a pool, and the requests that wait for one."""

    def connections(_: CallbackOptions) -> Iterator[Observation]:
        if isinstance(pool := engine.pool, QueuePool):
            for state, count in (("used", pool.checkedout()), ("idle", pool.checkedin())):
                yield Observation(count, name | {"db.client.connection.state": state})

    def most(_: CallbackOptions) -> Iterator[Observation]:
        yield Observation(bulkhead.permits, name)

    def pending(_: CallbackOptions) -> Iterator[Observation]:
        yield Observation(bulkhead.waiting, name)

    for suffix, unit, callback, text in (
        ("count", "{connection}", connections, "Connections in the pool, by state."),
        ("max", "{connection}", most, "Maximum size of the pool."),
        ("pending_requests", "{request}", pending, "Requests that wait for a connection."),
    ):
        meter().create_observable_up_down_counter(
            f"db.client.connection.{suffix}", [callback], unit, text
        )
