"""Define the sections of the benchmark. Each runs once per round, and its servers take turns."""

import json
import os
import sys
import sysconfig
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

from .load import burst, closed, idle, open_loop
from .measured import ROWS, Bench, of_connections, of_cpus
from .servers import (
    BUILD,
    ONE,
    ROOT,
    TWO,
    Server,
    as_rendered,
    gunicorn,
    memory,
    run,
    serve,
    tuned,
)

GREETINGS, ITEMS = "/api/v1/greetings", "/api/v1/items"
# The numbers of concurrent connections.
LEVELS = {"/health": [1, 16, 256, 1000], "/slow": [1, 4, 16, 64]}
QUICK_LEVELS = {"/health": [16], "/slow": [64]}
AGAINST = {
    "bare Flask": "bare WSGI",
    "GET /health": "bare Flask",
    "POST /greetings": "bare Flask, POST",
    "404": "GET /health",
    "422": "POST /greetings",
}
QUANTILES = {"p50": "p50", "p99": "p99", "p999": "p99.9"}
# Lines that are added at the end of gunicorn.conf.py.
THAWED = "\ndef when_ready(_): pass\n"
GTHREAD = '\nworker_class = "gthread"\n'
GOOD, BAD = '{"name": "Ada"}', '{"name": ""}'


def usual(bench: Bench, cpus: int) -> dict[str, Server]:
    """Return the project under stock gunicorn, with the settings that templates usually have."""
    each = {
        "4 sync workers": "--workers=4",
        "1 worker, 8 threads": "--workers=1 --threads=8 --timeout=0",
        "2 x CPUs + 1 workers, 4 threads": f"--workers={2 * cpus + 1} --threads=4",
    }
    return {name: gunicorn(bench.none, options, "waiting:app") for name, options in each.items()}


def timed(*command: str | Path, **more: str) -> float:
    """Run a command; return the seconds that it took."""
    start = time.perf_counter()
    run(*command, **more)
    return time.perf_counter() - start


def rendering(bench: Bench) -> None:
    one = BUILD / "one-file"
    (one / "{{cookiecutter.slug}}").mkdir(parents=True, exist_ok=True)
    (one / "{{cookiecutter.slug}}/README.md").write_text("# {{ cookiecutter.slug }}\n")
    (one / "cookiecutter.json").write_text('{"slug": "one"}')
    cookiecutter = [sys.executable, "-m", "cookiecutter", "--no-input", "--default-config", "-f"]
    with tempfile.TemporaryDirectory() as folder:
        round_ = {
            "this template": timed(*cookiecutter, "-o", folder, ROOT),
            "a template of one file": timed(*cookiecutter, "-o", folder, one),
        }
        bench.table("Rendering", "s").add(round_, "a template of one file")
        if bench.round > 1:  # Tests and their installation take a minute.
            return
        project = Path(folder, "my-flask-api")
        green = {
            "make develop": timed("make", "-C", project, "develop", f"PYTHON={sys.executable}"),
            "make lint test": timed("make", "-C", project, "lint", "test"),
        }
        green = {"nothing to green tests": sum(green.values()) + round_["this template"]} | green
        bench.table("From nothing to green tests", "s").add(green)


def forget(*folders: str | Path) -> None:
    """Drop files from the page cache: https://man7.org/linux/man-pages/man2/posix_fadvise.2.html"""
    for folder in folders:
        for path in Path(folder).rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def starting(bench: Bench) -> None:
    """Measure boot and memory, with one worker on one CPU."""
    servers = {"a bare Flask app": bench.flask(), "none": as_rendered(bench.none)}
    if hasattr(bench, "urls"):
        for name, url in bench.urls.items():
            servers[f"sql, {name}"] = as_rendered(bench.sql, DATABASE_URL=url)
        emulator = {"FIRESTORE_EMULATOR_HOST": bench.emulator.address}
        servers["firestore"] = as_rendered(bench.firestore, GOOGLE_CLOUD_PROJECT="test", **emulator)
    warm: dict[str, float] = {}
    cold: dict[str, float] = {}
    master: dict[str, float] = {}
    worker: dict[str, float] = {}
    for name, server in bench.turns(servers):
        for seconds in (warm,) if bench.quick else (cold, warm):
            if seconds is cold:
                forget(server.project, sysconfig.get_path("stdlib"))
            with serve(server) as running:
                seconds[name] = running.boot
                if seconds is warm:
                    path = "/health" if name in ("none", "a bare Flask app") else ITEMS
                    closed(running, path, seconds=1, connections=4)
                    master[name], worker[name] = memory(running.pid)
    warm, cold, master, worker = (
        {name: each[name] for name in servers if name in each}
        for each in (warm, cold, master, worker)
    )
    bare = dict.fromkeys(list(servers)[1:], "a bare Flask app")
    bench.table("Boot to the first 200", "s").add(warm, bare)
    if not bench.quick:
        bench.table("Boot, its files dropped from the page cache", "s").add(cold, bare)
    instance = {name: master[name] + worker[name] for name in servers}
    bench.table("Memory of an instance (PSS)", "MB").add(instance, bare)
    bench.table("Memory of the master (PSS)", "MB").add(master, bare)
    bench.table("Memory of a worker (PSS)", "MB").add(worker, bare)


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


def bodies(bench: Bench) -> None:
    """Measure the memory and the CPU time of decoding the worst bodies of MAX_JSON_BYTES."""
    script = ROOT / "bench/references/bodies.py"
    python = bench.none / ".venv/bin/python"
    measured = json.loads(run(python, script, PYTHONPATH=str(bench.none)))
    for kind, shapes in measured.items():
        times = {shape: figures[0] for shape, figures in shapes.items()}
        bench.table(f"Memory of a decoded body, {kind}", "times its size").add(times)
        taken = {shape: figures[1] for shape, figures in shapes.items()}
        bench.table(f"CPU time of a decoded body, {kind}", "ms").add(taken)


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
