"""Loads on a server: as many requests as it answers (wrk), or so many a second (paced.py)."""

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
    """Give the CPUs that the server has not got, or all where it has all."""
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
    """Send each request of a connection when the last is answered.

    Give requests a second ("rate"), milliseconds of CPU that the server had for each ("cost"), and
    latencies in milliseconds ("p50", "p99", "p999"), which say nothing of requests that were not sent
    meanwhile. Ends the run if the first answer has another status, or any later one is of another
    kind: 400 and up, or below.
    """
    if (first := ask(running.port, path, body)) != status:
        raise SystemExit(f"{path} is answered with {first}, and should be with {status}.")
    script = ["-s", HERE / "load.lua"]
    url = f"http://127.0.0.1:{running.port}{path}"
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=10s"]
    command = [*on_cpus(cpus_for_load(running)), "wrk", *options, *script, url]
    before = cpu_time(running.pid)
    report = run(*map(str, command), *(["--", body] if body else []))
    figures: dict[str, float] = json.loads(report.strip().splitlines()[-1])
    figures["cost"] = 1000 * (cpu_time(running.pid) - before) / max(1, figures["count"])
    if not figures["count"] or figures["refused"] != (figures["count"] if status >= 400 else 0):
        raise SystemExit(f"{path} is not always answered with {status}:\n{report}")
    return figures


def paced(running: Running, path: str, *options: str) -> list[str]:
    command = [*on_cpus(cpus_for_load(running)), sys.executable, str(HERE / "paced.py")]
    return [*command, str(running.port), path, *options]


def open_loop(running: Running, path: str, *, rate: float, seconds: float) -> dict[str, Any]:
    """Send so many requests a second; give latencies in milliseconds, from when each was due."""
    count = f"--count={int(rate * seconds)}"
    return json.loads(run(*paced(running, path, f"--rate={rate}", count)))


def burst(running: Running, path: str, count: int) -> dict[str, Any]:
    """Connect so many clients at once, each with a request; give latencies in milliseconds."""
    return json.loads(run(*paced(running, path, f"--count={count}", f"--connections={count}")))


@contextmanager
def idle(running: Running, path: str, count: int) -> Iterator[dict[str, Any]]:
    """Keep so many connections open, on each of which one request was answered."""
    command = paced(running, path, f"--count={count}", f"--connections={count}", "--hold")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as clients:
        assert clients.stdout
        yield json.loads(clients.stdout.readline())


def needed(tool: str) -> None:
    """End the run if a tool is not there."""
    if not any(Path(folder, tool).exists() for folder in os.get_exec_path()):
        raise SystemExit(f"{tool} is needed (Debian's package {tool}), and is not on PATH.")
