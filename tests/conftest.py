"""Rendering for tests, and the parts of the machine that tests use."""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import pytest
from pytest_cookies.plugin import Cookies

from .variants import AXES, QUESTIONS

Bake = Callable[..., Path]


@pytest.fixture(scope="session")
def bake(cookies_session: Cookies) -> Bake:
    """Give a function that renders the template with answers and gives the project's folder.

    What it gives is rendered once for each set of answers, so it is for reading only.
    """
    rendered: dict[str, Path] = {}

    def bake(**answers: str | bool) -> Path:
        for question, answer in answers.items():
            assert question in QUESTIONS, f"there is no question {question}"
            assert answer in AXES.get(question, [answer]), f"{question} has no answer {answer}"
        key = repr(sorted(answers.items()))
        if key not in rendered:
            result = cookies_session.bake(extra_context=answers)
            assert result.exception is None, result.exception
            rendered[key] = result.project_path
        return rendered[key]

    return bake


@pytest.fixture
def workshop(bake: Bake, tmp_path: Path) -> Bake:
    """Give a function like `bake` whose project is the test's own, to change and to run."""

    def copy(**answers: str | bool) -> Path:
        return shutil.copytree(bake(**answers), tmp_path / "project")

    return copy


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command, fail with what it printed if it fails, and give that."""
    inherited = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=inherited | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, f"{command} exits with {done.returncode}:\n{done.stdout}"
    return done.stdout


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def fetch(url: str) -> str:
    """Read a page as soon as its server answers, within ten seconds."""
    for _ in range(100):
        with suppress(urllib.error.URLError), urllib.request.urlopen(url) as page:
            return str(page.read(), "utf-8")
        time.sleep(0.1)
    pytest.fail(f"{url} does not answer")


@contextmanager
def serving(project: Path) -> Iterator[str]:
    """Install a project and start its server; give the address."""
    run("make", "develop", cwd=project)
    port = free_port()
    environment = os.environ | {"PORT": str(port)}
    with subprocess.Popen([project / "bin/run.sh"], env=environment) as server:
        try:
            fetch(f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


# What `make test` here would hand on to a `make` in a project.
UNWANTED = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PORT", "PYTHON", "VIRTUAL_ENV"}


def missing(part: str) -> NoReturn:
    """Skip the test, for want of a part of the machine; in CI, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI has to have {part}")
    pytest.skip(f"there is no {part} on this machine")
