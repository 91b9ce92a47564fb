"""Copies of the template as git repositories, which cookiecutter and cruft render from."""

import shutil
from pathlib import Path

from tests.support.machine import run
from tools.variants import TEMPLATE


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, with an author."""
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    return run("git", *author, *arguments, cwd=folder)


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


def copy(folder: Path) -> Path:
    """Copy the template's tracked and new files into a new repository, and commit them."""
    listed = run("git", "ls-files", "-z", "-co", "--exclude-standard", cwd=TEMPLATE)
    for path in filter(None, listed.split("\0")):
        if (TEMPLATE / path).exists():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TEMPLATE / path, folder / path)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "The template")
    return folder
