"""One test and the debugger, run with the commands of a project's README."""

import os
import pty
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.conftest import Bake
from tests.support.edits import blocks, replace
from tests.support.installed import install
from tests.support.machine import environment, fetch, free_port, run

VIEW = "api/greetings.py"


def commands(project: Path) -> list[str]:
    """Return the commands of the README's section."""
    (block,) = blocks(project, "README.md", "Test it")
    return [line.partition(" #")[0].strip() for line in block.splitlines()]


@pytest.mark.parametrize("datastore", ["none", "sql"])
def test_the_command_of_the_readme_runs_one_test(workshop: Bake, datastore: str) -> None:
    project = workshop(datastore=datastore)
    install(project)
    _, one, _ = commands(project)
    assert " 1 passed, " in f" {run(*one.split(), '-q', cwd=project)}".replace("\n", " ")


def debug(project: Path, command: str, typed: str) -> str:
    """Run a command of pytest, type into its debugger, and return the output."""
    done = subprocess.run(
        command.split(),
        input=typed,
        cwd=project,
        env=environment(),
        encoding="utf-8",
        stdout=subprocess.PIPE,
    )
    return done.stdout


def test_the_debugger_starts_where_a_test_fails(workshop: Bake) -> None:
    project = workshop()
    install(project)
    replace(project / VIEW, "Hello, ", "Goodbye, ")
    *_, command = commands(project)
    shown = debug(project, command, "p response.json\nq\n")
    assert "(Pdb) {'message': 'Goodbye, Ada!'}" in shown


def test_a_breakpoint_stops_a_test(workshop: Bake) -> None:
    project = workshop()
    install(project)
    replace(project / VIEW, "    return Greeting(", "    breakpoint()\n    return Greeting(")
    _, one, _ = commands(project)
    shown = debug(project, one, "p body\nn\nc\n")
    assert "(Pdb) GreetingIn(name='Ada')" in shown
    assert "1 passed" in shown


def test_a_breakpoint_stops_make_dev_in_its_terminal(workshop: Bake) -> None:
    project = workshop()
    install(project)
    replace(project / VIEW, "    return Greeting(", "    breakpoint()\n    return Greeting(")
    port = free_port()
    ours, terminal = pty.openpty()
    with subprocess.Popen(
        ["make", "dev"],
        cwd=project,
        env=environment(PORT=str(port)),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        shown: list[str] = []
        reader = threading.Thread(target=collect, args=(ours, shown), daemon=True)
        reader.start()
        try:
            fetch(f"http://127.0.0.1:{port}/health")
            url = f"http://127.0.0.1:{port}/api/v1/greetings"
            send = ["curl", "--silent", "--max-time", "30", "--json", '{"name": "Ada"}', url]
            with subprocess.Popen(send, stdout=subprocess.PIPE, encoding="utf-8") as client:
                for typed, answer in (
                    ("p body", "(Pdb) "),
                    ("c", "GreetingIn(name='Ada')"),
                ):
                    wait_for(answer, shown)
                    os.write(ours, f"{typed}\n".encode())
                assert client.communicate()[0] == '{"message":"Hello, Ada!"}'
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def collect(terminal: int, shown: list[str]) -> None:
    """Collect what a terminal shows, until it is closed."""
    while text := os.read(terminal, 4096):
        shown.append(text.decode(errors="replace"))


def wait_for(text: str, shown: list[str]) -> None:
    for _ in range(300):
        if text in "".join(shown):
            return
        time.sleep(0.1)
    pytest.fail(f"no {text!r} in {''.join(shown)}")
