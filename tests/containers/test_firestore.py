"""A container's Firestore: the emulator, or a Google Cloud project with credentials."""

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conftest import Bake
from tests.support.engine import docker, use_this_machine_s_emulator
from tests.support.machine import environment, fetch, free_port, run

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.thorough]

WHO = "import google.auth; c, p = google.auth.default(); print(p, c.service_account_email)"


@pytest.fixture
def project(workshop: Bake) -> Iterator[Path]:
    name = f"test-{uuid4().hex[:8]}"
    project = workshop(datastore="firestore", project_slug=name)
    run("make", "image", cwd=project)
    yield project
    run("docker", "compose", "-p", name, "down", "--volumes", cwd=project)
    docker("rmi", "--force", name)


def image_of(project: Path) -> str:
    return re.findall(r"^IMAGE \?= (.*)", (project / "Makefile").read_text("utf-8"), re.M)[0]


def write_key(path: Path) -> None:
    """Write the key of a service account, as gcloud does."""
    key = path.with_suffix(".pem")
    run("openssl", "genpkey", "-algorithm", "RSA", "-out", key, cwd=path.parent)
    fields = {
        "type": "service_account",
        "project_id": "other-project",
        "private_key_id": "1",
        "private_key": key.read_text(encoding="ascii"),
        "client_email": "api@some-project.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    path.write_text(json.dumps(fields), encoding="utf-8")
    path.chmod(0o600)


@contextmanager
def run_image(project: Path, **own: str) -> Iterator[str]:
    """Serve a project with `make run-image`; yield the container's id."""
    with subprocess.Popen(["make", "run-image"], cwd=project, env=environment(**own)):
        try:
            fetch(f"http://127.0.0.1:{own['PORT']}/health")
            yield docker("ps", "--quiet", f"--filter=ancestor={image_of(project)}")
        finally:
            docker("stop", docker("ps", "--quiet", f"--filter=ancestor={image_of(project)}"))


def create_item(port: str) -> int:
    """Create an item as soon as the emulator responds; return the status."""
    url, kind = f"http://127.0.0.1:{port}/api/v1/items", {"Content-Type": "application/json"}
    for _ in range(60):
        with suppress(OSError):
            request = urllib.request.Request(url, b'{"name": "Ada"}', kind)
            with urllib.request.urlopen(request) as response:
                return int(response.status)
        time.sleep(0.5)
    pytest.fail("no item can be created")


def test_make_run_image_uses_the_emulator_unless_there_is_a_project(project: Path) -> None:
    use_this_machine_s_emulator(project)
    # This address is for `make start`. In a container, localhost is the container itself.
    (project / ".env").write_text("FIRESTORE_EMULATOR_HOST=localhost:8200\n", encoding="utf-8")
    port = str(free_port())
    with run_image(project, PORT=port):
        assert create_item(port) == 201


def test_make_run_image_uses_a_project_with_the_credentials_of_gcloud_or_of_a_file(
    project: Path, tmp_path: Path
) -> None:
    (project / ".env").write_text("GOOGLE_CLOUD_PROJECT=some-project\n", encoding="utf-8")
    of_gcloud = tmp_path / ".config/gcloud/application_default_credentials.json"
    of_gcloud.parent.mkdir(parents=True)
    named = tmp_path / "key.json"
    for key in (of_gcloud, named):
        write_key(key)
        given = {"GOOGLE_APPLICATION_CREDENTIALS": str(key)} if key == named else {}
        own = {"PORT": str(free_port()), "HOME": str(tmp_path)} | given
        with run_image(project, **own) as container:
            shown = docker("exec", container, "python", "-c", WHO)
            assert shown == "some-project api@some-project.iam.gserviceaccount.com"
        key.unlink()


def test_the_container_of_the_deploy_page_has_the_project_and_the_credentials(
    project: Path,
) -> None:
    page = (project / "docs/deploy.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^(docker run .*?)^```", page, re.MULTILINE | re.DOTALL)
    write_key(project / "credentials.json")
    here = command.replace("PROJECT_ID", "some-project").replace(":8080:8080", ":0:8080")
    container = run("sh", "-ec", here, cwd=project).strip()
    try:
        shown = docker("exec", container, "python", "-c", WHO)
        assert shown == "some-project api@some-project.iam.gserviceaccount.com"
        assert "credentials.json" not in docker("exec", container, "ls", "/app")
    finally:
        docker("rm", "--force", container)
