"""The container survives the bodies that take most memory, on a real Docker engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Bake
from tests.support.attack import CLIENTS, attack
from tests.support.edits import replace
from tests.support.engine import CONFINED, Container, built, running

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.thorough]

# Views that accept the attack's bodies, and keep them in memory for at least 10 ms.
VIEWS = '''"""Views for any body."""

import time
from typing import Any

import msgspec
from flask import Flask

from chassis import operation


class Row(msgspec.Struct):
    a: int = 0
    b: str = ""
    c: float = 0.0
    d: bool = False
    e: list[int] = []


@operation()
def take_object(body: dict[str, Any]) -> int:
    """Take any object."""
    time.sleep(0.01)
    return len(body)


@operation()
def take_rows(body: list[Row]) -> int:
    """Take rows."""
    time.sleep(0.01)
    return len(body)


def register(app: Flask) -> None:
    app.post("/objects")(take_object)
    app.post("/rows")(take_rows)
'''


@contextmanager
def attacked(project: Path, volume: str) -> Iterator[Container]:
    """Run the project's image in 256 MiB on two CPUs, with its default settings."""
    confined = [option for option in CONFINED if not option.startswith("--cpus")]
    options = [*confined, "--cpus=2", f"--volume={volume}:/app/instance"]
    with built(project) as image, running(image, options) as container:
        assert container.call("/health")[0] == 200
        yield container


@pytest.mark.parametrize("with_views", [False, True], ids=["refused", "accepted"])
@pytest.mark.parametrize("datastore", ["none", "sql", "firestore"])
def test_it_survives_the_worst_bodies_of_every_operation(
    workshop: Bake, volume: str, datastore: str, with_views: bool
) -> None:
    project = workshop(datastore=datastore)
    if with_views:
        (project / "api/bodies.py").write_text(VIEWS, encoding="utf-8")
        factory = project / "api/__init__.py"
        replace(factory, "from .settings", "from . import bodies\nfrom .settings")
        replace(factory, "    return close", "    bodies.register(app)\n    return close")
    with attacked(project, volume) as container:
        outcome = attack(f"http://{container.host}:{container.port}", 10)
        print(outcome)
        booted = container.log.count("Booting worker")
        assert "SIGKILL" not in container.log
        assert "TIMEOUT" not in container.log
        assert container.state["Status"] == "running"
        assert not container.state["OOMKilled"]
    assert booted <= 2, "a worker was replaced"
    assert set(outcome.statuses) <= {"200", "400", "413", "415", "422"}
    # On a busy machine, requests take longer, and /health may wait for a request of each client.
    assert outcome.slowest < max(1, CLIENTS * outcome.idle)
