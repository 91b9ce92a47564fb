"""Measure the datastore once a second, because measuring at each call would slow every request."""

import time
from threading import Thread

from flask import Flask
from prometheus_client import Gauge

# % if cookiecutter.datastore == "sql"
from ..database import engine

connections = Gauge(
    "datastore_connections",
    "Connections in the pool.",
    ["state"],
    multiprocess_mode="livesum",
)
# % endif
permits = Gauge(
    "datastore_permits",
    "Maximum number of requests that can use the datastore at once.",
    multiprocess_mode="livesum",
)
in_use = Gauge(
    "datastore_permits_in_use", "Requests that use the datastore.", multiprocess_mode="livesum"
)
breakers = Gauge(
    "datastore_open_breakers",
    "Workers whose circuit breaker is open because the datastore does not respond.",
    multiprocess_mode="livesum",
)


def watch(app: Flask) -> None:
    """Start a thread that measures an application's datastore in this process."""
    Thread(target=repeat, args=[app], name="metrics", daemon=True).start()


def repeat(app: Flask) -> None:
    while True:
        try:
            measure(app)
        except Exception:
            app.logger.exception("The datastore cannot be measured.")
            return
        time.sleep(1)


def measure(app: Flask) -> None:
    datastore = app.extensions["datastore"]
    permits.set(datastore.bulkhead.permits)
    in_use.set(datastore.bulkhead.in_use)
    breakers.set(datastore.breaker.is_open)
    # % if cookiecutter.datastore == "sql"
    with app.app_context():
        pool = engine().pool
    connections.labels("in_use").set(pool.checkedout())  # type: ignore[attr-defined]
    connections.labels("idle").set(pool.checkedin())  # type: ignore[attr-defined]
    # % endif
