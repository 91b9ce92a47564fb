"""The content of the container image, built by a real Docker engine."""

import itertools
import json
import re
import subprocess
from uuid import uuid4

import pytest

from tests.conftest import Bake, Build
from tests.support.edits import append
from tests.support.engine import CONFINED, ISSUER, built, docker, running
from tests.support.machine import run
from tests.support.marks import every_image
from tests.support.pythons import PYTHONS
from tools.variants import AXES, Answers

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.thorough]


@every_image
def test_it_has_the_application_compiled_and_no_tools(image: Build, answers: Answers) -> None:
    built = image(**answers)
    listed = docker("run", "--rm", built, "find", ".", "-type", "f", "-not", "-name", "*.pyc")
    files = {path.removeprefix("./") for path in listed.splitlines()}
    allowed = (
        r"(api|chassis|migrations)/.*|bin/.*\.sh|docs/swagger\.yaml|gunicorn\.conf\.py|wsgi\.py"
        r"|requirements/common\.txt|pyproject\.toml|model/model\.(json|onnx)"
    )
    assert {
        "api/__init__.py",
        "chassis/__init__.py",
        "bin/run.sh",
        "docs/swagger.yaml",
        "wsgi.py",
    } <= files
    assert ("model/model.onnx" in files) == (answers["model"] == "onnx")
    assert [path for path in files if not re.fullmatch(allowed, path)] == []
    tools = docker("run", "--rm", built, "sh", "-c", "command -v gcc cc make git curl; true")
    assert tools == ""
    settings = [f"--env={name}={text}" for name, text in ISSUER.items()]
    imports = docker("run", "--rm", *settings, built, "python", "-v", "-c", "import wsgi")
    loaded = re.findall(r"code object from '(/(?:app|venv)/.*)'", imports)
    assert len(loaded) > 100
    assert [path for path in loaded if not path.endswith(".pyc")] == []


@pytest.mark.parametrize(
    ("version", "datastore"), [*zip(AXES["python_version"], itertools.cycle(AXES["datastore"]))]
)
def test_with_each_python_it_has_no_pip_and_serves(
    image: Build, volume: str, datastore: str, version: str
) -> None:
    built = image(datastore=datastore, python_version=version)
    for module in ("pip", "ensurepip"):
        command = ["docker", "run", "--rm", built, "python", "-m", module]
        done = subprocess.run(command, text=True, capture_output=True)
        assert f"No module named {module}" in done.stderr
    with running(built, [*CONFINED, f"--volume={volume}:/app/instance"]) as container:
        assert container.call("/health") == (200, {"status": "ok"})
        assert f"Python {version}." in docker("exec", container.id, "python", "--version")


@pytest.mark.parametrize("version", [v for v in AXES["python_version"] if v not in PYTHONS])
def test_a_project_passes_its_tests_in_the_base_image_of_a_python_that_is_not_installed(
    bake: Bake, version: str
) -> None:
    """Install wheels only. The tests that need PostgreSQL are skipped."""
    project = bake(datastore="sql", auth="jwt", python_version=version)
    install = (
        "python -m venv .venv && .venv/bin/pip install -q --only-binary :all: --require-hashes"
    )
    script = f"cp -r /src /app && cd /app && {install} -r requirements/develop.txt"
    script += " && .venv/bin/mypy && .venv/bin/pytest -q"
    source = f"--volume={project}:/src:ro"
    log = docker("run", "--rm", source, f"python:{version}-slim", "sh", "-c", script)
    assert "Success: no issues found" in log
    assert re.search(r"\d+ passed", log)
    assert not re.search(r"\d+ (failed|error)", log)


def test_a_secret_beside_the_code_is_in_no_layer(workshop: Bake) -> None:
    project = workshop()
    (project / ".git").mkdir()
    hidden = [".env", ".git/config", ".cruft.json", "api/.env", "chassis/.env", "bin/.token"]
    for path in (*hidden, "key.json", "docs/notes.md"):
        (project / path).write_text("TOKEN=planted-secret\n", encoding="utf-8")
    append(project / "api/greetings.py", "# planted-code\n")
    with built(project) as image:
        layers = subprocess.run(["docker", "save", image], stdout=subprocess.PIPE).stdout
    assert b"planted-code" in layers, "the search does not find text in a layer"
    assert b"planted-secret" not in layers


def test_it_has_labels_and_no_settings(image: Build) -> None:
    config = json.loads(docker("inspect", "--format={{json .Config}}", image()))
    base = json.loads(docker("inspect", "--format={{json .Config.Env}}", "python:3.14-slim"))
    own = {line.partition("=")[0] for line in config["Env"] if line not in base}
    assert own == {"PATH", "PYTHONUNBUFFERED"}
    assert config["Labels"] == {
        "org.opencontainers.image.title": "my-flask-api",
        "org.opencontainers.image.licenses": "MIT",
        "org.opencontainers.image.revision": "abc",
    }
    assert config["StopSignal"] == "SIGTERM"
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", config["User"])


def test_a_changed_view_does_not_install_the_requirements_again(workshop: Bake) -> None:
    project = workshop()

    def installs() -> bool:
        log = docker("build", "--progress=plain", project)
        (step,) = re.findall(r"^#(\d+) \[build \d/\d\] RUN .*pip", log, re.MULTILINE)
        return f"#{step} CACHED" not in log

    installs()
    append(project / "api/greetings.py", f"# {uuid4()}\n")
    assert not installs()
    append(project / "requirements/common.txt", f"# {uuid4()}\n")
    assert installs()


def test_the_legacy_builder_builds_it_too(workshop: Bake) -> None:
    image = f"test-{uuid4().hex[:8]}"
    command = ["docker", "build", "--platform=linux/amd64", f"--tag={image}", "."]
    run(*command, cwd=workshop(), DOCKER_BUILDKIT="0")
    assert docker("inspect", "--format={{.Os}}/{{.Architecture}}", image) == "linux/amd64"
    docker("rmi", image)


def test_files_that_only_their_owner_can_read_are_readable_in_the_image(workshop: Bake) -> None:
    project = workshop()
    for path in project.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    with built(project) as image, running(image, CONFINED) as container:
        assert container.call("/health")[0] == 200
