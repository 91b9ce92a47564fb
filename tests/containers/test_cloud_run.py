"""Check Cloud Run's contract with a container, on a Docker engine with Cloud Run's variables.

https://cloud.google.com/run/docs/container-contract
"""

import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import Bake, Build
from tests.support.edits import append
from tests.support.engine import CONFINED, built, docker, running
from tools.variants import AXES

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.thorough]

# The variables that the platform sets, and those that cloudbuild.yaml sets.
PLATFORM = {"K_SERVICE": "api", "K_REVISION": "api-00001-abc", "K_CONFIGURATION": "api"}
DEPLOYED = {"GOOGLE_CLOUD_PROJECT": "some-project", "THREADS": "16", "WORKERS": "1"}
NO_DATABASE = {"DATABASE_URL": "postgresql://127.0.0.1:1/nowhere"}
SERVICE = PLATFORM | DEPLOYED | NO_DATABASE | {"PORT": "8081"}

every_datastore = pytest.mark.parametrize("datastore", AXES["datastore"])


@every_datastore
def test_files_are_written_only_in_tmp(image: Build, datastore: str) -> None:
    with running(image(datastore=datastore, deploy="cloud-run"), port=8081, **SERVICE) as container:
        for path in ("/health", "/openapi.json", "/nowhere"):
            container.call(path)
        container.call("/api/v1/items", {"name": "x" * 1_000_000})
        changed = docker("diff", container.id).splitlines()
    assert [line for line in changed if not line[2:].startswith("/tmp")] == []


def test_no_request_is_accepted_before_the_application_is_ready(workshop: Bake) -> None:
    """The platform's default probe treats an open port as ready."""
    project = workshop(deploy="cloud-run")
    wsgi = (project / "wsgi.py").read_text(encoding="utf-8")
    slow = f"import time\n\ntime.sleep(3)\n{wsgi}"
    (project / "wsgi.py").write_text(slow, encoding="utf-8")
    with built(project) as image, running(image, CONFINED, port=8081, **SERVICE) as container:
        address = (container.host, container.port)
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(address) == 0:
                    break
            time.sleep(0.02)
        connected = time.monotonic()
        assert container.call("/health") == (200, {"status": "ok"})
        assert time.monotonic() - connected < 1


def test_sigterm_stops_it_in_time_even_with_open_requests(workshop: Bake) -> None:
    project = workshop(deploy="cloud-run")
    append(
        project / "wsgi.py",
        "import time\n"
        'app.add_url_rule("/slow/<int:seconds>", view_func=lambda seconds: [time.sleep(seconds)])\n',
    )
    with (
        built(project) as image,
        running(image, CONFINED, port=8081, **SERVICE) as container,
        ThreadPoolExecutor(2) as callers,
    ):
        container.call("/health")
        short = callers.submit(container.call, "/slow/5")
        endless = subprocess.Popen(
            ["curl", "--silent", f"http://{container.host}:8081/slow/60"], stdout=subprocess.DEVNULL
        )
        time.sleep(1)
        seconds = container.stop()
        assert short.result()[0] == 200
        assert endless.wait() != 0
        assert seconds < 10
        assert container.state["ExitCode"] == 0, "the container was killed"


def test_a_job_migrates_the_database_that_the_service_uses(image: Build) -> None:
    api = image(datastore="sql", deploy="cloud-run")
    with running("postgres:17", POSTGRES_USER="api", POSTGRES_PASSWORD="secret") as postgresql:
        own = {"DATABASE_URL": f"postgresql://api:secret@{postgresql.host}/api"}
        for _ in range(100):
            done = subprocess.run(
                ["docker", "exec", postgresql.id, "pg_isready", "--host=localhost"],
                capture_output=True,
            )
            if done.returncode == 0:
                break
            time.sleep(0.2)
        given = [f"--env={name}={text}" for name, text in (own | {"CLOUD_RUN_JOB": "a"}).items()]
        docker("run", "--rm", *CONFINED, *given, api, "bin/run.sh", "alembic", "upgrade", "head")
        with running(api, CONFINED, port=8081, **SERVICE | own) as service:
            assert service.call("/ready")[0] == 200
            assert service.call("/api/v1/items", {"name": "Ada"})[0] == 201
