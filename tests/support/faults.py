"""The table of faults in a project's README: the symptom, the cause and the remedy."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.edits import section
from tests.support.machine import environment, run
from tests.support.tutorial import matches

HEADING = "When something is wrong"
# The first column of each row that a test provokes.
PROVOKED: set[str] = set()


class Fault(NamedTuple):
    """A row of a project's table: the code in each of its columns."""

    project: Path
    seen: list[str]
    means: list[str]
    remedy: list[str]

    def is_in(self, output: str) -> bool:
        """Return whether an output matches the row's first column; … matches any text."""
        return matches(self.seen[0], output)


def rows(project: Path) -> dict[str, tuple[str, str, str]]:
    """Return the rows of the table, by their first column."""
    table = section(project, "README.md", HEADING)
    found = re.findall(r"^\| (.+) \| (.+) \| (.+) \|$", table, re.MULTILINE)
    assert found.pop(0)[0] == "you see"
    return {row[0]: row for row in found}


def read(project: Path, seen: str) -> Fault:
    """Return a row of a project's table."""
    return Fault(project, *(re.findall(r"`([^`]+)`", cell) for cell in rows(project)[seen]))


def provokes(seen: str, **answers: str) -> pytest.MarkDecorator:
    """Give a test the argument `fault`: the row with this first column, in a project with answers."""
    PROVOKED.add(seen)
    name = re.sub(r"\W+", "-", seen).strip("-")
    return pytest.mark.parametrize("fault", [(seen, answers)], indirect=True, ids=[name])


def failing(project: Path, *command: str, **own: str) -> str:
    """Run a command that fails, and return its output."""
    with pytest.raises(AssertionError) as failed:
        run(*command, cwd=project, **own)
    return str(failed.value)


@contextmanager
def started(project: Path, command: str, **own: str) -> Iterator[None]:
    """Start a command of make, and stop it at the end."""
    with subprocess.Popen(
        command, shell=True, cwd=project, env=environment(**own), start_new_session=True
    ) as process:
        try:
            yield
        finally:
            run("kill", "--", f"-{process.pid}", cwd=project)
