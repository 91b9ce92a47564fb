"""`make demo`: its answers, the answers that it refuses, and its output."""

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.machine import environment, fetch, free_port, missing, run
from tools import demo as demo_tool
from tools import given as given_tool
from tools.demo import MARK
from tools.variants import QUESTIONS, TEMPLATE


def refused(folder: Path, **given: str) -> str:
    """Run the tool with variables of make's command line that it refuses; return its message."""
    (folder / "demo").mkdir(exist_ok=True)
    (folder / "demo/.env").write_text(MARK)
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo", *given],
        cwd=TEMPLATE,
        env=environment(**{"BUILD": str(folder), "PORT": ""} | given),
        text=True,
        capture_output=True,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert [path.name for path in folder.rglob("*")] == ["demo", ".env"]
    return done.stderr or done.stdout


def test_a_misspelled_question_is_refused_with_a_list_of_the_questions(tmp_path: Path) -> None:
    message = refused(tmp_path, datastor="sql")
    assert message.startswith("demo: datastor is not a question. Did you mean datastore? ")
    for question in QUESTIONS:
        assert question.startswith("_") or question in message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"datastore": "mysql"}, "datastore=mysql is not an answer. Choose one of none, sql, fi"),
        ({"run_tests": "perhaps"}, "run_tests=perhaps is not an answer. Choose one of false, tr"),
        ({"model": "onnx", "python_version": "3.15"}, "model=onnx python_version=3.15 is not poss"),
        ({"project_slug": "My Shop"}, "project_slug: 'My Shop' is not valid"),
        ({"PORT": "http"}, "PORT=http is not a port"),
        ({"PORT": "0"}, "PORT=0 is not a port"),
        ({"PORT": "65536"}, "PORT=65536 is not a port (1 to 65535)"),
        ({"description": "a {{ b"}, "description=a {{ b must not contain {{, because"),
    ],
    ids=str,
)
def test_an_answer_that_is_not_possible_is_refused_and_the_old_project_stays(
    tmp_path: Path, given: dict[str, str], message: str
) -> None:
    assert message in refused(tmp_path, **given)


def test_a_port_that_is_in_use_is_refused_and_a_free_one_is_named(tmp_path: Path) -> None:
    with socket.create_server(("", free_port())) as server:
        port = server.getsockname()[1]
        message = refused(tmp_path, PORT=str(port))
    assert re.fullmatch(rf"demo: port {port} is in use. For example: make demo PORT=\d+\n", message)


def test_the_highest_port_is_accepted_and_a_privileged_port_is_reported_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert given_tool.free(65_535) == 65_535

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", deny)
    with pytest.raises(SystemExit, match="no permission to listen on port 80. Use 1024 or higher"):
        given_tool.free(80)


@pytest.mark.parametrize("kind", ["folder", "project", "file", "link to a demo", "broken link"])
def test_what_make_demo_did_not_write_is_kept(tmp_path: Path, kind: str) -> None:
    (mine := tmp_path / "mine").mkdir()
    (mine / "notes.txt").write_text("mine")
    place = tmp_path / "build/demo"
    place.parent.mkdir()
    if kind in ("folder", "project"):
        shutil.copytree(mine, place)
        if kind == "project":
            (place / ".env").write_text("PORT=8080\n")
    elif kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to(mine if kind == "link to a demo" else tmp_path / "nowhere")
        (mine / ".env").write_text(MARK)
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    with pytest.raises(AssertionError, match="demo: `make demo` did not write .*demo, so it is no"):
        run(sys.executable, "-m", "tools.demo", cwd=TEMPLATE, BUILD=str(place.parent), PORT="")
    after = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    assert after == before


def test_a_folder_that_another_demo_writes_meanwhile_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "demo"
    monkeypatch.setattr(demo_tool, "PROJECT", place)
    removed = shutil.rmtree

    def interfere(path: Path, **options: bool) -> None:
        removed(path, **options)
        if path == place:
            (place / "other").mkdir(parents=True)

    monkeypatch.setattr(shutil, "rmtree", interfere)
    with pytest.raises(
        SystemExit, match="demo cannot be replaced: Directory not empty. If another"
    ):
        demo_tool.render({}, {})


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "tools.demo"]
    with pytest.raises(AssertionError, match=r"demo: BUILD=.*/file cannot be used: ") as failed:
        run(*command, cwd=TEMPLATE, BUILD=str(tmp_path / "file"), PORT="")
    assert "Traceback" not in str(failed.value)


def test_the_answers_are_the_variables_of_the_command_line_and_not_of_the_environment() -> None:
    own = {"license": "none", "datastore": "sql"}
    printed = run("make", "--dry-run", "-j2", "demo", "auth=jwt", "PORT=1", cwd=TEMPLATE, **own)
    (names,) = re.findall(r"tools\.demo (.*)$", printed, re.MULTILINE)
    assert sorted(names.split()) == ["PORT", "auth"]


@pytest.fixture(scope="session")
def tools() -> None:
    """Install the requirements of `make demo`; hold a lock, because tests run in parallel."""
    with (TEMPLATE / "requirements/demo.txt").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        run("make", ".venv/demo/demo.txt", cwd=TEMPLATE)


@contextmanager
def demo(folder: Path, **given: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `make demo` until it serves; yield the process and its output so far."""
    words = [f"{name}={text}" for name, text in given.items()]
    with subprocess.Popen(
        ["make", "demo", f"BUILD={folder}", *words],
        cwd=TEMPLATE,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        assert process.stdout
        printed = ""
        try:
            for line in process.stdout:
                printed += line
                if "Ctrl-C" in line:
                    break
            yield process, printed
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=30)


def wait_until_free(port: int) -> None:
    """Wait for the end of a process that was killed."""
    for _ in range(50):
        with suppress(OSError):
            socket.create_server(("", port)).close()
            return
        time.sleep(0.1)
    pytest.fail(f"port {port} is still in use")


@pytest.mark.thorough
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"datastore": "sql", "auth": "jwt"},
        {"datastore": "firestore", "telemetry": "prometheus"},
    ],
    ids=str,
)
def test_make_demo_prints_a_page_that_is_served_and_a_request_that_works(
    tmp_path: Path, tools: None, given: dict[str, str]
) -> None:
    if given.get("datastore") == "firestore" and not shutil.which("gcloud"):
        missing("gcloud, with the Firestore emulator")
    project = tmp_path / "demo"
    project.mkdir()
    (project / ".env").write_text(MARK)
    (project / "old").touch()
    with demo(tmp_path, PORT=str(free_port()), **given) as (_, printed):
        (page,) = re.findall(r"the page +(http://\S+/docs)$", printed, re.MULTILINE)
        assert 'src="docs/init.js"' in fetch(page)
        (request,) = re.findall(r"a request +(curl .*)$", printed, re.MULTILINE)
        response = run("sh", "-c", f"{request} --silent", cwd=TEMPLATE)
        assert "Ada" in json.dumps(json.loads(response))
        assert f"the project  {project}. The next `make demo` replaces it" in printed
        assert not (project / "old").exists()
        ports = re.findall(r":?(\d+)$", (project / ".env").read_text(), re.MULTILINE)
    for port in map(int, ports):  # The server, and its issuer or emulator, have stopped.
        wait_until_free(port)
