"""Start the server as bin/run.sh does, with the application of these tests."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import fields
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from chassis import Settings
from chassis.server import sockets

ROOT = Path(__file__).parents[2]
# In place of the project's wsgi.py.
WSGI = "from tests.chassis.{} import create_app\n\napp = create_app()\n"
SETTINGS = [field.name.upper() for field in fields(Settings)]
# Settings of each server. Settings in the environment of the tests are not inherited.
OWN = {
    "WORKERS": "1",
}


@contextmanager
def start(module: str = "things", **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Start a server with the application of a module; send SIGTERM at the end if it still runs."""
    inherited = {name: text for name, text in os.environ.items() if name not in SETTINGS}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # finds this Python's gunicorn
    with TemporaryDirectory() as folder:
        for each in ROOT.iterdir():
            if each.name != "wsgi.py" and each.name[0] != ".":  # such as .env
                Path(folder, each.name).symlink_to(each)
        Path(folder, "wsgi.py").write_text(WSGI.format(module))
        with subprocess.Popen(
            [Path(folder, "bin/run.sh")],
            env=inherited | OWN | {"PATH": path} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()


class Server:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str], host: str, port: int) -> None:
        self.process, self.address = process, (host, port)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=10)

    @contextmanager
    def connections(self, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
        """Open `count` connections, and send the same bytes on each."""
        with ExitStack() as stack:
            clients = [stack.enter_context(self.connect()) for _ in range(count)]
            for client in clients:
                client.sendall(sent)
            yield clients

    def worker(self) -> int:
        """Return the process id of the next worker in the log."""
        assert self.process.stdout
        return next(
            int(found[1])
            for line in self.process.stdout
            if (found := re.search(r"Booting worker with pid: (\d+)", line))
        )

    def wait(self) -> None:
        """Wait up to 30 seconds for a response; a longer wait could fill the pipe of the log."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with suppress(OSError, HTTPException):
                if self.get("/").status == 200:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.process.kill()
        output, _ = self.process.communicate()
        pytest.fail(f"the server does not respond; it wrote:\n{output}")

    def send(self, request: bytes) -> HTTPResponse:
        with self.connect() as connection:
            connection.sendall(request)
            return read(connection)

    def get(self, path: str, *headers: str) -> HTTPResponse:
        lines = [f"GET {path} HTTP/1.1", "Host: test", *headers, "", ""]
        return self.send("\r\n".join(lines).encode())

    def stop(self) -> list[dict[str, Any]]:
        """Send SIGTERM; return the log, in which every line must be JSON."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=15)
        return [json.loads(line) for line in output.splitlines()]


def read(connection: socket.socket) -> HTTPResponse:
    with HTTPResponse(connection) as response:
        response.begin()
        response.read()
    return response


@contextmanager
def serving(
    module: str = "things", host: str = "127.0.0.1", **environment: str
) -> Iterator[Server]:
    """Start a server on a free port; `host` is the address at which the test calls it."""
    (address, *_) = sockets("::", 0)
    with socket.socket(socket.AF_INET6 if "::" in address else socket.AF_INET) as held:
        # The system assigns the port to no other socket. gunicorn can still bind the port, because
        # gunicorn sets SO_REUSEADDR, too.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("", 0))
        port = held.getsockname()[1]
        with start(module, PORT=str(port), **environment) as process:
            server = Server(process, host, port)
            server.wait()
            yield server


def access(log: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the access lines by path, because they may be in another order than the responses."""
    return {line["path"]: line for line in log if line["logger"] == "gunicorn.access"}
