"""What is measured: rendered projects and references, as processes that serve."""

import os
import re
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
    """Run a command, with more of an environment; give what it prints."""
    done = subprocess.run(
        command, check=True, text=True, stdout=subprocess.PIPE, env=os.environ | more
    )
    return done.stdout


# The CPUs of the measurement: servers have the first or both.
CPUS = [str(cpu) for cpu in sorted(os.sched_getaffinity(0))]
ONE, TWO = CPUS[0], ",".join(CPUS[:2])


def on_cpus(cpus: str) -> list[str]:
    """Give what has a command run on these CPUs, "0" or "0,1", where that can be chosen."""
    return ["taskset", "-c", cpus] if shutil.which("taskset") else []


def render(datastore: str) -> Path:
    """Render and install a project; give its folder."""
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--default-config", "-f"]
    run(*command, "-o", BUILD / datastore, ROOT, f"datastore={datastore}")
    project = BUILD / datastore / "my-flask-api"
    run("make", "-s", "-C", project, "develop", f"PYTHON={sys.executable}")
    return project


class Server(NamedTuple):
    """A command that serves on PORT, and where and with what it runs."""

    command: list[str | Path]
    project: Path
    settings: dict[str, str]


def as_rendered(project: Path, *options: str, **settings: str) -> Server:
    """Give a project as bin/run.sh starts it; with options, they are gunicorn's."""
    command: list[str | Path] = [project / "bin/run.sh"]
    if options:
        command += ["gunicorn", *options]
    return Server(command, project, {"ACCESS_LOG": "off", **settings})


def gunicorn(project: Path, options: str, app: str = "wsgi:app") -> Server:
    """Give an application under gunicorn without the project's settings, in its environment."""
    command = [project / ".venv/bin/gunicorn", "--log-level=error"]
    return Server([*command, *options.split(), app], project, {"ACCESS_LOG": "off"})


def tuned(project: Path, name: str, lines: str, **settings: str) -> Server:
    """Give a project whose gunicorn.conf.py has more lines at its end."""
    config = BUILD / "configurations" / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}.py"
    config.parent.mkdir(exist_ok=True)
    config.write_text((project / "gunicorn.conf.py").read_text() + lines)
    return as_rendered(project, f"--config={config}", "waiting:app", **settings)


class Running(NamedTuple):
    pid: int
    port: int
    boot: float  # seconds from the start of the process to its first answer
    cpus: str


def ask(port: int, path: str, body: str = "") -> int:
    """Send a request, a POST if it has a body, and give the status of the answer."""
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
    """Start a server on some CPUs, and stop it in the end."""
    with socket.socket() as held:
        # The system gives the port to no other socket; gunicorn, which has the option too, can bind it.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("0.0.0.0", 0))
        port = held.getsockname()[1]
        path = [REFERENCES, server.project, *ROOT.glob(".venv/bench/lib/*/site-packages")]
        rendered = server.command[0] == server.project / "bin/run.sh"
        own = {"PORT": str(port), "LOG_LEVEL": "error", "PYTHONPATH": ":".join(map(str, path))}
        bind = [] if rendered else [f"-b:{port}"]
        start = time.perf_counter()
        process = subprocess.Popen(
            [*on_cpus(cpus), *server.command, *bind],
            cwd=server.project
            if rendered
            else REFERENCES,  # gunicorn reads a gunicorn.conf.py there
            env=environment(**own | server.settings),
            stdout=subprocess.DEVNULL,  # access lines, where they are on
        )
        try:
            while not answers(port):
                if process.poll() is not None or time.perf_counter() > start + 30:
                    raise SystemExit(f"{server.command} does not answer")
                time.sleep(0.002)
            boot = time.perf_counter() - start
            await_workers(process.pid)
            yield Running(process.pid, port, boot, cpus)
        finally:
            process.terminate()
            process.wait()


def await_workers(pid: int) -> None:
    """Wait until a server starts no more workers, and none does anything; at most 10 s.

    Between two of them gunicorn waits up to 0.1 s, and the first answers already: it would keep the
    connections of all that came before the second.
    """
    seen = -1, 0.0
    for _ in range(66):
        if seen == (seen := (len(processes(pid)), cpu_time(pid))):
            break
        time.sleep(0.15)


def processes(pid: int) -> list[Path]:
    """Give the folders in /proc of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [Path("/proc", each) for each in [str(pid), *children]]


def memory(pid: int) -> list[float]:
    """Give the memory (PSS) in MB of a process, and of each of its children."""
    rollups = [(process / "smaps_rollup").read_text() for process in processes(pid)]
    return [int(rollup.partition("\nPss:")[2].split()[0]) / 1024 for rollup in rollups]


def cpu_time(pid: int) -> float:
    """Give the seconds of CPU that a process and its children have had."""
    stats = [(process / "stat").read_text().rpartition(")")[2] for process in processes(pid)]
    ticks = sum(int(field) for stat in stats for field in stat.split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")
