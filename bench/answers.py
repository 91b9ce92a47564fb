"""Measure what each answer adds to boot and memory; write it into the table of docs/answers.md.

    python -m bench.answers [ROUNDS]

An instance has one worker on one CPU. Boot is the CPU time of its processes until all are idle.
Memory is their PSS after 100 requests. The projects take turns. A figure is the median of the
per-round differences. Needs Linux and the Firestore emulator.
"""

import sys
from contextlib import ExitStack
from statistics import median

from tests.support.datastores import Emulator
from tests.support.machine import free_port, listening
from tools import answers as page

from .__main__ import EMULATOR, machine
from .load import needed
from .others import PREDICTIONS, instances
from .servers import ONE, Server, as_rendered, ask, cpu_time, memory, render, serve
from .serving import GOOD, GREETINGS, ITEMS
from .telemetry import Collector

REQUESTS = 100
# The path and the body of a request, if it is not a greeting. /health needs no token.
CALLS = {
    "`datastore=sql`": (ITEMS, '{"name": "An item"}'),
    "`datastore=firestore`": (ITEMS, '{"name": "An item"}'),
    "`auth=jwt`": ("/health", ""),
    "`model=onnx`": (PREDICTIONS, instances(1)),
}


def settings(stack: ExitStack) -> dict[str, dict[str, str]]:
    """Start the emulator and the collector; return the settings that the servers need."""
    emulator = Emulator()
    stack.callback(emulator.remove)
    emulator.start()
    collector = stack.enter_context(listening(Collector))
    return {
        "`datastore=firestore`": {
            "FIRESTORE_EMULATOR_HOST": emulator.address,
            "GOOGLE_CLOUD_PROJECT": "test",
        },
        "`auth=jwt`": {"AUTH_ISSUER": "https://issuer.invalid", "AUTH_AUDIENCE": "api"},
        "`telemetry=otlp`": {"OTEL_EXPORTER_OTLP_ENDPOINT": collector},
        "`telemetry=prometheus`": {"METRICS_PORT": str(free_port())},
    }


def measure(name: str, server: Server) -> tuple[float, float]:
    """Return the CPU time of a boot in ms, and the memory after the requests in MB."""
    with serve(server, ONE) as running:
        boot = 1000 * cpu_time(running.pid)
        path, body = CALLS.get(name, (GREETINGS, GOOD))
        for _ in range(REQUESTS):
            if (status := ask(running.port, path, body)) not in (200, 201):
                sys.exit(f"{name}: {path} responds with {status}")
        return boot, sum(memory(running.pid))


def main(rounds: int) -> None:
    needed("gcloud", EMULATOR)
    with ExitStack() as stack:
        own = settings(stack)
        projects = {
            page.label(answers): render(**answers) for answers in page.rows() if page.runs(answers)
        }
        servers = {name: as_rendered(path, **own.get(name, {})) for name, path in projects.items()}
        samples: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
        for name, server in servers.items():
            measure(name, server)  # The first start compiles the modules and creates SQLite's file.
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
            for name in servers if number % 2 else reversed(servers):
                samples[name].append(measure(name, servers[name]))
    default, *_ = samples.values()
    figures = {}
    for name, each in samples.items():
        base = [(0.0, 0.0)] * rounds if each is default else default
        pairs = list(zip(each, base, strict=True))
        boot, used = (median(own[n] - other[n] for own, other in pairs) for n in (0, 1))
        sign = "" if each is default else "+"
        figures[name] = (f"{round(boot):{sign}} ms", f"{round(used, 1) + 0:{sign}.1f} MB")
    first, *_ = projects.values()
    line = "Measured on {cpu} ({cpus} CPUs), {system}, Python {python}, {date}".format(
        **machine(first)
    )
    text = page.PAGE.read_text(encoding="utf-8")
    text = page.fill(text, "machine", f"{line}; medians of {rounds} rounds.\n")
    text = page.fill(text, "answers", page.table(figures))
    page.PAGE.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    given = [*sys.argv[1:], "7"][0]
    if not given.isdecimal() or not int(given):
        sys.exit(f"The number of rounds must be 1 or more, not {given}.")
    main(int(given))
