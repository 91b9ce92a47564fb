"""Measure rendering, boot, memory, and the decoding of bodies."""

import json
import os
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from .load import closed
from .measured import Bench
from .servers import (
    BUILD,
    ROOT,
    as_rendered,
    memory,
    run,
    serve,
)
from .serving import ITEMS


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
