"""The Pythons of this machine that a rendered project supports."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.variants import QUESTIONS

PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))


def candidates(version: str) -> Iterator[str]:
    """Yield candidate commands for a Python version: on the PATH, then from pyenv."""
    if command := shutil.which(f"python{version}"):
        yield command
    yield from sorted(map(str, PYENV.glob(f"versions/{version}.*/bin/python")), reverse=True)


def works(command: str) -> bool:
    """Return whether a command runs Python. A shim of pyenv fails without that version."""
    return subprocess.run([command, "-c", ""], capture_output=True).returncode == 0


OURS = "{}.{}".format(*sys.version_info)
# By version, in the order of the answers: {"3.13": "/usr/bin/python3.13"}.
PYTHONS: dict[str, str] = {
    version: command
    for version in QUESTIONS["python_version"]
    if (command := next(filter(works, candidates(version)), ""))
} or {OURS: sys.executable}
