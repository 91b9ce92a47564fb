"""Measure what a rendered project costs before its first request: to render, to boot, in memory.

    python bench/start.py [--rounds 15]

Boot is from the start of the process to the first 200 of /health; memory is the PSS of the master
and its worker after 200 requests. The rendered project, as bin/run.sh starts it, and a bare Flask
app take turns in one environment, under the same gunicorn, one worker and four threads each.
Needs what dependencies/measure.py needs, except wrk.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

from dependencies.measure import BUILD, HERE, ROOT, SERVER, ask, memory, on_cpu, run

ONE_FILE = BUILD / "one-file"
PROJECT = BUILD / "my-flask-api"


def render(template: Path) -> float:
    """Render a template; give the seconds it took."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--default-config", "-f"]
    run(*command, "-o", BUILD, template)
    return time.perf_counter() - start


def boot(command: list[str], folder: Path) -> tuple[float, float]:
    """Start a server; give the seconds to its first 200 and its memory in MB."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = {"PORT": str(port), "WORKERS": "1", "ACCESS_LOG": "off"}
    start = time.perf_counter()
    process = subprocess.Popen(
        [*on_cpu(0), *command],
        cwd=folder,
        env=os.environ | settings | {"LOG_LEVEL": "warning"},
    )
    try:
        while process.poll() is None:
            with suppress(OSError):
                if ask(port, "/health") == 200:
                    break
            time.sleep(0.002)
        seconds = time.perf_counter() - start
        for _ in range(200):
            ask(port, "/health")
        return seconds, memory(process.pid)
    finally:
        process.terminate()
        process.wait()


def compare(title: str, pairs: list[tuple[float, float]], unit: str) -> None:
    """Print two medians and the median of the ratios, round by round."""
    ours, theirs = (median(column) for column in zip(*pairs, strict=True))
    ratios = [a / b for a, b in pairs]
    spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
    print(f"{title}: {ours:.2f} and {theirs:.2f} {unit}, {median(ratios):.2f} times ({spread})")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = range(parser.parse_args().rounds)

    (ONE_FILE / "{{cookiecutter.slug}}").mkdir(parents=True, exist_ok=True)
    (ONE_FILE / "{{cookiecutter.slug}}/README.md").write_text("# {{ cookiecutter.slug }}\n")
    (ONE_FILE / "cookiecutter.json").write_text(json.dumps({"slug": "one"}))
    compare(
        "render, and a template of one file",
        [(render(ROOT), render(ONE_FILE)) for _ in rounds],
        "s",
    )

    run("make", "-C", PROJECT, "develop", f"PYTHON={sys.executable}")
    gunicorn = [str(PROJECT / ".venv/bin/gunicorn"), *SERVER.split(), "--log-level=warning"]
    ours, bare = [str(PROJECT / "bin/run.sh")], [*gunicorn, "bare:app"]
    for command, folder in ((ours, PROJECT), (bare, HERE / "apps")):
        boot(command, folder)  # once before, for the compiled modules and the page cache
    samples = [(boot(ours, PROJECT), boot(bare, HERE / "apps")) for _ in rounds]
    compare("boot, and a bare Flask app's", [(ours[0], bare[0]) for ours, bare in samples], "s")
    compare("memory, and a bare Flask app's", [(ours[1], bare[1]) for ours, bare in samples], "MB")


if __name__ == "__main__":
    main()
