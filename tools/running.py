"""Run commands and report their progress, for `make demo`."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from urllib.request import ProxyHandler, build_opener

BEGAN = time.monotonic()
DIRECT = build_opener(ProxyHandler({}))  # A proxy cannot reach this machine's own address.


def seconds() -> str:
    """Return the time since the start of this program."""
    return f"{time.monotonic() - BEGAN:.0f} s"


def step(what: str, *command: str | Path, **environment: str) -> None:
    """Run a command; print its description, and the time every ten seconds. Exit if it fails."""
    print(f"{what} …", flush=True)
    with (
        TemporaryFile() as output,
        subprocess.Popen(
            command, env=os.environ | environment, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
                break
            print(f"  {seconds()} …", flush=True)
        if process.returncode:
            output.seek(0)
            sys.exit(f"demo: {what} failed:\n{output.read().decode(errors='replace')}")


@contextmanager
def running(
    what: str, url: str, *command: str, cwd: Path, env: dict[str, str], quiet: bool = True
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a command and wait until its URL responds; stop it at the end."""
    print(f"Starting {what} …", flush=True)
    output = subprocess.DEVNULL if quiet else None
    with subprocess.Popen(
        command, cwd=cwd, env=env, stdout=output, stderr=output, start_new_session=True
    ) as process:
        try:
            for _ in range(600):
                with suppress(OSError), DIRECT.open(url, timeout=5):
                    break
                if process.poll() is not None:
                    again = f"cd {shlex.quote(str(cwd))} && {shlex.join(command)}"
                    sys.exit(f"demo: {what} ended. To see why: {again}")
                time.sleep(0.1)
            else:
                sys.exit(f"demo: {what} has started, but does not respond at {url}")
            yield process
        finally:
            stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Stop a process and its child processes, within ten seconds."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        # The emulator's own process may outlive gcloud.
        os.killpg(process.pid, signal.SIGKILL)
