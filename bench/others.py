"""Compare the projects with FastAPI and Litestar, each as its documentation shows, under uvicorn."""

import json
from contextlib import ExitStack
from typing import Any
from uuid import UUID

from .load import closed, open_loop
from .measured import ROWS, Bench, of_cpus
from .servers import ONE, TWO, Running, Server, as_rendered, memory, serve, uvicorn

FASTAPI = ("FastAPI, def", "FastAPI, async def")
LITESTAR = "Litestar, async def"
# Each kind of request, and the arguments of `closed`.
CALLS: dict[str, dict[str, Any]] = {
    "/health": {"path": "/health"},
    "POST": {"path": "/api/v1/greetings", "body": '{"name": "Ada"}', "status": 201},
    "an item, PostgreSQL": {"path": f"/api/v1/items/{UUID(int=ROWS // 2)}", "connections": 8},
}
SKLEARN, NO_MODEL = "scikit-learn in FastAPI", "this project without a model"
SIZES = (1, 10, 100)
PREDICTIONS = "/api/v1/predictions"
# Limit for the additional boot time of a model, in seconds.
DELAY = 0.6


def servers(bench: Bench, call: str, workers: int) -> dict[str, Server]:
    """Return the servers for a kind of request: this project, then those it is compared with."""
    url = {"DATABASE_URL": bench.urls["PostgreSQL"]}
    number = {"WORKERS": str(workers)}
    is_item = call.startswith("an item")
    own = as_rendered(bench.sql, **url, **number) if is_item else as_rendered(bench.none, **number)
    return {
        "this project": own,
        FASTAPI[0]: uvicorn("fastapi_def", workers=workers, **url),
        FASTAPI[1]: uvicorn("fastapi_async", workers=workers, **url),
        LITESTAR: uvicorn("litestar_async", workers=workers, **url),
    }


def others(bench: Bench) -> None:
    """Measure boot, memory, requests a second and latency, with one worker for each CPU."""
    for cpus in (ONE, TWO):
        count = cpus.count(",") + 1
        where = of_cpus(cpus)
        for call, how in CALLS.items():
            rates: dict[str, float] = {}
            boots: dict[str, float] = {}
            used: dict[str, float] = {}
            each = servers(bench, call, count)
            against = dict.fromkeys(list(each)[1:], "this project")
            for name, server in bench.turns(each):
                with serve(server, cpus) as running:
                    # The first second is slower, because threads start and modules are imported.
                    closed(running, seconds=bench.seconds, **how)
                    rates[name] = closed(running, seconds=bench.seconds, **how)["rate"]
                    boots[name], used[name] = running.boot, sum(memory(running.pid))
            rates, boots, used = (
                {name: row[name] for name in each} for row in (rates, boots, used)
            )
            title = f"{call}, {where}, compared with other frameworks"
            bench.table(title, "requests a second").add(rates, against)
            if call != "POST":
                bench.table(f"Boot to the first 200: {title}", "s").add(boots, against)
                bench.table(f"Memory: {title}", "MB").add(used, against)
    with ExitStack() as stack:
        each = servers(bench, "/health", 1)
        running = {name: stack.enter_context(serve(server)) for name, server in each.items()}
        paced(bench, running)


def paced(bench: Bench, running: dict[str, Running]) -> None:
    """Measure latencies of /health in an open loop, each at 70 % of its own peak on one CPU."""
    median: dict[str, float] = {}
    late: dict[str, float] = {}
    for name, one in bench.turns(running):
        peak = closed(one, "/health", seconds=bench.seconds)["rate"]
        figures = open_loop(one, "/health", rate=0.7 * peak, seconds=2 * bench.seconds)
        median[name], late[name] = figures["p50"], figures["p99"]
    for title, row in (("p50", median), ("p99", late)):
        row = {name: row[name] for name in running}
        against = dict.fromkeys(list(running)[1:], "this project")
        bench.table(
            f"{title} of /health at 70 % of the peak, compared with other frameworks", "ms"
        ).add(row, against)


def instances(count: int) -> str:
    """Return the body of a request for `count` predictions."""
    plans = ("basic", "plus", "pro")
    each = [
        {"age": 18 + number, "months": number, "visits": number / 4, "plan": plans[number % 3]}
        for number in range(count)
    ]
    each[-1]["visits"] = None
    return json.dumps({"instances": each})


def predicting(bench: Bench, workers: int) -> dict[str, Server]:
    """Return the servers with the model: this project, and the one that it is compared with."""
    project, file = bench.onnx
    return {
        "this project": as_rendered(project, WORKERS=str(workers)),
        SKLEARN: uvicorn("sklearn_model", workers=workers, MODEL=str(file)),
    }


def model(bench: Bench) -> None:
    """Measure the model, with one worker for each CPU; boot and memory also without a model."""
    for cpus in (ONE, TWO):
        count = cpus.count(",") + 1
        rows: dict[tuple[str, str], dict[str, float]] = {}
        each = predicting(bench, count) | {NO_MODEL: as_rendered(bench.none, WORKERS=str(count))}
        for name, server in bench.turns(each):
            with serve(server, cpus) as running:
                for number in SIZES if name != NO_MODEL else ():
                    body = instances(number)
                    figures = closed(running, PREDICTIONS, seconds=bench.seconds, body=body)
                    what = f"instances in a request: {number}"
                    rows.setdefault((what, "requests a second"), {})[name] = figures["rate"]
                    rows.setdefault((f"p99, {what}", "ms"), {})[name] = figures["p99"]
                if name == NO_MODEL:
                    closed(running, "/health", seconds=bench.seconds)
                rows.setdefault(("boot to the first 200", "s"), {})[name] = running.boot
                used = sum(memory(running.pid))
                rows.setdefault(("memory after the load", "MB"), {})[name] = used
        for (what, unit), row in rows.items():
            row = {name: row[name] for name in each if name in row}
            against = {"this project": SKLEARN, NO_MODEL: "this project"}
            bench.table(f"A model, {of_cpus(cpus)}, {what}", unit).add(row, against)
            if unit == "s":
                more = {"limit": DELAY, "this project": row["this project"] - row[NO_MODEL]}
                table = bench.table(
                    f"A model, {of_cpus(cpus)}, additional boot time of the model", unit
                )
                table.add(more, {"this project": "limit"})
