"""Images and containers, on a real Docker engine."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.machine import missing, run

# The strictest limits that a project supports.
CONFINED = [
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--user=54321:54321",
    "--memory=256m",
    "--memory-swap=256m",
    "--cpus=1",
]


def need_engine() -> None:
    """Skip the test if no Docker engine runs; in CI, fail."""
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "info"], capture_output=True).returncode:
        missing("a running Docker engine")


def docker(*command: str | Path) -> str:
    """Run a docker command and return its output; fail with the output if it fails."""
    return run("docker", *command, cwd=Path("/")).strip()


@contextmanager
def built(project: Path, *options: str) -> Iterator[str]:
    """Build a project's image and yield its name; then remove it."""
    image = f"test-{uuid4().hex[:8]}"
    docker("build", "--tag", image, *options, project)
    try:
        yield image
    finally:
        docker("rmi", "--force", image)


def use_this_machine_s_emulator(project: Path) -> None:
    """Make compose run this machine's emulator instead of Google's image."""
    if not shutil.which("gcloud"):
        missing("gcloud, with the Firestore emulator")
    stand_in = {"image": "python:3.14-slim", "volumes": ["/usr:/usr:ro", "/etc:/etc:ro"]}
    override = json.dumps({"services": {"emulator": stand_in}})
    (project / "compose.override.yaml").write_text(override, encoding="utf-8")


class Container:
    """A container that runs in the background."""

    def __init__(self, id: str, port: int) -> None:
        self.id, self.port = id, port

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(docker("inspect", "--format={{json .State}}", self.id))
        return state

    @property
    def host(self) -> str:
        """Return the container's own address.

        On a published port, Docker still accepts connections after the container has stopped.
        """
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return docker("inspect", f"--format={form}", self.id)

    @property
    def log(self) -> str:
        return docker("logs", self.id)

    def call(self, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Send a request, retrying until the server accepts it; return the status and the JSON."""
        data = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        url = f"http://{self.host}:{self.port}{path}"
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"} | named)
        for _ in range(200):
            try:
                with urllib.request.urlopen(request, timeout=30) as response:
                    return response.status, json.load(response)
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, json.load(error)
            except (OSError, HTTPException):
                if not self.state["Running"]:
                    break
                time.sleep(0.05)
        raise AssertionError(f"no response to {path}: {self.state}\n{self.log}")

    def stop(self) -> float:
        """Stop the container: SIGTERM, then SIGKILL after ten seconds; return the duration."""
        began = time.monotonic()
        docker("stop", "--time=10", self.id)
        return time.monotonic() - began


# With auth=jwt the image needs AUTH_ISSUER to start, and refuses issuers on this machine. The host
# issuer.invalid does not exist, so no token is valid.
ISSUER = {"AUTH_ISSUER": "https://issuer.invalid", "AUTH_AUDIENCE": "api"}


@contextmanager
def running(
    image: str,
    options: Sequence[str] = (),
    command: Sequence[str] = (),
    port: int = 8080,
    **settings: str,
) -> Iterator[Container]:
    """Run an image with options of `docker run`; remove the container at the end."""
    given = [f"--env={name}={text}" for name, text in settings.items()]
    container = docker("run", "--detach", *options, *given, image, *command)
    try:
        yield Container(container, port)
    finally:
        docker("rm", "--force", "--volumes", container)
