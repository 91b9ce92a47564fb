"""How the container runs and stops, on a real Docker engine."""

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from tests.conftest import Bake, Build
from tests.projects.test_project import ENV, VALUES
from tests.support.edits import append
from tests.support.engine import (
    CONFINED,
    ISSUER,
    Container,
    built,
    docker,
    running,
    use_this_machine_s_emulator,
)
from tests.support.load import load
from tests.support.machine import environment, fetch, free_port, run
from tests.support.marks import every_image
from tools.variants import Answers

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.thorough]


@every_image
def test_it_runs_with_the_strictest_limits_of_a_platform(
    image: Build, volume: str, answers: Answers
) -> None:
    """Read-only, without capabilities, as any user, on another port, in 256 MiB on one CPU."""
    options = [*CONFINED, f"--volume={volume}:/app/instance"]
    resource = "/api/v1/greetings" if answers["datastore"] == "none" else "/api/v1/items"
    needs_token = answers["auth"] == "jwt"
    settings = {"PORT": "9000"} | (ISSUER if needs_token else {})
    with running(image(**answers), options, port=9000, **settings) as container:
        assert container.call("/health") == (200, {"status": "ok"})
        assert container.call("/nowhere")[0] == (401 if needs_token else 404)
        if not needs_token and answers["datastore"] != "firestore":
            assert container.call(resource, {"name": "Ada"})[0] == 201
        large = {"name": "x" * 60_000}
        with ThreadPoolExecutor(16) as callers:
            called = callers.map(lambda _: container.call(resource, large), range(64))
            assert {status for status, _ in called} == {401 if needs_token else 422}
        assert container.stop() < 4
        assert container.state["ExitCode"] == 0
        assert not container.state["OOMKilled"]
        for line in container.log.splitlines():
            assert "message" in json.loads(line)


def test_sqlite_s_file_outlives_the_container(image: Build, volume: str) -> None:
    options = [*CONFINED, f"--volume={volume}:/app/instance"]
    with running(image(datastore="sql"), options) as container:
        assert container.call("/api/v1/items", {"name": "Ada"})[0] == 201
    with running(image(datastore="sql"), options) as container:
        (item,) = container.call("/api/v1/items")[1]["items"]
        assert item["name"] == "Ada"


def health(container: Container) -> str:
    """Return Docker's health status of a container after the first check."""
    for _ in range(100):
        if (status := str(container.state["Health"]["Status"])) != "starting":
            break
        time.sleep(0.1)
    return status


def test_the_health_check_works_on_any_port(image: Build) -> None:
    options = ["--health-interval=1s", "--health-retries=1"]
    proxy = "http://127.0.0.1:1"
    with (
        running(image(), options, PORT="9000", http_proxy=proxy) as container,
        running(image(), options, ["sleep", "60"]) as other,
    ):
        assert health(container) == "healthy"
        assert health(other) == "unhealthy"


# A stand-in for a kernel without IPv6: socket(AF_INET6) fails with EAFNOSUPPORT.
NO_IPV6 = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {
            "names": ["socket"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 97,
            "args": [{"index": 0, "value": 10, "op": "SCMP_CMP_EQ"}],
        }
    ],
}
GET = "import urllib.request as r; print(r.urlopen('http://{}:8080/health').read().decode())"


@pytest.mark.parametrize(
    ("options", "hosts", "listens"),
    [
        (
            ["--sysctl=net.ipv6.conf.all.disable_ipv6=0"],
            ["127.0.0.1", "[::1]"],
            "http://[::]:8080 (",
        ),
        (
            ["--sysctl=net.ipv6.conf.all.disable_ipv6=0", "--sysctl=net.ipv6.bindv6only=1"],
            ["127.0.0.1", "[::1]"],
            "http://[::]:8080,http://0.0.0.0:8080 (",
        ),
        (["--sysctl=net.ipv6.conf.all.disable_ipv6=1"], ["127.0.0.1"], "http://[::]:8080 ("),
        (["--security-opt=seccomp={}"], ["127.0.0.1"], "http://0.0.0.0:8080 ("),
        (
            ["--security-opt=seccomp={}", "--env=BIND_ADDRESS=0:0::0"],
            ["127.0.0.1"],
            "http://0.0.0.0:8080 (",
        ),
    ],
    ids=["both", "apart", "switched off", "none", "none, written out"],
)
def test_it_listens_on_each_ip_version_that_the_system_supports(
    image: Build, tmp_path: Path, options: list[str], hosts: list[str], listens: str
) -> None:
    (tmp_path / "no-ipv6.json").write_text(json.dumps(NO_IPV6))
    given = [option.format(tmp_path / "no-ipv6.json") for option in options]
    with running(image(), given) as container:
        assert container.call("/health") == (200, {"status": "ok"})
        for host in hosts:
            answer = docker("exec", container.id, "python", "-c", GET.format(host))
            assert json.loads(answer) == {"status": "ok"}
        assert f"Listening at: {listens}" in container.log
        assert "::ffff:" not in container.log


@every_image
def test_make_image_and_make_run_image_serve_it_with_the_settings_of_env(
    workshop: Bake, answers: Answers
) -> None:
    port, image = free_port(), f"test-{uuid4().hex[:8]}"
    project = workshop(**answers, project_slug=image)
    if answers["datastore"] == "firestore":
        use_this_machine_s_emulator(project)
    own = {"PORT": port, "DOCS": "off", "BIND_ADDRESS": "127.0.0.1"} | ISSUER
    (project / ".env").write_text("".join(f"{name}={own[name]}\n" for name in own), "utf-8")
    run("make", "image", f"IMAGE={image}", cwd=project)
    command = ["make", "run-image", f"IMAGE={image}"]
    with subprocess.Popen(command, cwd=project, env=environment()):
        try:
            assert json.loads(fetch(f"http://127.0.0.1:{port}/health")) == {"status": "ok"}
            assert "docs" not in json.loads(fetch(f"http://127.0.0.1:{port}/"))
        finally:
            docker("stop", docker("ps", "--quiet", f"--filter=ancestor={image}"))
    run("docker", "compose", "--project-name", image, "down", cwd=project)
    subprocess.run(["docker", "volume", "rm", image], capture_output=True)
    docker("rmi", image)


def test_a_value_of_env_is_the_same_for_docker_and_docker_compose(workshop: Bake) -> None:
    project = workshop()
    (project / ".env").write_text(ENV, newline="")
    variables = ["--env-file=.env", "--env=KEPT=kept", "python:3.13-slim"]
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    shown = run("docker", "run", "--rm", *variables, "python", "-c", code, cwd=project)
    assert json.loads(shown).items() >= VALUES.items()
    composed = run("docker", "compose", "config", "--format=json", cwd=project)
    given = json.loads(composed[composed.index("{\n") :])["services"]["api"]["environment"]
    assert {name: given[name].replace("$$", "$") for name in VALUES} == VALUES


# --- how it stops


@pytest.mark.parametrize(("connection", "allowed"), [("close", 0), ("keep-alive", 2)])
def test_a_shutdown_under_load_loses_no_request(
    image: Build, connection: str, allowed: int
) -> None:
    """A keep-alive connection may close while a request is in transit. HTTP clients retry it."""
    answered = lost = stops = 0
    while answered < 10_000 or stops < 3:
        with running(image(), ACCESS_LOG="off") as container:
            assert container.call("/health")[0] == 200
            with load((container.host, container.port), 32, connection) as clients:
                time.sleep(2)
                seconds = container.stop()
            assert seconds < 4
            assert container.state["ExitCode"] == 0
        stops += 1
        answered += sum(client.answered for client in clients)
        lost += sum(client.lost for client in clients)
        assert stops < 30
    print(f"{connection}: {answered} responses and {lost} lost requests in {stops} shutdowns")
    assert lost <= allowed


def test_it_stops_within_three_seconds_of_its_last_response(workshop: Bake) -> None:
    project = workshop()
    slow = 'import time\napp.add_url_rule("/slow", view_func=lambda: [time.sleep(2)])\n'
    append(project / "wsgi.py", slow)
    with (
        built(project) as image,
        running(image, CONFINED, WORKERS="1", THREADS="4") as container,
        ThreadPoolExecutor(8) as callers,
    ):
        container.call("/health")

        def call(_: int) -> tuple[int, float]:
            return container.call("/slow")[0], time.monotonic()

        calls = [callers.submit(call, number) for number in range(8)]
        time.sleep(1)
        container.stop()
        stopped = time.monotonic()
        answers = [call.result() for call in calls]
        assert [status for status, _ in answers] == [200] * 8
        assert stopped - max(answered for _, answered in answers) < 3
        assert container.state["ExitCode"] == 0


def test_a_log_driver_that_is_stuck_stops_no_response(bake: Bake, image: Build) -> None:
    """With the options of compose.yaml. Without them, the API stops after about 500 requests."""
    compose = yaml.safe_load((bake() / "compose.yaml").read_text("utf-8"))
    options = compose["services"]["api"]["logging"]["options"]
    given = [f"--log-opt={name}={text}" for name, text in options.items()]
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"syslog-address=tcp://127.0.0.1:{silent.getsockname()[1]}"
        given += ["--log-driver=syslog", f"--log-opt={address}"]
        with running(image(), given) as container, closing(silent):  # else Docker cannot stop it
            for _ in range(800):
                assert container.call("/" + "x" * 3900)[0] == 404


# --- with its datastore


class Compose:
    """A project that docker compose runs."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.own = {"COMPOSE_PROJECT_NAME": f"test-{uuid4().hex[:8]}", "PORT": str(free_port())}
        self.items = f"http://127.0.0.1:{self.own['PORT']}/api/v1/items"

    def __call__(self, *command: str) -> str:
        return run("docker", "compose", *command, cwd=self.project, **self.own)

    def create(self) -> int:
        """Create an item and return the status."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.items, b'{"name": "Ada"}', headers)
        with urllib.request.urlopen(request) as response:
            return int(response.status)


@pytest.fixture
def compose(workshop: Bake) -> Iterator[Callable[[str], Compose]]:
    """Yield a function that returns a project for docker compose; then remove its containers."""
    composed: list[Compose] = []

    def compose(datastore: str) -> Compose:
        project = workshop(datastore=datastore, project_slug=f"test-{uuid4().hex[:8]}")
        composed.append(Compose(project))
        return composed[0]

    yield compose
    composed[0]("down", "--volumes", "--rmi=local")


def test_compose_serves_it(compose: Callable[[str], Compose]) -> None:
    composed = compose("none")
    composed("up", "--detach")
    assert json.loads(fetch(composed.items.replace("api/v1/items", "health"))) == {"status": "ok"}


@pytest.mark.parametrize("datastore", ["none", "sql"])
def test_compose_up_after_a_change_runs_the_new_code(
    compose: Callable[[str], Compose], datastore: str
) -> None:
    composed = compose(datastore)
    composed("up", "--detach")
    health = composed.items.replace("api/v1/items", "health")
    assert json.loads(fetch(health)) == {"status": "ok"}
    append(composed.project / "wsgi.py", '\napp.add_url_rule("/new", view_func=lambda: ["new"])\n')
    composed("up", "--detach")
    assert json.loads(fetch(health.replace("health", "new"))) == ["new"]
    unchanged = composed("ps", "--format={{.ID}}", "api")
    composed("up", "--detach")
    assert composed("ps", "--format={{.ID}}", "api") == unchanged, (
        "the API restarts, but nothing changed"
    )


def test_compose_migrates_its_postgresql_before_the_api_starts(
    compose: Callable[[str], Compose],
) -> None:
    composed = compose("sql")
    composed("up", "--detach")
    assert json.loads(fetch(composed.items)) == {"items": [], "next_cursor": None}
    assert composed.create() == 201

    composed("down")
    composed("up", "--detach")
    (item,) = json.loads(fetch(composed.items))["items"]
    assert item["name"] == "Ada", "the volume keeps what was written"


def test_compose_serves_it_with_the_emulator(compose: Callable[[str], Compose]) -> None:
    composed = compose("firestore")
    use_this_machine_s_emulator(composed.project)
    composed("up", "--detach")
    ready = composed.items.replace("api/v1/items", "ready")
    for _ in range(20):  # the emulator's JVM starts slowly
        with suppress(OSError), urllib.request.urlopen(ready):
            break
        time.sleep(1)
    assert composed.create() == 201
