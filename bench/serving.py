"""Measure each kind of request. The servers take turns in each round."""

from contextlib import ExitStack
from typing import Any
from uuid import UUID

from .load import closed
from .measured import ROWS, Bench, of_connections, of_cpus
from .servers import (
    ONE,
    TWO,
    Server,
    as_rendered,
    serve,
)

GREETINGS, ITEMS = "/api/v1/greetings", "/api/v1/items"
AGAINST = {
    "bare Flask": "bare WSGI",
    "GET /health": "bare Flask",
    "POST /greetings": "bare Flask, POST",
    "404": "GET /health",
    "422": "POST /greetings",
}
QUANTILES = {"p50": "p50", "p99": "p99", "p999": "p99.9"}
GOOD, BAD = '{"name": "Ada"}', '{"name": ""}'


def kinds(bench: Bench, workers: int) -> dict[str, tuple[Server, str, dict[str, Any]]]:
    """Return the server, the path and further arguments of `closed`, by kind of request."""
    post: dict[str, Any] = {"body": GOOD, "status": 201}
    wrong: dict[str, Any] = {"body": BAD, "status": 422}
    nothing: dict[str, Any] = {"status": 404}
    bare, own = bench.flask(workers=workers), as_rendered(bench.none)
    each = {
        "bare WSGI": (bench.flask(workers=workers, app="bare_wsgi:app"), "/health", {}),
        "bare Flask": (bare, "/health", {}),
        "GET /health": (own, "/health", {}),
        "404": (own, "/nothing", nothing),
        "bare Flask, 404": (bare, "/nothing", nothing),
        "bare Flask, POST": (bare, GREETINGS, post),
        "POST /greetings": (own, GREETINGS, post),
        "422": (own, GREETINGS, wrong),
    }
    if hasattr(bench, "urls"):
        deep = f"{ITEMS}?cursor={bench.deep}"
        for name, url in bench.urls.items():
            server = as_rendered(bench.sql, DATABASE_URL=url)
            page = f"a page of 20, {name}"
            each[page] = (server, ITEMS, {})
            each[f"{page}, after {ROWS - 20:,} rows"] = (server, deep, {})
            each[f"an item, {name}"] = (server, f"{ITEMS}/{UUID(int=ROWS // 2)}", {})
    return each


def requests(bench: Bench) -> None:
    """Measure each kind of request, with one worker per CPU. All servers run; the load takes turns."""
    for cpus in (ONE,) if bench.quick else (ONE, TWO):
        calls = kinds(bench, cpus.count(",") + 1)
        servers = {repr(server): server for server, *_ in calls.values()}
        against = AGAINST | {
            name: name.partition(", after")[0] for name in calls if ", after" in name
        }
        measured: dict[tuple[int, str], dict[str, float]] = {}
        with ExitStack() as stack:
            running = {
                key: stack.enter_context(serve(server, cpus)) for key, server in servers.items()
            }
            for level in (16,) if bench.quick else (1, 16, 256):
                for name, (server, path, how) in bench.turns(calls):
                    seconds = bench.seconds + (level > 100)
                    one = running[repr(server)]
                    figures = closed(one, path, seconds=seconds, connections=level, **how)
                    for figure in ("rate", "p50", "p99", "p999"):
                        measured.setdefault((level, figure), {})[name] = figures[figure]
        for (level, figure), column in measured.items():
            round_ = {name: column[name] for name in calls}
            where = f"{of_cpus(cpus)}, {of_connections(level)}"
            if figure == "rate":
                bench.table(f"Requests a second, {where}", "requests a second").add(round_, against)
            else:
                bench.table(f"Latency, {QUANTILES[figure]}, {where}", "ms").add(round_)
