"""State the goals of the benchmark: the limits of ratios in its tables."""

from .others import FASTAPI, LITESTAR
from .report import Goal
from .telemetry import LIMITS

PEAK = "Latency at 70 % of the default settings' peak, the default settings"
CPUS = ("1 CPU", "2 CPUs")
USUAL = ("4 sync workers", "1 worker, 8 threads", "2 x CPUs + 1 workers, 4 threads")
REQUESTS = "Requests a second, 1 CPU, 16 connections"
# docs/decisions/speed.md has the original goals and what was measured.
GOALS = [
    Goal(REQUESTS, "GET /health", least=0.95),
    Goal(REQUESTS, "POST /greetings", least=0.85),
    Goal(REQUESTS, "404", least=0.9),
    Goal(REQUESTS, "422", least=0.85),
    Goal("Boot to the first 200", "none", most=1.25),
    Goal("Memory of an instance (PSS)", "none", most=1.15),
    Goal("/health, 2 CPUs, 16 connections", "1 worker, 8 threads", most=1 / 1.5),
    *(Goal("50 ms of waiting, 2 CPUs, 64 connections", name, most=1 / 1.5) for name in USUAL[:2]),
    *(Goal(f"/health, {cpus}, 16 connections", name, most=1) for cpus in CPUS for name in USUAL),
    *(Goal(f"50 ms of waiting, {cpus}, 64 connections", USUAL[2], most=1.5) for cpus in CPUS),
]
LONG = [
    *(
        Goal(f"{call}, 1 CPU, compared with other frameworks", FASTAPI[0], most=1 / 0.97)
        for call in ("/health", "POST")
    ),
    Goal("an item, PostgreSQL, 1 CPU, compared with other frameworks", FASTAPI[1], most=1),
    *(
        Goal(f"{what}: /health, 1 CPU, compared with other frameworks", other, least=1)
        for what in ("Boot to the first 200", "Memory")
        for other in (*FASTAPI, LITESTAR)
    ),
    *(
        goal
        for where in (f"A model, {cpus}, " for cpus in CPUS)
        for goal in (
            Goal(where + "instances in a request: 1", "this project", least=1.5),
            Goal(where + "memory after the load", "this project", most=1 / 3),
            Goal(where + "additional boot time of the model", "this project", most=1),
        )
    ),
    *(
        Goal(f"Additional cost of telemetry, {unit}: {name}", name, most=1)
        for name in LIMITS
        for unit in ("ms", "MB")
    ),
    Goal(PEAK, "p99", most=10),
    *(
        Goal(f"CPU time of a request, {cpus}", f"{level} connections", most=1.2)
        for cpus in CPUS
        for level in (16, 256)
    ),
]
# A goal may be missed by this factor with --quick, because the machine may be busy.
SLACK = 1.5
