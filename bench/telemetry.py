"""Measure the cost of telemetry: boot time, memory, and CPU time of a request."""

from http.server import BaseHTTPRequestHandler

from tests.support.machine import free_port, listening

from .load import closed
from .measured import Bench
from .servers import Server, as_rendered, memory, serve

NONE, PROMETHEUS = "no telemetry", "prometheus"
OFF, SOME, ALL = "otlp, no endpoint", "otlp, one trace in ten", "otlp, every trace"
# Limits for the cost of telemetry: CPU time of a request in milliseconds, memory in MB.
LIMITS = {PROMETHEUS: (0.025, 3), SOME: (0.06, 12)}


class Collector(BaseHTTPRequestHandler):
    """Receive everything and discard it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


def telemetry(bench: Bench) -> None:
    """Compare each answer to no telemetry, with one worker on one CPU."""
    with listening(Collector) as address:
        on = {"OTEL_EXPORTER_OTLP_ENDPOINT": address}
        tenth = {
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.1",
        }
        servers: dict[str, Server] = {
            NONE: as_rendered(bench.none),
            PROMETHEUS: as_rendered(bench.prometheus, METRICS_PORT=str(free_port())),
            OFF: as_rendered(bench.otlp),
            SOME: as_rendered(bench.otlp, **on, **tenth),
            ALL: as_rendered(bench.otlp, **on),
        }
        boots: dict[str, float] = {}
        costs: dict[str, float] = {}
        used: dict[str, float] = {}
        for name, server in bench.turns(servers):
            with serve(server) as running:
                closed(running, "/health", seconds=1)
                costs[name] = closed(running, "/health", seconds=2 * bench.seconds)["cost"]
                boots[name], used[name] = running.boot, sum(memory(running.pid))
    against = dict.fromkeys(list(servers)[1:], NONE)
    for what, unit, row in (
        ("boot to the first 200", "s", boots),
        ("CPU time of a request", "ms", costs),
        ("memory of an instance (PSS)", "MB", used),
    ):
        table = bench.table(f"Telemetry: {what}", unit)
        table.add({name: row[name] for name in servers}, against)
    for name, limits in LIMITS.items():
        for row, unit, limit in ((costs, "ms", limits[0]), (used, "MB", limits[1])):
            more = {"limit": limit, name: row[name] - row[NONE]}
            bench.table(f"Additional cost of telemetry, {unit}: {name}", unit).add(
                more, {name: "limit"}
            )
