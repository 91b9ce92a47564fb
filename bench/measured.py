"""Set up the projects and databases that are measured, and collect the tables."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from tests.support.datastores import Emulator, PostgreSQL

from .report import Table
from .servers import BUILD, Server, gunicorn, render, run

T = TypeVar("T")
ROWS, NEWEST = 100_000, datetime(2026, 1, 1, tzinfo=UTC)
# Runs in a project. Inserts rows that are one second apart; the newest is at NEWEST. Prints the cursor
# of a page after which 20 rows are left.
FILL = """
import sys
from datetime import datetime, timedelta
from uuid import UUID

from api import create_app
from api.items.models import ItemPage
from api.items.sql import ItemRow
from chassis.database import writing
from sqlalchemy import insert

count, newest = int(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
with create_app().app_context(), writing() as session:
    rows = []
    for number in range(count):
        time = newest - timedelta(seconds=number)
        row = dict(id=UUID(int=number), name=f"Item {number}", description="What it is. " * 5)
        rows.append(row | dict(created_at=time, updated_at=time))
    for start in range(0, count, 10_000):
        session.execute(insert(ItemRow), rows[start:start + 10_000])
last = ItemRow(**rows[count - 21])
print(ItemPage(per_page=1).cut([last, last])[1])
"""
# Runs in a project with a model. Trains scikit-learn's pipeline again, and writes it with joblib.
FIT = """
import sys

import joblib
from sklearn.model_selection import train_test_split
from training.data import customers
from training.train import build, read, table

train, _, outcomes, _ = train_test_split(*read(customers()), test_size=0.2, random_state=0)
joblib.dump(build().fit(table(train), outcomes), sys.argv[1])
"""


class Bench:
    """The rendered projects, their databases, and the tables of a run."""

    def __init__(self, seconds: int, *, quick: bool) -> None:
        self.seconds, self.quick = seconds, quick
        self.round = 1
        self.tables: dict[str, Table] = {}
        self.none = render()
        if not quick:
            self.sql, self.firestore = render(datastore="sql"), render(datastore="firestore")
            self.postgresql, self.emulator = PostgreSQL(), Emulator()
            try:
                self.postgresql.start()
                self.emulator.start()
                self.urls = self.databases()
            except BaseException:
                self.close()
                raise

    def databases(self) -> dict[str, str]:
        """Create and fill a database of each kind; return the URLs."""
        for each in BUILD.glob("bench.db*"):
            each.unlink()
        self.postgresql.create("bench")
        urls = {"SQLite": f"sqlite:///{BUILD}/bench.db", "PostgreSQL": self.postgresql.url("bench")}
        for url in urls.values():
            settings = {"DATABASE_URL": url, "DATASTORE_TIMEOUT": "0"}
            start: list[str | Path] = [self.sql / "bin/run.sh"]
            run(*start, "alembic", "upgrade", "head", **settings)
            filled = run(*start, "python", "-c", FILL, str(ROWS), NEWEST.isoformat(), **settings)
            self.deep = filled.split()[-1]
        return urls

    @cached_property
    def onnx(self) -> tuple[Path, Path]:
        """Return the project with a model, and a joblib file of the same scikit-learn pipeline."""
        project, file = render(model="onnx"), BUILD / "model.joblib"
        run("make", "-s", "-C", project, ".venv/training/training.txt", f"PYTHON={sys.executable}")
        python = project / ".venv/training/bin/python"
        run(python, "-c", FIT, file, PYTHONPATH=str(project))
        return project, file

    @cached_property
    def prometheus(self) -> Path:
        return render(telemetry="prometheus")

    @cached_property
    def otlp(self) -> Path:
        return render(telemetry="otlp")

    def turns(self, servers: dict[str, T]) -> Iterator[tuple[str, T]]:
        """Iterate over the servers in order, and in reverse order in every other round."""
        yield from servers.items() if self.round % 2 else reversed(servers.items())

    def close(self) -> None:
        if hasattr(self, "postgresql"):
            self.postgresql.remove()
            self.emulator.remove()

    def table(self, title: str, unit: str) -> Table:
        return self.tables.setdefault(title, Table(title, unit))

    def flask(self, *, workers: int = 1, app: str = "bare_flask:app") -> Server:
        """Return a bare app under stock gunicorn, with the project's threads and keep-alive."""
        options = (
            f"--worker-class=gthread --workers={workers} --threads=8 --preload --keep-alive=75"
        )
        return gunicorn(self.none, f"{options} --no-control-socket", app)


def of_cpus(cpus: str) -> str:
    count = cpus.count(",") + 1
    return f"{count} CPU{'s' * (count > 1)}"


def of_connections(count: int) -> str:
    return f"{count:,} connection{'s' * (count > 1)}"
