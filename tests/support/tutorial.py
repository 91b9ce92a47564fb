"""Follow a project's docs/tutorial.md: each command, each file and each output."""

import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple

from tests.support.edits import add_fields, append, register, replace, replace_function
from tests.support.machine import OWN_TESTS, environment, free_port, run

PAGE = "docs/tutorial.md"
TERMINAL = "    # in a terminal of its own"
# The ports that the tutorial names. A test uses free ports.
API, ISSUER, EMULATOR = "8080", "8300", "8200"


class Step(NamedTuple):
    """A code block: its section, the text before it, its code, and the output that is shown below it."""

    section: str
    text: str
    language: str
    code: str
    shown: str


def steps(project: Path) -> list[Step]:
    found: list[Step] = []
    for section in (project / PAGE).read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        for text, language, code in re.findall(r"(.*?)```(\w+)\n(.*?)```", body, re.DOTALL):
            if language == "text":
                found[-1] = found[-1]._replace(shown=code)
            else:
                found.append(Step(title, text, language, code, ""))
    return found


class Walk:
    """A walk through the tutorial of a project; the servers that it starts run until `stop`."""

    def __init__(self, project: Path, **own: str) -> None:
        self.project = project
        self.ports = {port: str(free_port()) for port in (API, ISSUER, EMULATOR)}
        issuer = f"http://localhost:{self.ports[ISSUER]}"
        self.own = {"PORT": self.ports[API], "LOCAL_ISSUER": issuer} | OWN_TESTS | own
        self.servers: dict[str, subprocess.Popen[bytes]] = {}

    def go(self, first: str, last: str) -> None:
        """Do each step from one section to another."""
        every = steps(self.project)
        titles = [*dict.fromkeys(step.section for step in every)]
        chosen = titles[titles.index(first) : titles.index(last) + 1]
        for step in every:
            if step.section in chosen:
                self.do(step)

    def do(self, step: Step) -> None:
        if "Ctrl-C" in step.text:
            self.stop(API)
        if step.language != "sh":
            write(self.project, step)
        elif TERMINAL in step.code:
            for line in step.code.splitlines():
                self.serve(line.removesuffix(TERMINAL))
        else:
            status, output = self.call(step.code)
            assert (status != 0) == ("fails" in step.text), output
            assert matches(step.shown, output), (
                f"{step.code}shows\n{output}instead of\n{step.shown}"
            )

    def here(self, command: str) -> str:
        """Return a command for the ports of this walk."""
        command = command.replace(
            "make emulator", "FIRESTORE_EMULATOR_HOST=localhost:8200 make emulator"
        )
        return re.sub(r"(?<=localhost:)\d+", lambda port: self.ports[port[0]], command)

    def call(self, code: str) -> tuple[int, str]:
        """Run commands in a shell; return the status and the output."""
        done = subprocess.run(
            ["sh", "-ec", self.here(code)],
            cwd=self.project,
            env=environment(**self.own),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        return done.returncode, done.stdout

    def serve(self, command: str) -> None:
        """Start a server in a process group of its own, as a terminal does; wait until it responds."""
        port = next(
            port
            for word, port in (("start", API), ("issuer", ISSUER), ("emulator", EMULATOR))
            if command.endswith(word)
        )
        self.servers[port] = subprocess.Popen(
            ["sh", "-c", self.here(command)],
            cwd=self.project,
            env=environment(**self.own),
            start_new_session=True,
        )
        # The emulator's first response may take longer than the API's timeout.
        page = "/v1/projects/a/databases/(default)/documents/a/b" if port == EMULATOR else "/"
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://localhost:{self.ports[port]}{page}").close()
            except urllib.error.HTTPError as refused:
                return refused.close()
            except (OSError, HTTPException):
                time.sleep(0.1)
            else:
                return None
        raise AssertionError(f"{command} does not respond")

    def stop(self, *ports: str) -> None:
        """Press Ctrl-C in the terminals of servers."""
        for port in ports:
            server = self.servers.pop(port)
            os.killpg(server.pid, signal.SIGINT)
            server.wait()


def matches(shown: str, output: str) -> bool:
    """Return whether an output contains the shown lines in their order; … matches any text."""
    lines = [re.escape(line).replace("…", ".*") for line in shown.splitlines()]
    return bool(re.search(".*".join(lines), output, re.DOTALL))


def write(project: Path, step: Step) -> None:
    """Write a step's code to the place that its text names: a file, a class or a function."""
    names = re.findall(r"`([\w/.]+)`", step.text)
    place = names[-1]
    if "create_app" in names:
        register(project / "api/__init__.py", *step.code.split("\n\n"))
    elif not place.endswith(".py"):
        add_fields(project / "api/orders", place, step.code)
    elif not (project / place).exists():
        (project / place).write_text(step.code, encoding="utf-8")
    elif function := re.match(r"(?:@.*\n)+def (\w+)", step.code):
        replace_function(project / place, function[1], step.code)
    elif imported := re.match(r"from \S+ import ", step.code):
        (line,) = re.findall(rf"^{imported[0]}.*\n", (project / place).read_text("utf-8"), re.M)
        replace(project / place, line, step.code)
    else:
        append(project / place, f"\n\n{step.code}")


@contextmanager
def walking(project: Path, **own: str) -> Iterator[Walk]:
    """Yield a walk; at the end, stop its servers."""
    walk = Walk(project, **own)
    try:
        yield walk
    finally:
        walk.stop(*walk.servers)


def add_the_resource(project: Path) -> None:
    """Follow the tutorial from the resource to the last check."""
    run("make", "develop", cwd=project)
    Walk(project).go("Add the resource", "Check everything")
