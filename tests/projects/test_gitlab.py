"""GitLab's pipeline, run by gitlab-ci-local: its jobs in containers, on this machine's Docker engine."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from tests.conftest import Bake
from tests.projects.test_ci import have_make, left
from tests.support.engine import docker
from tests.support.machine import environment, missing, run
from tests.support.repository import git
from tools.variants import TEMPLATE

# Runs instead of .gitlab-ci.yml, and includes it.
FILE = ".gitlab-ci-here.yml"
# The image python:3.14 has these tools. Its stand-in installs them into the smaller slim image. apt
# must accept package lists that have expired.
TOOLS = "curl git make rsync"
DOCKERFILE = f"""
FROM python:3.14-slim
RUN apt-get -o Acquire::Check-Valid-Until=false -q update && \\
    apt-get install -qy --no-install-recommends {TOOLS}
"""


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install gitlab-ci-local, and return its path."""
    npm = shutil.which("npm") or missing("npm, with Node.js 20 or newer (Debian's package npm)")
    if not shutil.which("rsync"):
        missing("rsync (Debian's package)")
    folder = shutil.copytree(TEMPLATE / "tests/gitlab", tmp_path_factory.mktemp("node") / "gitlab")
    run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
    return folder / "node_modules/.bin/gitlab-ci-local"


@pytest.fixture(scope="module")
def python(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Build a stand-in for the image python: the slim image with the tools for the jobs."""
    folder = tmp_path_factory.mktemp("python")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    docker("build", "--tag", (image := f"test-{uuid4().hex[:8]}"), folder)
    yield image
    docker("rmi", "--force", image)


def pipeline(project: Path, changes: str = "") -> None:
    """Turn a project into a repository on GitLab, with changes to its pipeline."""
    (project / FILE).write_text(f"include: {{local: .gitlab-ci.yml}}\n{changes}", encoding="utf-8")
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "remote", "add", "origin", "https://gitlab.com/ada/my-flask-api.git")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Begin")


def work(runner: Path, project: Path, *options: str) -> str:
    return run(runner, "--file", FILE, *options, cwd=project)


def in_containers(image: str) -> list[str]:
    images = [f"--{kind}-image={image}" for kind in ("helper", "wait")]
    return [*images, "--pull-policy=if-not-present"]


@pytest.mark.thorough
def test_a_push_to_main_or_a_merge_request_runs_the_checks_and_a_schedule_the_audit_too(
    runner: Path, workshop: Bake
) -> None:
    """Give the rules of `workflow` to the jobs, because gitlab-ci-local lacks `workflow`."""
    project = workshop(ci="gitlab")
    file = yaml.safe_load((project / ".gitlab-ci.yml").read_text(encoding="utf-8"))
    rules = {"rules": file["workflow"]["rules"]}
    pipeline(project, yaml.safe_dump({"code": rules, "container": rules}))
    checks = ["code", "container"]
    for branch, source, jobs in (
        ("main", "push", checks),
        ("other", "push", []),
        ("other", "merge_request_event", checks),
        ("main", "schedule", [*checks, "audit"]),
    ):
        git(project, "checkout", "--quiet", "-B", branch)
        listed = work(runner, project, "--list", "--variable", f"CI_PIPELINE_SOURCE={source}")
        assert re.findall(r"^(\w+) +test +on_success", listed, re.MULTILINE) == jobs


@pytest.mark.thorough
def test_the_code_is_tested_with_the_database_of_the_service(
    runner: Path, python: str, workshop: Bake
) -> None:
    project = workshop(ci="gitlab", datastore="sql")
    have_make(project, lint="true")
    pipeline(project, f"default: {{image: {python}}}\n")
    some = "PYTEST_ADDOPTS=-rA -k test_items"
    log = work(runner, project, "code", *in_containers(python), "--variable", some)
    assert "[postgresql]" in log
    assert re.search(r"=+ \d+ passed", log), "tests were skipped"


@pytest.mark.thorough
def test_a_job_reuses_the_pip_cache_of_an_earlier_job(
    runner: Path, python: str, workshop: Bake
) -> None:
    project = workshop(ci="gitlab")
    for job in ("code", "audit"):
        shutil.rmtree(project / ".git", ignore_errors=True)
        script = "cat $PIP_CACHE_DIR/wheel || mkdir -p $PIP_CACHE_DIR && echo stored > $PIP_CACHE_DIR/wheel"
        own = f"{job}: {{script: '{script}', services: [], rules: [{{when: on_success}}]}}\n"
        pipeline(project, f"default: {{image: {python}}}\n{own}")
        first, second = (work(runner, project, job, *in_containers(python)) for _ in range(2))
        assert f"{job} > stored" not in first
        assert f"{job} > stored" in second


@pytest.mark.thorough
def test_the_container_is_built_and_called(runner: Path, workshop: Bake, engine: None) -> None:
    """The job runs on this machine, with its Docker engine instead of the service."""
    slug = f"test-{uuid4().hex[:8]}"
    project = workshop(ci="gitlab", project_slug=slug)
    own = dict.fromkeys(("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"), "")
    changes = {"container": {"before_script": [], "services": [], "variables": own}}
    pipeline(project, yaml.safe_dump(changes))
    log = work(runner, project, "container", "--force-shell-executor")
    assert re.findall(r"GET (\S+): (\d+)", log) == [
        ("/health", "200"),
        ("/openapi.json", "200"),
        ("/no-such-page", "404"),
    ]
    assert not left(slug)
    subprocess.run(["docker", "rmi", "--force", slug], capture_output=True)


@pytest.mark.parametrize(
    ("engine", "called"),
    [("tcp://docker:2376", "docker"), ("unix:///var/run/docker.sock", "0.0.0.0"), ("", "0.0.0.0")],
)
def test_a_container_of_an_engine_on_another_machine_is_called_there(
    workshop: Bake, tmp_path: Path, engine: str, called: str
) -> None:
    project = workshop(ci="gitlab")
    have_make(project, image="true")
    commands = {"docker": "echo 0.0.0.0:4242", "curl": 'echo "$*" >> "$LOG"'}
    for name, command in commands.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{command}\n")
        (tmp_path / name).chmod(0o755)
    own = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOG": str(tmp_path / "log")}
    own |= {"DOCKER_HOST": engine}
    subprocess.run(["bin/ci.sh", "container"], cwd=project, env=environment(**own))
    urls = re.findall(r"http://\S+", (tmp_path / "log").read_text())
    assert urls[0] == f"http://{called}:4242/"
    assert all(url.startswith(urls[0]) for url in urls)


def test_the_checks_of_the_code_need_no_docker(workshop: Bake, tmp_path: Path) -> None:
    for tool in ("sh", "dirname", "make", "env", "echo"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    project = workshop(ci="gitlab")
    have_make(project, lint="echo linted", test="echo tested")
    log = run("bin/ci.sh", "code", cwd=project, PATH=str(tmp_path))
    assert re.findall("^(?:linted|tested)$", log, re.MULTILINE) == ["linted", "tested"]
