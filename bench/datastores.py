"""Measure the variants with a datastore: boot, and requests a second at both ends of a long list.

    python bench/datastores.py [--rounds 7] [--seconds 3] [--rows 100000]

Each project is started as bin/run.sh starts it, with one worker of four threads, on one CPU where
there are two; wrk sends requests over four connections from the other. What is compared takes
turns, round after round. Needs what start.py needs, wrk and PostgreSQL (Debian's package).
"""

import argparse
import os
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from struct import pack
from uuid import UUID

from dependencies.measure import BUILD, ROOT, ask, load, memory, on_cpu, run

sys.path.insert(0, str(ROOT))
from tests.datastores import PostgreSQL  # noqa: E402

NEWEST = datetime(2026, 1, 1, tzinfo=UTC)
# Run by a project, with the number of rows: a row a second, the newest of them at NEWEST.
FILL = """
import sys
from datetime import datetime, timedelta
from uuid import UUID

from api import create_app
from api.database import writing
from api.items.sql import Row
from sqlalchemy import insert

newest = datetime.fromisoformat(sys.argv[2])
with create_app().app_context(), writing() as session:
    rows = []
    for number in range(int(sys.argv[1])):
        time = newest - timedelta(seconds=number)
        row = dict(id=UUID(int=number), name=f"Item {number}", description="What it is. " * 5)
        rows.append(row | dict(created_at=time, updated_at=time))
    for start in range(0, len(rows), 10_000):
        session.execute(insert(Row), rows[start:start + 10_000])
"""


def render(datastore: str) -> Path:
    """Render and install a variant; give its folder."""
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--default-config", "-f"]
    run(*command, "-o", BUILD / datastore, ROOT, f"datastore={datastore}")
    run("make", "-C", BUILD / datastore / "my-flask-api", "develop", f"PYTHON={sys.executable}")
    return BUILD / datastore / "my-flask-api"


@contextmanager
def serve(project: Path, **settings: str) -> Iterator[tuple[int, int, float]]:
    """Start a project; give its process, its port and the seconds to the first 200."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    own = {"PORT": str(port), "WORKERS": "1", "ACCESS_LOG": "off", "LOG_LEVEL": "error"}
    start = time.perf_counter()
    process = subprocess.Popen(
        [*on_cpu(0), project / "bin/run.sh"], cwd=project, env=os.environ | own | settings
    )
    try:
        while process.poll() is None:
            with suppress(OSError):
                if ask(port, "/health") == 200:
                    break
            time.sleep(0.002)
        yield process.pid, port, time.perf_counter() - start
    finally:
        process.terminate()
        process.wait()


def row(title: str, samples: list[float], bases: list[float], form: str) -> None:
    """Print a median, and the median of the ratios to the base, round by round."""
    ratios = [own / base for own, base in zip(samples, bases, strict=True)]
    middle = form.format(median(samples))
    print(f"| {title} | {middle} | {median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}) |")


def boots(variants: dict[str, tuple[Path, dict[str, str]]], rounds: int) -> None:
    seconds: dict[str, list[float]] = {title: [] for title in variants}
    megabytes: dict[str, list[float]] = {title: [] for title in variants}
    for number in range(rounds + 1):
        for title, (project, settings) in variants.items():
            with serve(project, **settings) as (pid, port, boot):
                if number:  # the first round warms the page cache
                    seconds[title].append(boot)
                    megabytes[title].append(memory(pid))
    bases, *_ = seconds
    print("| boot to the first 200 | seconds | times none |\n|---|---|---|")
    for title in variants:
        row(title, seconds[title], seconds[bases], "{:.2f}")
    print("\n| memory (PSS) | MB | times none |\n|---|---|---|")
    for title in variants:
        row(title, megabytes[title], megabytes[bases], "{:.0f}")


def lists(project: Path, urls: dict[str, str], rows: int, rounds: int, seconds: int) -> None:
    last = NEWEST - timedelta(seconds=rows - 21) - datetime(1970, 1, 1, tzinfo=UTC)
    position = pack(">Q16s", last // timedelta(microseconds=1), UUID(int=rows - 21).bytes)
    items = "/api/v1/items"
    paths = {
        "an item": f"{items}/{UUID(int=rows // 2)}",
        "the first page": items,
        f"the page at {rows:,} rows": f"{items}?cursor={urlsafe_b64encode(position).decode()}",
    }
    samples: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for database, url in urls.items():
            with serve(project, DATABASE_URL=url) as (pid, port, _):
                for title, path in paths.items():
                    _, rate = load(pid, seconds, f"http://127.0.0.1:{port}{path}")
                    samples.setdefault((database, title), []).append(rate)
    print("\n| GET | requests a second | times the first page |\n|---|---|---|")
    for (database, title), rates in samples.items():
        row(f"{title}, {database}", rates, samples[database, "the first page"], "{:,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3, help="how long wrk runs, each time")
    parser.add_argument("--rows", type=int, default=100_000)
    arguments = parser.parse_args()

    none, sql, firestore = map(render, ("none", "sql", "firestore"))
    server = PostgreSQL()
    try:
        server.start()
        server.create("bench")
        file = BUILD / "bench.db"
        for each in BUILD.glob("bench.db*"):
            each.unlink()
        urls = {"SQLite": f"sqlite:///{file}", "PostgreSQL": server.url("bench")}
        for url in urls.values():
            settings = os.environ | {"DATABASE_URL": url, "DATASTORE_TIMEOUT": "0"}
            subprocess.run(
                ["bin/run.sh", "alembic", "upgrade", "head"], cwd=sql, env=settings, check=True
            )
            fill = [sql / ".venv/bin/python", "-c", FILL, str(arguments.rows), NEWEST.isoformat()]
            subprocess.run(fill, cwd=sql, env=settings, check=True)
        variants = {
            "none": (none, {}),
            "sql, SQLite (and its migration)": (sql, {"DATABASE_URL": urls["SQLite"]}),
            "sql, PostgreSQL": (sql, {"DATABASE_URL": urls["PostgreSQL"]}),
            "firestore": (firestore, {}),
        }
        boots(variants, arguments.rounds)
        lists(sql, urls, arguments.rows, arguments.rounds, arguments.seconds)
    finally:
        server.remove()


if __name__ == "__main__":
    main()
