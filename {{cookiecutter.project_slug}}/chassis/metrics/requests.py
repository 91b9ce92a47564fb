"""Count and time requests. Labels have a limited set of values, whatever callers send."""

from threading import local
from time import perf_counter
from typing import Any

from flask import Flask, request
from prometheus_client import Counter, Gauge, Histogram

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
# In seconds. Five of them are up to 100 ms, for fast responses.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

requests = Counter(
    "http_requests_total", "Requests that have ended.", ["method", "route", "status"]
)
durations = Histogram(
    "http_request_duration_seconds",
    "Time from a request's headers to the end of its response.",
    ["method", "route"],
    buckets=BUCKETS,
)
in_flight = Gauge("http_requests_in_flight", "Requests in flight.", multiprocess_mode="livesum")
ROUTE = "chassis.route"  # in the WSGI environment
current = local()


def note_route(app: Flask, **_: Any) -> None:
    """Keep the URL rule that matches a request, such as /api/v1/items/<uuid:item_id>."""
    if request.url_rule:
        request.environ[ROUTE] = request.url_rule.rule


def pre_request(worker: Any, req: Any) -> None:
    """Start timing. gunicorn calls this in the request's thread, when it has the headers."""
    current.began, current.counted = perf_counter(), False
    try:
        in_flight.inc()
        current.counted = True
    except Exception:  # gunicorn would refuse the request
        worker.log.exception("A request is not counted.")


def post_request(worker: Any, req: Any, environ: dict[str, Any], resp: Any) -> None:
    """Count the request. gunicorn calls this in the same thread, when the response has ended."""
    if not current.counted:
        return
    in_flight.dec()
    method = req.method if req.method in METHODS else "other"
    route = environ.get(ROUTE, "none")
    requests.labels(method, route, getattr(resp, "status_code", None) or "none").inc()
    durations.labels(method, route).observe(perf_counter() - current.began)
