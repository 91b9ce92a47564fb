"""Put load on a server: as many requests as it can handle (wrk), or a fixed rate (paced.py)."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .servers import CPUS, HERE, Running, ask, cpu_time, on_cpus, run


def cpus_for_load(running: Running) -> str:
    """Return the CPUs that the server does not use, or all CPUs if it uses all."""
    left = [cpu for cpu in CPUS if cpu not in running.cpus.split(",")]
    return ",".join(left or CPUS)


def closed(
    running: Running,
    path: str,
    *,
    seconds: int,
    connections: int = 16,
    body: str = "",
    status: int = 200,
) -> dict[str, float]:
    """Run a closed loop for some seconds: a connection sends a request after each response.

    Return requests a second ("rate"), the server's CPU time per request in milliseconds ("cost"), and
    latencies in milliseconds ("p50", "p99", "p999"). wrk only estimates the latencies of requests
    that a slow response delayed.

    The first response must have the status `status`. Later responses must all be errors (400 or
    more) if `status` is an error; otherwise none may be an error. Raises SystemExit if one differs.
    """
    if (first := ask(running.port, path, body)) != status:
        raise SystemExit(f"{path} returned {first}, expected {status}.")
    script = ["-s", HERE / "load.lua"]
    url = f"http://127.0.0.1:{running.port}{path}"
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=10s"]
    command = [*on_cpus(cpus_for_load(running)), "wrk", *options, *script, url]
    before = cpu_time(running.pid)
    report = run(*map(str, command), *(["--", body] if body else []))
    figures: dict[str, float] = json.loads(report.strip().splitlines()[-1])
    figures["cost"] = 1000 * (cpu_time(running.pid) - before) / max(1, figures["count"])
    if not figures["count"] or figures["refused"] != (figures["count"] if status >= 400 else 0):
        raise SystemExit(f"{path} did not always return {status}:\n{report}")
    return figures


def paced(running: Running, path: str, *options: str) -> list[str]:
    command = [*on_cpus(cpus_for_load(running)), sys.executable, str(HERE / "paced.py")]
    return [*command, str(running.port), path, *options]


def open_loop(running: Running, path: str, *, rate: float, seconds: float) -> dict[str, Any]:
    """Send `rate` requests a second; return latencies in milliseconds from the time each was due."""
    count = f"--count={int(rate * seconds)}"
    return json.loads(run(*paced(running, path, f"--rate={rate}", count)))


def burst(running: Running, path: str, count: int) -> dict[str, Any]:
    """Connect `count` clients at once, one request each; return latencies in milliseconds."""
    return json.loads(run(*paced(running, path, f"--count={count}", f"--connections={count}")))


@contextmanager
def idle(running: Running, path: str, count: int) -> Iterator[dict[str, Any]]:
    """Keep `count` connections open after one response on each; yield the latencies."""
    command = paced(running, path, f"--count={count}", f"--connections={count}", "--hold")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as clients:
        assert clients.stdout
        yield json.loads(clients.stdout.readline())


def needed(tool: str, source: str) -> None:
    """Raise SystemExit if a tool is not on the PATH; name where it is from."""
    if not any(Path(folder, tool).exists() for folder in os.get_exec_path()):
        raise SystemExit(f"{tool} is needed ({source}), and is not on PATH.")
