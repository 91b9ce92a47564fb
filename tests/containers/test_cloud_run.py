"""Cloud Run's contract with a container, on a Docker engine that behaves as Cloud Run does.

https://cloud.google.com/run/docs/container-contract
"""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import Bake, Build
from tests.support.engine import CONFINED, Container, built, docker, running
from tools.variants import AXES, Answers

pytestmark = pytest.mark.usefixtures("engine")

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
# What the platform sets, and what cloudbuild.yaml does.
PLATFORM = {"K_SERVICE": "api", "K_REVISION": "api-00001-abc", "K_CONFIGURATION": "api"}
DEPLOYED = {"GOOGLE_CLOUD_PROJECT": "some-project", "THREADS": "16", "WORKERS": "1"}
NO_DATABASE = {"DATABASE_URL": "postgresql://127.0.0.1:1/nowhere"}
SERVICE = PLATFORM | DEPLOYED | NO_DATABASE | {"PORT": "8081"}

every_datastore = pytest.mark.parametrize(
    "datastore",
    [
        pytest.param(datastore, marks=pytest.mark.thorough if number else [])
        for number, datastore in enumerate(AXES["datastore"])
    ],
)


@pytest.fixture
def service(image: Build, datastore: str) -> Iterator[Container]:
    """Give a service that answers."""
    answers: Answers = {"datastore": datastore, "deploy": "cloud-run"}
    with running(image(**answers), CONFINED, port=8081, **SERVICE, ACCESS_LOG="on") as container:
        container.call("/health")
        yield container


def lines(container: Container) -> list[dict]:
    return [json.loads(line) for line in container.log.splitlines()]


@every_datastore
def test_a_log_line_has_severity_trace_and_the_client_that_the_platform_names(
    service: Container,
) -> None:
    service.call(
        "/nowhere",
        traceparent=f"00-{TRACE}-00f067aa0ba902b7-01",
        X_Forwarded_For="6.6.6.6, 203.0.113.9",
    )
    (line,) = [line for line in lines(service) if line.get("path") == "/nowhere"]
    assert line["severity"] == "INFO"
    assert line["logging.googleapis.com/trace"] == f"projects/some-project/traces/{TRACE}"
    assert line["httpRequest"]["remoteIp"] == "203.0.113.9"
    assert {"severity", "message", "time"} <= set.intersection(*map(set, lines(service)))


@every_datastore
def test_the_paths_that_the_platform_answers_itself_are_none_of_the_api_s(
    service: Container,
) -> None:
    for path in ("/healthz", "/_ah/health", "/eventlog"):
        assert service.call(path)[0] == 404


@every_datastore
def test_nothing_is_written_but_in_tmp(image: Build, datastore: str) -> None:
    with running(image(datastore=datastore, deploy="cloud-run"), port=8081, **SERVICE) as container:
        for path in ("/health", "/openapi.json", "/nowhere"):
            container.call(path)
        container.call("/api/v1/items", {"name": "x" * 1_000_000})
        changed = docker("diff", container.id).splitlines()
    assert [line for line in changed if not line[2:].startswith("/tmp")] == []


def test_access_lines_are_left_to_the_platform(image: Build) -> None:
    with running(image(deploy="cloud-run"), CONFINED, port=8081, **SERVICE) as container:
        assert container.call("/health")[0] == 200
        assert [line for line in lines(container) if "httpRequest" in line] == []


def test_no_request_comes_before_the_application_is_ready(workshop: Bake) -> None:
    """The platform's default probe connects, and takes that for being ready."""
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


@pytest.mark.thorough
def test_sigterm_ends_it_in_time_whatever_is_under_way(workshop: Bake) -> None:
    project = workshop(deploy="cloud-run")
    with (project / "wsgi.py").open("a", encoding="utf-8") as wsgi:
        wsgi.write(
            "import time\n"
            'app.add_url_rule("/slow/<int:seconds>", view_func=lambda seconds: [time.sleep(seconds)])\n'
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
        assert container.state["ExitCode"] == 0, "not killed"


@pytest.mark.thorough
@pytest.mark.parametrize("mark", ["K_SERVICE", "CLOUD_RUN_JOB"])
@pytest.mark.parametrize(
    ("datastore", "settings", "line"),
    [
        ("sql", {}, "DATABASE_URL: on Cloud Run, files are in memory"),
        ("sql", {"DATABASE_URL": "sqlite:////tmp/app.db"}, "DATABASE_URL: on Cloud Run, files"),
        ("firestore", {"FIRESTORE_EMULATOR_HOST": "localhost:8200"}, "FIRESTORE_EMULATOR_HOST: on"),
    ],
)
def test_what_would_lose_data_is_refused_in_a_line(
    image: Build, datastore: str, settings: dict[str, str], line: str, mark: str
) -> None:
    given = [f"--env={name}={text}" for name, text in ({mark: "api"} | settings).items()]
    command = ["docker", "run", "--rm", *given, image(datastore=datastore, deploy="cloud-run")]
    done = subprocess.run(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60
    )
    assert done.returncode == 1
    assert done.stdout.startswith(line)
    assert done.stdout.count("\n") == 1


@pytest.mark.thorough
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
