"""Provide an emulator for tests: at FIRESTORE_EMULATOR_HOST, or a new one that the tests start."""

import os
import random
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import pytest


def missing(what: str) -> NoReturn:
    reason = f"FIRESTORE_EMULATOR_HOST is not set, and {what}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """Yield the address of an emulator."""
    if host := os.environ.get("FIRESTORE_EMULATOR_HOST"):
        wait(host)
        yield host
        return
    gcloud = shutil.which("gcloud") or missing("gcloud is not installed")
    info = [gcloud, "info", "--format=value(installation.sdk_root)"]
    sdk = subprocess.run(info, text=True, stdout=subprocess.PIPE, check=True).stdout.strip()
    if not Path(sdk, "platform/cloud-firestore-emulator").is_dir():
        missing("gcloud has no emulator: run `gcloud components install cloud-firestore-emulator`")

    # Outside the range of ephemeral ports: no client takes this port before the emulator listens.
    host = f"127.0.0.1:{random.randrange(20_000, 32_000)}"
    with subprocess.Popen(
        [gcloud, "emulators", "firestore", "start", f"--host-port={host}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            wait(host, process)
            yield host
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def wait(host: str, process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until the emulator responds: its first response takes longer than DATASTORE_TIMEOUT."""
    query = urllib.request.Request(
        f"http://{host}/v1/projects/none/databases/(default)/documents:runQuery",
        data=b'{"structuredQuery": {"from": [{"collectionId": "none"}]}}',
        headers={"Content-Type": "application/json"},
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(600):
        with suppress(OSError, HTTPException), direct.open(query):
            return
        assert not process or process.poll() is None, (
            "the emulator ended: does `make emulator` work?"
        )
        time.sleep(0.1)
    pytest.fail("the emulator does not respond: does `make emulator` work?")


@pytest.fixture
def datastore(emulator: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the settings of an empty Firestore."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)
    return {"google_cloud_project": f"test-{uuid4()}", "threads": 32}  # more than any test uses


@pytest.fixture
def reachable(datastore: dict[str, Any]) -> dict[str, Any]:
    return datastore


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the settings of a Firestore whose address refuses connections."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    return {"google_cloud_project": "secret"}
