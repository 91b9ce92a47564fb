"""What each of the settings, and each part of a request, is worth."""

from .load import closed
from .measured import Bench, of_cpus
from .sections import GTHREAD, THAWED
from .servers import ONE, TWO, as_rendered, memory, serve, tuned

PIN = """
def post_fork(server, worker):
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[worker.age % len(cpus)]})
"""
INIT = """
def post_worker_init(worker):
    import gc, sys
"""
GEVENT = """
from gevent import monkey

monkey.patch_all()
worker_class = "gevent"
"""
# What is changed: lines at the end of gunicorn.conf.py, and settings.
TUNING: dict[str, tuple[str, dict[str, str]]] = {
    "as it is": ("", {}),
    "gthread as it comes": (GTHREAD, {}),
    "sync, 4 workers": ('\nworker_class = "sync"\nthreads = 1\n', {"WORKERS": "4"}),
    "gevent": (GEVENT, {}),
    "1 thread": ("", {"THREADS": "1"}),
    "4 threads": ("", {"THREADS": "4"}),
    "16 threads": ("", {"THREADS": "16"}),
    "64 threads": ("", {"THREADS": "64"}),
    "1 worker": ("", {"WORKERS": "1"}),
    "3 workers": ("", {"WORKERS": "3"}),
    "4 workers": ("", {"WORKERS": "4"}),
    "no keep-alive": ("", {"KEEP_ALIVE": "0"}),
    "not preloaded": ("\npreload_app = False\n", {}),
    "no gc.freeze()": (THAWED, {}),
    "no gc at all": (f"{INIT}    gc.disable()\n", {}),
    "switch interval 0.5 ms": (f"{INIT}    sys.setswitchinterval(0.0005)\n", {}),
    "switch interval 50 ms": (f"{INIT}    sys.setswitchinterval(0.05)\n", {}),
    "not shared out among the workers": ("\nWorker.accept = Worker.take\n", {}),
    "a CPU for each worker": (PIN, {}),
    "1 worker, on a CPU of its own": (PIN, {"WORKERS": "1"}),
}

# What it is measured by: paths and connections.
TUNED = {
    "/health, 16 connections,": ("/health", 16),
    "/health, 256 connections,": ("/health", 256),
    "50 ms of waiting, 64 connections,": ("/slow", 64),
}


def tuning(bench: Bench) -> None:
    """The project with one thing changed."""
    for cpus in (ONE, TWO):
        figures: dict[str, dict[str, float]] = {}
        for name, (lines, own) in bench.turns(TUNING):
            with serve(tuned(bench.none, name, lines, **own), cpus) as running:
                each = {"Boot": running.boot}
                for what, (path, level) in TUNED.items():
                    figure = closed(running, path, seconds=bench.seconds, connections=level)
                    each[what] = figure["rate"]
                each["Memory (PSS)"] = sum(memory(running.pid))
                figures[name] = each
        units = dict.fromkeys(TUNED, "requests a second")
        for what, unit in (units | {"Boot": "s", "Memory (PSS)": "MB"}).items():
            round_ = {name: figures[name][what] for name in TUNING}
            others = dict.fromkeys([*TUNING][1:], "as it is")
            title = f"{what} with one thing changed, {of_cpus(cpus)}"
            bench.table(title, unit).add(round_, others)


def costs(bench: Bench) -> None:
    """What a part of the request path costs: one worker on one CPU."""
    servers = {
        "as it is": (as_rendered(bench.none), "/health"),
        "with access lines": (
            as_rendered(bench.none, ACCESS_LOG="on", LOG_LEVEL="info"),
            "/health",
        ),
        "without ids and headers": (as_rendered(bench.none, "without_headers:app"), "/health"),
        "bare Flask": (bench.flask(), "/health"),
        "bare Flask, ids and headers by a hook": (bench.flask(app="hooked_flask:app"), "/health"),
        "bare Flask, JSON by msgspec": (bench.flask(app="flask_json:app"), "/health"),
    }
    round_ = {}
    for name, (server, path) in bench.turns(servers):
        with serve(server) as running:
            round_[name] = closed(running, path, seconds=bench.seconds)["rate"]
    against = dict.fromkeys(servers, "bare Flask")
    against |= {"with access lines": "as it is", "without ids and headers": "as it is"}
    del against["bare Flask"]
    bench.table("What a part of /health costs", "requests a second").add(round_, against)
