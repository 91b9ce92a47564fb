"""The containers, on a real Docker engine."""

import json
import shutil
import subprocess
import urllib.request
from uuid import uuid4

import pytest

from .conftest import Bake
from .machine import fetch, free_port, missing, run


@pytest.fixture(autouse=True)
def _engine() -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "info"], capture_output=True).returncode:
        missing("Docker engine that runs")


def test_compose_migrates_its_postgresql_before_the_api_starts(workshop: Bake) -> None:
    project = workshop(datastore="sql", project_slug=f"test-{uuid4().hex[:8]}")
    port = free_port()
    own = {"COMPOSE_PROJECT_NAME": f"test-{uuid4().hex[:8]}", "PORT": str(port)}
    items = f"http://127.0.0.1:{port}/api/v1/items"

    def compose(*command: str) -> str:
        return run("docker", "compose", *command, cwd=project, **own)

    try:
        compose("up", "--detach", "--build")
        assert json.loads(fetch(items)) == {"items": [], "next_cursor": None}
        body, headers = b'{"name": "Ada"}', {"Content-Type": "application/json"}
        assert urllib.request.urlopen(urllib.request.Request(items, body, headers)).status == 201

        compose("down")
        compose("up", "--detach")
        (item,) = json.loads(fetch(items))["items"]
        assert item["name"] == "Ada", "the volume keeps what was written"
    finally:
        compose("down", "--volumes", "--rmi=local")
