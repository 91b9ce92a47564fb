"""Measure images: their size, and the time from `docker run` to the first 200.

    python bench/container.py [--rounds 15]

Prints the megabytes that images add to the base image: three projects, and FastAPI and Litestar with
the packages for PostgreSQL.

Then two images take turns, each on one CPU with 256 MiB. One image is the default project's. The other
is the same image with a bare Flask app under stock gunicorn: gthread, preloaded, one process of eight
threads. Prints seconds and the ratio. Needs Docker, and the tools that `make develop` installs.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
BARE = """\
FROM {image}
USER 0
WORKDIR /bare
COPY bare.py ./
RUN python -m compileall -q bare.py
USER 10001
CMD ["gunicorn", "--bind=0.0.0.0:8080", "--worker-class=gthread", "--workers=1", "--threads=8", \
"--preload", "--no-control-socket", "--worker-tmp-dir=/dev/shm", "bare:app"]
"""
# As the documentation of FastAPI shows: https://fastapi.tiangolo.com/deployment/docker/
REFERENCE = """\
FROM {base}
COPY {name}.txt ./
RUN pip install --no-cache-dir --require-hashes -r {name}.txt
COPY references ./
"""
OPTIONS = ["--detach", "--read-only", "--cpus=1", "--memory=256m"]


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


def seconds_to_200(image: str) -> float:
    """Run an image; return the seconds until its first 200."""
    began = time.perf_counter()
    container = run("docker", "run", *OPTIONS, image)
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    address = run("docker", "inspect", "--format", form, container)
    try:
        while time.perf_counter() - began < 30:
            with suppress(OSError, HTTPException):
                urllib.request.urlopen(f"http://{address}:8080/health", timeout=1).close()
                return time.perf_counter() - began
            time.sleep(0.005)
        raise TimeoutError(f"{image} does not respond")
    finally:
        run("docker", "rm", "--force", container)


def megabytes(image: str) -> float:
    return json.loads(run("docker", "image", "inspect", image))[0]["Size"] / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    base = "python:3.14-slim"
    with TemporaryDirectory() as name:
        folder = Path(name)
        for datastore in ("sql", "firestore", "none"):
            command = [sys.executable, "-m", "cookiecutter", "--no-input", "--default-config", "-f"]
            project = folder / datastore
            run(*command, "-o", project, ROOT, f"datastore={datastore}")
            run("docker", "build", "-q", "-t", f"bench-{datastore}", project / "my-flask-api")
        shutil.copytree(ROOT / "bench/references", folder / "references")
        for other in ("fastapi", "litestar"):
            shutil.copy(ROOT / f"requirements/{other}.txt", folder)
            (folder / "Dockerfile").write_text(REFERENCE.format(base=base, name=other))
            run("docker", "build", "-q", "-t", f"bench-{other}", folder)
        for image in ("none", "sql", "firestore", "fastapi", "litestar"):
            more = megabytes(f"bench-{image}") - megabytes(base)
            print(f"{image}: {more:.1f} MB over {base}", flush=True)
        (folder / "Dockerfile").write_text(BARE.format(image="bench-none"))
        shutil.copy(ROOT / "bench/references/bare_flask.py", folder / "bare.py")
        run("docker", "build", "-q", "-t", "bench-bare", folder)
    taken: dict[str, list[float]] = {"bench-bare": [], "bench-none": []}
    for _ in range(rounds):
        for image, seconds in taken.items():
            seconds.append(seconds_to_200(image))
    ratios = [own / bare for bare, own in zip(*taken.values(), strict=True)]
    for image, seconds in taken.items():
        print(f"{image}: {median(seconds):.2f} s ({min(seconds):.2f}-{max(seconds):.2f})")
    print(f"ratio: {median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")


if __name__ == "__main__":
    main()
