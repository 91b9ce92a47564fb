"""Measure what each way to validate requests and to write the OpenAPI document costs.

    python -m bench.dependencies.measure [--rounds 7] [--seconds 2]

The same three endpoints (apps/) are written with each candidate, as its documentation shows them,
and run by the same gunicorn. On a busy machine absolute figures say little, so the candidates take
turns, round after round, and each is compared with bare Flask in the same round. A request costs
what CPU time the server spends on it: where the server has the CPU to itself, that is the inverse
of requests a second, which is printed too, and where it has not, it still means something.

Needs Linux, uv and wrk on PATH, and a Python that has cookiecutter: the project's own row is what
the template renders now. Everything that is installed or rendered goes to build/bench.
"""

import argparse
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.servers import BUILD, CPUS, ONE, ROOT, ask, cpu_time, memory, on_cpus, run

HERE = Path(__file__).resolve().parent
SERVER = "--worker-class=gthread --workers=1 --threads=4 --preload --no-control-socket"


class Candidate(NamedTuple):
    title: str
    app: str
    packages: str = ""  # beyond Flask and gunicorn; constraints.txt has the versions

    @property
    def venv(self) -> Path:
        return BUILD / "-".join([self.app, *self.packages.split()])


class Sample(NamedTuple):
    boot: float  # seconds from the start of the process to the first 200
    memory: float  # MB: PSS of the master and its worker after 200 requests
    post: float  # seconds of CPU time a request
    get: float
    posts: float  # requests a second
    gets: float


CANDIDATES = [
    Candidate("bare Flask, no validation, no document", "bare"),
    Candidate("msgspec and the project's own glue", "project", "msgspec"),
    Candidate("spectree + msgspec", "spectree_msgspec", "spectree msgspec"),
    Candidate("spectree + pydantic", "spectree_pydantic", "spectree pydantic"),
    Candidate("the same with offline pages", "spectree_pydantic", "spectree pydantic offapi"),
    Candidate("APIFlask + pydantic", "apiflask_pydantic", "apiflask"),
    Candidate("flask-smorest", "smorest_marshmallow", "flask-smorest"),
    Candidate("flask-openapi", "openapi_pydantic", "flask-openapi"),
]


def install(candidate: Candidate) -> None:
    run("uv", "venv", "-q", "--allow-existing", "--python", sys.executable, candidate.venv)
    command = ["uv", "pip", "install", "-q", "--exact", "--python", str(candidate.venv)]
    versions = HERE / "constraints.txt"
    run(*command, "-c", versions, "flask", "gunicorn", *candidate.packages.split())


def installed(candidate: Candidate) -> int:
    return len(run("uv", "pip", "freeze", "-q", "--python", candidate.venv).splitlines())


@contextmanager
def serve(candidate: Candidate) -> Iterator[tuple[int, int, float]]:
    """Start a candidate's server; give its process, its port and the seconds it took to answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    paths = [f"--chdir={HERE / 'apps'}", f"--pythonpath={BUILD / 'project/bench'}"]
    options = ["--log-level=warning", f"--bind=127.0.0.1:{port}", f"{candidate.app}:app"]
    command = [*on_cpus(ONE), str(candidate.venv / "bin/gunicorn"), *SERVER.split()]
    start = time.perf_counter()
    process = subprocess.Popen([*command, *paths, *options])
    try:
        while process.poll() is None and time.perf_counter() < start + 30:
            with suppress(OSError):
                if ask(port, "/health") == 200:
                    yield process.pid, port, time.perf_counter() - start
                    return
            time.sleep(0.002)
        raise SystemExit(f"{candidate.app} does not answer")
    finally:
        process.terminate()
        process.wait()


def check(candidate: Candidate) -> None:
    """See that the endpoints do what they should; that also compiles every module beforehand."""
    with serve(candidate) as (_, port, _):
        good = ask(port, "/greetings", '{"name": "Ada"}'), ask(port, "/greetings?limit=5")
        bad = ask(port, "/greetings", '{"name": ""}'), ask(port, "/greetings?limit=0")
    if good != (201, 200) or bad != (good if candidate.app == "bare" else (422, 422)):
        raise SystemExit(f"{candidate.app} answers {good} and {bad}")


def load(pid: int, seconds: int, *target: str | Path) -> tuple[float, float]:
    """Send as many requests as can be; give CPU time a request and requests a second."""
    before = cpu_time(pid)
    report = run(*on_cpus(CPUS[-1]), "wrk", "-t1", "-c4", f"-d{seconds}s", *target)
    used = cpu_time(pid) - before
    found = re.search(r"(\d+) requests in .*Requests/sec: +([\d.]+)", report, re.S)
    if not found or "Non-2xx" in report:
        raise SystemExit(report)
    return used / int(found[1]), float(found[2])


def measure(candidate: Candidate, seconds: int) -> Sample:
    with serve(candidate) as (pid, port, boot):
        for _ in range(100):
            ask(port, "/greetings", '{"name": "Ada"}')
            ask(port, "/greetings?limit=5")
        used = sum(memory(pid))
        url = f"http://127.0.0.1:{port}/greetings"
        post, posts = load(pid, seconds, "-s", HERE / "post.lua", url)
        get, gets = load(pid, seconds, f"{url}?limit=5")
        return Sample(boot, used, post, get, posts, gets)


def table(samples: dict[Candidate, list[Sample]]) -> str:
    """Write the medians, as times that of bare Flask; in brackets, the least and the most."""
    bare, *_ = samples
    head = ["", "boot", "memory (PSS)", "POST, validated", "GET, query validated", "packages"]
    rows = [head, ["---"] * len(head)]
    for candidate, own in samples.items():
        cells = []
        for name in ("boot", "post", "get"):
            pairs = zip(own, samples[bare], strict=True)
            ratios = [getattr(sample, name) / getattr(base, name) for sample, base in pairs]
            cells.append(f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")
        cells.insert(1, f"{median(sample.memory for sample in own):.0f} MB")
        rows.append([candidate.title, *cells, str(installed(candidate) - installed(bare))])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2, help="how long wrk runs, each time")
    arguments = parser.parse_args()
    for tool in ("uv", "wrk"):
        if not shutil.which(tool):
            raise SystemExit(f"{tool} is needed, and is not on PATH")

    render = [sys.executable, "-m", "cookiecutter", "--no-input", "--default-config", "-f"]
    run(*render, "-o", BUILD / "project", ROOT, "project_slug=bench")
    for candidate in CANDIDATES:
        print(f"installing {candidate.title}", flush=True)
        install(candidate)
        check(candidate)

    samples: dict[Candidate, list[Sample]] = {candidate: [] for candidate in CANDIDATES}
    for number in range(1, arguments.rounds + 1):
        for candidate in CANDIDATES:
            sample = measure(candidate, arguments.seconds)
            samples[candidate].append(sample)
            figures = f"{sample.boot:.2f} s, {sample.memory:.0f} MB"
            rates = f"{sample.posts:.0f} POST/s, {sample.gets:.0f} GET/s"
            print(f"round {number}: {candidate.title}: {figures}, {rates}", flush=True)
    print(f"\n{table(samples)}")


if __name__ == "__main__":
    main()
