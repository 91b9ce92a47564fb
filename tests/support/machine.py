"""The machine that the tests run on: its commands, its ports, and dependencies that it lacks."""

import os
import random
import re
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import pytest

from tools.variants import PROJECT

# Keep the developer's variables, including the API's settings, out of the tests.
SETTINGS = re.findall(r"^([A-Z_]+)=", (PROJECT / ".env.example").read_text("utf-8"), re.MULTILINE)
FOREIGN = re.compile(
    rf"{'|'.join(SETTINGS)}|(FIRESTORE|GCE|GIT|GOOGLE|GUNICORN|TEST)_.*"
    "|MAKE.*|MFLAGS|PYT.*|VIRTUAL_ENV"
)
# mypy's results of the packages. Projects share them, because mypy compares the files' contents.
MYPY_CACHE = TemporaryDirectory()


def environment(**own: str) -> dict[str, str]:
    inherited = {name: text for name, text in os.environ.items() if not FOREIGN.fullmatch(name)}
    shared = {"GIT_CONFIG_GLOBAL": os.devnull, "MYPY_CACHE_DIR": MYPY_CACHE.name}
    return inherited | shared | own


# Exclude the machinery's tests, because they do not depend on an owner's code. test_project.py runs
# them.
OWN_TESTS = {"PYTEST_ADDOPTS": "--ignore=tests/chassis"}


def run(*command: str | Path, cwd: Path, **own: str) -> str:
    """Run a command and return its output; fail with the output if it fails."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(**own),
        encoding="utf-8",
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, f"{command} exits with {done.returncode}:\n{done.stdout}"
    return done.stdout


def free_port() -> int:
    """Return a free port outside the kernel's range of ephemeral ports."""
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.socket(family) as free:
            free.bind(("", port))
            return port


def fetch(url: str, text: str = "") -> str:
    """Fetch a page; retry for half a minute until its server responds and the page has a text."""
    page = None
    for _ in range(300):
        with suppress(OSError, HTTPException), urllib.request.urlopen(url) as response:
            page = str(response.read(), "utf-8")
            if text in page:
                return page
        time.sleep(0.1)
    pytest.fail(f"{url} does not respond" if page is None else f"{url} lacks {text}: {page}")


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve a handler and yield the server's address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def missing(part: str) -> NoReturn:
    """Skip the test because a dependency is missing on this machine; in CI, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI needs {part}")
    pytest.skip(f"this machine lacks {part}")
