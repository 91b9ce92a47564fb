"""Share one environment between projects with the same requirements."""

import os
import shutil
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.machine import run

FOLDER = TemporaryDirectory()


def install(project: Path) -> None:
    """Link an environment that `make develop` installed into a project."""
    lock = project / "requirements/develop.txt"
    first = Path(FOLDER.name, sha256(lock.read_bytes()).hexdigest())
    if not first.exists():
        shutil.copytree(project, first)
        run("make", "develop", cwd=first)
    if not (project / ".venv").exists():
        (project / ".venv").symlink_to(first / ".venv")
    os.utime(lock, (0, 0))  # Older than the environment: make has nothing to do.
