"""Rendering for tests, and the parts of the machine that tests use."""

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import NoReturn

import pytest
from pytest_cookies.plugin import Cookies

from .variants import AXES, PROJECT, QUESTIONS

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


# What a person has set for other work, the settings of the API among it, does not reach a test.
SETTINGS = re.findall(r"^([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE)
FOREIGN = re.compile(rf"{'|'.join(SETTINGS)}|GIT_.*|GUNICORN_.*|MAKE.*|MFLAGS|PYT.*|VIRTUAL_ENV")


def environment(**own: str) -> dict[str, str]:
    inherited = {name: text for name, text in os.environ.items() if not FOREIGN.fullmatch(name)}
    return inherited | {"GIT_CONFIG_GLOBAL": os.devnull} | own


def run(*command: str | Path, cwd: Path, **own: str) -> str:
    """Run a command, fail with what it printed if it fails, and give that."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(**own),
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
        with suppress(OSError, HTTPException), urllib.request.urlopen(url) as page:
            return str(page.read(), "utf-8")
        time.sleep(0.1)
    pytest.fail(f"{url} does not answer")


@contextmanager
def serving(project: Path) -> Iterator[str]:
    """Install a project and start its server; give the address."""
    run("make", "develop", cwd=project)
    port = free_port()
    with subprocess.Popen([project / "bin/run.sh"], env=environment(PORT=str(port))) as server:
        try:
            fetch(f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def missing(part: str) -> NoReturn:
    """Skip the test, for want of a part of the machine; in CI, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI has to have {part}")
    pytest.skip(f"there is no {part} on this machine")
