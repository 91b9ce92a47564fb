"""Compare the project's settings with the usual ones. The servers take turns in each round."""

from .load import burst, closed, idle, open_loop
from .measured import Bench, of_connections, of_cpus
from .servers import (
    ONE,
    TWO,
    Server,
    as_rendered,
    gunicorn,
    serve,
    tuned,
)
from .serving import QUANTILES

# The numbers of concurrent connections.
LEVELS = {"/health": [1, 16, 256, 1000], "/slow": [1, 4, 16, 64]}
QUICK_LEVELS = {"/health": [16], "/slow": [64]}
# Lines that are added at the end of gunicorn.conf.py.
THAWED = "\ndef when_ready(_): pass\n"
GTHREAD = '\nworker_class = "gthread"\n'


def usual(bench: Bench, cpus: int) -> dict[str, Server]:
    """Return the project under stock gunicorn, with the settings that templates usually have."""
    each = {
        "4 sync workers": "--workers=4",
        "1 worker, 8 threads": "--workers=1 --threads=8 --timeout=0",
        "2 x CPUs + 1 workers, 4 threads": f"--workers={2 * cpus + 1} --threads=4",
    }
    return {name: gunicorn(bench.none, options, "waiting:app") for name, options in each.items()}


def settings(bench: Bench) -> None:
    """Compare the project's settings with the usual ones, on 1 and 2 CPUs and by connections."""
    for cpus in (ONE, TWO):
        count = cpus.count(",") + 1
        servers = {
            "the default settings": as_rendered(bench.none, "waiting:app"),
            **usual(bench, count),
        }
        if not bench.quick:
            servers["bare Flask, the default numbers"] = bench.flask(workers=count)
        rates: dict[tuple[str, int], dict[str, float]] = {}
        costs: dict[str, float] = {}
        for name, server in bench.turns(servers):
            for path, levels in QUICK_LEVELS.items() if bench.quick else LEVELS.items():
                if path == "/slow" and name.startswith("bare"):
                    continue
                with serve(server, cpus) as running:
                    for level in levels:
                        seconds = bench.seconds + (level > 100)
                        figures = closed(running, path, seconds=seconds, connections=level)
                        rates.setdefault((path, level), {})[name] = figures["rate"]
                        if path == "/health" and server is servers["the default settings"]:
                            costs[of_connections(level)] = figures["cost"]
        for (path, level), column in rates.items():
            round_ = {name: column[name] for name in servers if name in column}
            what = "/health" if path == "/health" else "50 ms of waiting"
            title = f"{what}, {of_cpus(cpus)}, {of_connections(level)}"
            others = dict.fromkeys([*round_][1:], "the default settings")
            bench.table(title, "requests a second").add(round_, others)
        bench.table(f"CPU time of a request, {of_cpus(cpus)}", "ms").add(
            costs, dict.fromkeys([*costs][1:], [*costs][0])
        )


def crowds(bench: Bench) -> None:
    """Measure a burst of 500 clients, and the rate with 2,000 idle connections open, on two CPUs."""
    servers = {"the default settings": as_rendered(bench.none, "waiting:app")} | usual(bench, 2)
    beside: dict[str, float] = {}
    alone: dict[str, float] = {}
    last: dict[str, float] = {}
    lost: dict[str, float] = {}
    for name, server in bench.turns(servers):
        with serve(server, TWO) as running:
            come = burst(running, "/health", 500)
            last[name], lost[name] = come["last"], come["lost"]
        with serve(server, TWO) as running:
            alone[name] = closed(running, "/health", seconds=bench.seconds)["rate"]
            with idle(running, "/health", 2000):
                beside[name] = closed(running, "/health", seconds=bench.seconds)["rate"]
    default = dict.fromkeys([*servers][1:], "the default settings")
    bench.table("500 clients at once: until the last response", "ms").add(last, default)
    bench.table("500 clients at once: without a response", "requests").add(lost)
    for name in servers:
        pair = {"beside 2,000 idle connections": beside[name], "alone": alone[name]}
        against = {"beside 2,000 idle connections": "alone"}
        bench.table(f"/health, {name}", "requests a second").add(pair, against)


def latency(bench: Bench) -> None:
    """Measure latencies in an open loop, at 70 % of the peak of the default settings.

    All servers get the same rate. The server and the load have separate CPUs, because otherwise the
    load's own delays would count.
    """
    servers = {
        "the default settings": as_rendered(bench.none, "waiting:app"),
        "no gc.freeze()": tuned(bench.none, "no gc.freeze()", THAWED),
        "stock gthread worker": tuned(bench.none, "stock gthread worker", GTHREAD),
        **usual(bench, 1),
    }
    with serve(servers["the default settings"]) as running:
        peak = closed(running, "/health", seconds=2 * bench.seconds)["rate"]
    for name, server in bench.turns(servers):
        with serve(server) as running:
            figures = open_loop(running, "/health", rate=0.7 * peak, seconds=5 * bench.seconds)
        if not figures["lost"]:
            round_ = {QUANTILES[each]: figures[each] for each in QUANTILES}
            title = f"Latency at 70 % of the default settings' peak, {name}"
            bench.table(title, "ms").add(round_, {"p99": "p50", "p99.9": "p50"})
        title = "Without a response at 70 % of the default settings' peak"
        bench.table(title, "requests").add({name: figures["lost"]})
