"""Render projects, and start them and their references as server processes."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

from tests.support.machine import environment

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = ROOT / "build/bench"
REFERENCES = HERE / "references"


def run(*command: str | Path, **more: str) -> str:
    """Run a command with additional environment variables; return its output."""
    done = subprocess.run(
        command, check=True, text=True, stdout=subprocess.PIPE, env=os.environ | more
    )
    return done.stdout


# The CPUs of the measurement. A server runs on the first, or on the first two.
CPUS = [str(cpu) for cpu in sorted(os.sched_getaffinity(0))]
ONE, TWO = CPUS[0], ",".join(CPUS[:2])


def on_cpus(cpus: str) -> list[str]:
    """Return a prefix that runs a command on these CPUs ("0" or "0,1"); empty without taskset."""
    return ["taskset", "-c", cpus] if shutil.which("taskset") else []


def render(**answers: str) -> Path:
    """Render and install a project, replacing an earlier one; return its folder."""
    folder = BUILD / ("-".join(answers.values()) or "none")
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--default-config", "-f"]
    given = (f"{question}={answer}" for question, answer in answers.items())
    run(*command, "-o", folder, ROOT, *given)
    project = folder / "my-flask-api"
    run("make", "-s", "-C", project, "develop", f"PYTHON={sys.executable}")
    return project


class Server(NamedTuple):
    """A command that serves on PORT, the project that it runs in, and its settings."""

    command: list[str | Path]
    project: Path
    settings: dict[str, str]


def as_rendered(project: Path, *options: str, **settings: str) -> Server:
    """Return a project that bin/run.sh starts, with options for gunicorn, if any."""
    command: list[str | Path] = [project / "bin/run.sh"]
    if options:
        command += ["gunicorn", *options]
    return Server(command, project, {"ACCESS_LOG": "off", **settings})


def gunicorn(project: Path, options: str, app: str = "wsgi:app") -> Server:
    """Return an application under stock gunicorn, in the project's virtual environment."""
    command = [project / ".venv/bin/gunicorn", "--log-level=error"]
    return Server([*command, *options.split(), app], project, {"ACCESS_LOG": "off"})


def uvicorn(name: str, *, workers: int = 1, **settings: str) -> Server:
    """Return an application of bench/references under uvicorn, in the environment of its framework."""
    folder = ROOT / ".venv" / name.partition("_")[0]
    options = ["--no-access-log", "--log-level=error", f"--workers={workers}"]
    return Server([folder / "bin/uvicorn", f"{name}:app", *options], REFERENCES, settings)


def tuned(project: Path, name: str, lines: str, **settings: str) -> Server:
    """Return a project with more lines at the end of its gunicorn.conf.py."""
    config = BUILD / "configurations" / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}.py"
    config.parent.mkdir(exist_ok=True)
    config.write_text((project / "gunicorn.conf.py").read_text() + lines)
    return as_rendered(project, f"--config={config}", "waiting:app", **settings)


class Running(NamedTuple):
    pid: int
    port: int
    boot: float  # seconds from the start of the process to its first 200
    cpus: str


def ask(port: int, path: str, body: str = "") -> int:
    """Send a request, a POST if there is a body; return the status of the response."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Content-Type": "application/json"} if body else {}
    try:
        connection.request("POST" if body else "GET", path, body or None, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def answers(port: int) -> bool:
    with suppress(OSError, HTTPException):
        return ask(port, "/health") == 200
    return False


@contextmanager
def serve(server: Server, cpus: str = ONE) -> Iterator[Running]:
    """Start a server on these CPUs; stop it at the end."""
    with socket.socket() as held:
        # Reserve the port. gunicorn can bind it, because gunicorn sets SO_REUSEADDR, too.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("0.0.0.0", 0))
        port = held.getsockname()[1]
        rendered = server.command[0] == server.project / "bin/run.sh"
        own = {"LOG_LEVEL": "error", "PYTHONPATH": f"{REFERENCES}:{server.project}"}
        own |= dict.fromkeys(("PORT", "UVICORN_PORT"), str(port))  # gunicorn reads PORT, too
        start = time.perf_counter()
        process = subprocess.Popen(
            [*on_cpus(cpus), *server.command],
            cwd=server.project
            if rendered
            else REFERENCES,  # not the project: gunicorn would read its gunicorn.conf.py
            env=environment(**own | server.settings),
            stdout=subprocess.DEVNULL,  # access lines, if they are on
        )
        try:
            while not answers(port):
                if process.poll() is not None or time.perf_counter() > start + 30:
                    command = shlex.join(map(str, server.command))
                    raise SystemExit(f"This server ended, or did not respond in 30 s: {command}")
                time.sleep(0.002)
            boot = time.perf_counter() - start
            await_workers(process.pid)
            yield Running(process.pid, port, boot, cpus)
        finally:
            process.terminate()
            process.wait()


def await_workers(pid: int) -> None:
    """Wait until all workers have started and are idle; at most 10 s.

    gunicorn waits up to 0.1 s between two workers. A load that begins in that time would connect to
    the first worker only.
    """
    seen = -1, 0.0
    for _ in range(66):
        if seen == (seen := (len(processes(pid)), cpu_time(pid))):
            break
        time.sleep(0.15)


def processes(pid: int) -> list[Path]:
    """Return the folders in /proc of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [Path("/proc", each) for each in [str(pid), *children]]


def memory(pid: int) -> list[float]:
    """Return the memory (PSS) in MB of a process and of each of its children."""
    rollups = [(process / "smaps_rollup").read_text() for process in processes(pid)]
    return [int(rollup.partition("\nPss:")[2].split()[0]) / 1024 for rollup in rollups]


def cpu_time(pid: int) -> float:
    """Return the seconds of CPU time that a process and its children have used."""
    stats = [(process / "stat").read_text().rpartition(")")[2] for process in processes(pid)]
    ticks = sum(int(field) for stat in stats for field in stat.split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")
