"""Lock the requirements of every project by one resolution: `make lock`.

    python -m tools.locks [options of `uv pip compile`, such as --upgrade or --upgrade-package flask]

Writes templates/requirements.jinja, which the lock files of a project include. Most
packages appear in it once, under the conditions of the requirement lines that need them.
"""

import re
import subprocess
import sys
import tempfile
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from tools.lock_template import FILES, join
from tools.variants import PROJECT, TEMPLATE

LOCK = TEMPLATE / "templates/requirements.jinja"
# The same options as in the project's own Makefile, so that its `make lock UPGRADE=` changes nothing.
COMPILE = [
    "uv",
    "pip",
    "compile",
    "--quiet",
    "--universal",
    "--generate-hashes",
    "--no-annotate",
    "--python-version=3.11",
    "--custom-compile-command=make lock",
]
CONDITION = re.compile(r"# % if (.*[^:])")


class Line(NamedTuple):
    """A requirement in a `.in` file, and its condition, which is empty if there is none."""

    requirement: str
    condition: str


def read(text: str) -> list[Line]:
    """Return the requirements of a `.in` file of the template.

    Raises ValueError for a nested or open condition, for `elif` and `else`, and for an include of
    another file than common.in.
    """
    lines, condition = [], ""
    for line in [*text.splitlines(), ""]:
        if line.strip().startswith("# %"):
            found = CONDITION.fullmatch(line)
            if not (found and not condition or line == "# % endif" and condition):
                raise ValueError(f"{line!r}: write each condition as `# % if …` and `# % endif`")
            condition = found[1] if found else ""
        elif line.startswith("-") and line != "-r common.in":
            raise ValueError(f"{line!r}: only `-r common.in` can be included")
        elif line and not line.startswith(("#", "-")):
            lines.append(Line(line, condition))
    if condition:
        raise ValueError(f"`# % if {condition}` has no `# % endif`")
    return lines


def requirements() -> dict[str, list[Line]]:
    """Return the requirements by lock file, and those of common.in if the file includes it."""
    folder = PROJECT / "requirements"
    texts = {file: (folder / f"{file}.in").read_text(encoding="utf-8") for file in FILES}
    own = {}
    for file, text in texts.items():
        try:
            own[file] = read(text)
        except ValueError as error:
            sys.exit(f"locks: {PROJECT.name}/requirements/{file}.in: {error}")
    for file, text in texts.items():
        if "-r common.in" in text:
            own[file] = own["common"] + own[file]
    return own


def split(lock: str) -> dict[str, str]:
    """Return a lock file's lines by package. The comment at its head has an empty name."""
    blocks: dict[str, str] = {}
    name = ""
    for line in lock.splitlines(keepends=True):
        if not line.startswith((" ", "#")):
            name = re.split(r"[\[=]", line)[0]
        blocks[name] = blocks.get(name, "") + line
    return blocks


class Resolution:
    """Resolve all requirements once, and select the packages that given requirements need."""

    def __init__(self, every: list[Line], known: str, options: list[str], folder: Path) -> None:
        self.folder = folder
        self.lock = folder / "every.txt"
        self.lock.write_text(known, encoding="utf-8")
        self.compile(every, self.lock, options)

    def compile(self, lines: list[Line], output: Path, options: list[str]) -> None:
        chosen = self.folder / "chosen.in"
        text = "".join(f"{line.requirement}\n" for line in lines)
        chosen.write_text(text, encoding="utf-8")
        subprocess.run([*COMPILE, *options, chosen, "-o", output], check=True, stdout=sys.stderr)

    def part(self, lines: list[Line], conditions: tuple[str, ...]) -> dict[str, str]:
        """Return the packages that unconditional lines and lines under some conditions need."""
        output = self.folder / "chosen.txt"
        output.unlink(missing_ok=True)
        chosen = [line for line in lines if line.condition in ("", *conditions)]
        self.compile(chosen, output, ["--constraints", str(self.lock)])
        return split(output.read_text(encoding="utf-8"))


def needed(resolution: Resolution, lines: list[Line]) -> dict[str, dict[str, list[str]]]:
    """Return each package's possible texts in a lock file, and the conditions for each text.

    A package has several texts if its marker depends on the packages that need it. The text for
    more conditions comes first.
    """
    conditions = sorted({line.condition for line in lines} - {""})
    parts = {
        chosen: resolution.part(lines, chosen)
        for count in range(3)
        for chosen in combinations(conditions, count)
    }
    found: dict[str, dict[str, list[str]]] = {}
    for chosen, blocks in parts.items():
        for name, text in blocks.items():
            fewer = [parts[chosen[:i] + chosen[i + 1 :]].get(name) for i in range(len(chosen))]
            texts = found.setdefault(name, {})
            if set(fewer) != {text}:
                found[name] = texts = {text: texts.pop(text, [])} | texts
            if text not in fewer:
                texts[text].append(" and ".join(chosen))
    return found


def main() -> None:
    lines = requirements()
    every = [line for file in FILES for line in lines[file]]
    known = LOCK.read_text(encoding="utf-8") if LOCK.exists() else ""
    known = "".join(line for line in known.splitlines(keepends=True) if line[:3] != "# %")
    with tempfile.TemporaryDirectory() as folder:
        try:
            resolution = Resolution(every, known, sys.argv[1:], Path(folder))
            needs = {file: needed(resolution, lines[file]) for file in FILES}
        except subprocess.CalledProcessError:
            # In `make lock`, the template's own requirements/*.txt are locked before.
            sys.exit(
                "locks: uv could not lock all requirements of the projects together (see its error "
                "above), so templates/requirements.jinja was not changed"
            )
    LOCK.write_text(join(needs), encoding="utf-8")


if __name__ == "__main__":
    main()
