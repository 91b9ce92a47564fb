"""Projects for tests, rendered and running, and the datastores that they need."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import CodeType
from typing import NamedTuple
from uuid import uuid4

import pytest
from jinja2 import Environment
from playwright.sync_api import Browser, Error, sync_playwright
from pytest_cookies.plugin import Cookies

from tests.support.datastores import Emulator, PostgreSQL
from tests.support.engine import built, docker, need_engine
from tests.support.installed import install
from tests.support.machine import environment, fetch, free_port, missing
from tools.variants import AXES, QUESTIONS

# The tests run the commands of the environment that they run in, whether it is activated or not.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

Bake = Callable[..., Path]
Build = Callable[..., str]
finished: list[str] = []
ended = threading.Event()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest tests, so that no process waits for one of them at the end."""
    items.sort(key=lambda item: "passes_its_own_lint" not in item.name)


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    """Compile each text of the template once. Compiling takes most of a rendering's time."""
    compile_ = Environment.compile
    compiled: dict[tuple[object, ...], CodeType] = {}

    def compile_once(environment: Environment, source: str, *names: str) -> CodeType:
        key = (environment.line_statement_prefix, source, *names)
        if key not in compiled:
            compiled[key] = compile_(environment, source, *names)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "compile", compile_once)
        yield


@pytest.fixture(scope="session")
def bake(cookies_session: Cookies) -> Bake:
    """Return a function that renders the template with answers and returns the project's folder.

    Each set of answers is rendered once; tests share the folder and do not change it.
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
    """Return a function like `bake` that returns a copy, for the test to change and run."""

    def copy(**answers: str | bool) -> Path:
        return shutil.copytree(bake(**answers), tmp_path / "project")

    return copy


class Server(NamedTuple):
    """A project's running server: its address, and its process, which is gunicorn's master."""

    address: str
    process: subprocess.Popen[bytes]
    issuer: dict[str, str]  # with auth=jwt, the settings that name the local issuer

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])


@contextmanager
def issuing(project: Path) -> Iterator[dict[str, str]]:
    """Start the local issuer of a project with auth=jwt; yield the settings that name it."""
    if not (project / "chassis/auth.py").exists():
        yield {}
        return
    install(project)
    own = {"AUTH_ISSUER": f"http://localhost:{free_port()}", "AUTH_AUDIENCE": "tests"}
    command = [project / ".venv/bin/python", "-m", "tests.chassis.issuer"]
    with subprocess.Popen(command, cwd=project, env=environment(**own)) as process:
        try:
            fetch(f"{own['AUTH_ISSUER']}/keys")
            yield own
        finally:
            process.terminate()


@contextmanager
def serving(project: Path, **settings: str) -> Iterator[Server]:
    """Install a project and start its server; then stop it."""
    install(project)
    port = free_port()
    own = {"PORT": str(port), "METRICS_PORT": str(free_port())}
    command = [project / "bin/run.sh"]
    with (
        issuing(project) as issuer,
        subprocess.Popen(
            command,
            env=environment(**own | issuer | settings),
            start_new_session=True,
        ) as process,
    ):
        try:
            fetch(f"http://127.0.0.1:{port}/health")
            yield Server(f"http://127.0.0.1:{port}", process, issuer)
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Yield a server that tests share. A test that stops the server starts its own."""
    server = PostgreSQL()
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """Yield an emulator that tests share. A test that stops the emulator starts its own."""
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.remove()


@pytest.fixture(scope="session")
def engine() -> None:
    """Skip the test if no Docker engine runs; in CI, fail."""
    need_engine()


@pytest.fixture(scope="session")
def image(bake: Bake, engine: None) -> Iterator[Build]:
    """Yield a function that builds a project's image, once for each set of answers."""
    images: dict[str, str] = {}
    with ExitStack() as stack:

        def image(**answers: str | bool) -> str:
            key = repr(sorted(answers.items()))
            if key not in images:
                image = built(bake(**answers), "--build-arg=REVISION=abc")
                images[key] = stack.enter_context(image)
            return images[key]

        yield image


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Yield Chromium; in it, api.example.com resolves to this machine."""
    chromium = shutil.which("chromium")
    own = ["--host-resolver-rules=MAP api.example.com 127.0.0.1"]
    own += [] if os.geteuid() else ["--no-sandbox"]  # Chromium's sandbox does not run as root
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=own)
        except Error:
            missing("Chromium (Debian's package chromium, or `playwright install chromium`)")
        yield browser
        browser.close()


@pytest.fixture
def volume() -> Iterator[str]:
    """Yield a Docker volume."""
    volume = docker("volume", "create", f"test-{uuid4().hex[:8]}")
    yield volume
    docker("volume", "rm", volume)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Print a line each minute, because a test that installs a project may take minutes."""
    if hasattr(session.config, "workerinput"):
        return
    began = time.monotonic()

    def report() -> None:
        while not ended.wait(60):
            minutes = (time.monotonic() - began) / 60
            print(
                f"\n{minutes:.0f} min, {len(finished)} tests done", file=sys.__stderr__, flush=True
            )

    threading.Thread(target=report, daemon=True).start()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "teardown":
        finished.append(report.nodeid)


def pytest_sessionfinish() -> None:
    ended.set()
