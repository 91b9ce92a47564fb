"""Loads on a server: as many requests as it answers (wrk), or so many a second (paced.py)."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .servers import HERE, Running, cpu_time, on_cpus, run

ALL = ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0))[:2])


def cpus_for_load(running: Running) -> str:
    """Give the CPU that the server has not got, or all where it has all."""
    left = [cpu for cpu in ALL.split(",") if cpu not in running.cpus.split(",")]
    return ",".join(left) or ALL


def closed(
    running: Running,
    path: str,
    *,
    seconds: int,
    connections: int = 16,
    body: str = "",
    refused: bool = False,
) -> dict[str, float]:
    """Send each request of a connection when the last is answered.

    Give requests a second ("rate"), milliseconds of CPU that the server had for each ("cost"), and
    latencies in milliseconds ("p50", "p99", "p999"), which say nothing of requests that were not sent
    meanwhile. Ends the run if an answer has the wrong kind of status: one of 400 and up if it is to be
    refused, and else one below.
    """
    script = ["-s", HERE / "load.lua"]
    url = f"http://127.0.0.1:{running.port}{path}"
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=10s"]
    command = [*on_cpus(cpus_for_load(running)), "wrk", *options, *script, url]
    before = cpu_time(running.pid)
    report = run(*map(str, command), *(["--", body] if body else []))
    figures: dict[str, float] = json.loads(report.strip().splitlines()[-1])
    figures["cost"] = 1000 * (cpu_time(running.pid) - before) / max(1, figures["count"])
    if bool(figures["refused"]) != refused:
        raise SystemExit(f"{path} is answered with another status than it should:\n{report}")
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
