"""The machine that the tests run on: its commands, ports and parts."""

import os
import re
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import NoReturn

import pytest

from .variants import PROJECT

# What a person has set for other work, the settings of the API among it, does not reach a test.
SETTINGS = re.findall(r"^([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE)
FOREIGN = re.compile(
    rf"{'|'.join(SETTINGS)}|(FIRESTORE|GCE|GIT|GOOGLE|GUNICORN|TEST)_.*"
    "|MAKE.*|MFLAGS|PYT.*|VIRTUAL_ENV"
)


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


def missing(part: str) -> NoReturn:
    """Skip the test, for want of a part of the machine; in CI, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI has to have {part}")
    pytest.skip(f"there is no {part} on this machine")
