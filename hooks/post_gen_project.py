"""Removes the files of answers that were not chosen, and checks what was rendered."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import yaml  # cookiecutter's own interpreter runs this, and cookiecutter needs PyYAML itself

# The answers, as data: JSON escapes every quote, so no answer ends the string.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
# Where the person is, as far as the shell tells: this runs in the project's folder.
HERE = Path(os.environ.get("PWD", ""))
# The template's own folder, to tell what was rendered from what was there; cruft, which renders into
# an empty folder, does not say where it is.
TEMPLATE = next(Path(HERE, ANSWERS.get("_repo_dir", "")).glob("*cookiecutter.project_slug*"), None)
READERS = {
    ".json": json.loads,
    ".py": lambda text: compile(text, "", "exec"),
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}
# What the template is written with; \x7b is the brace, which Jinja would take for its own here.
RESIDUE = re.compile(r"\x7b[\x7b%].*cookiecutter|\x7b%-? *(include|from)|^\s*# % ", re.MULTILINE)


def main() -> None:
    # The folder's name may have letters that the console's encoding has not.
    sys.stdout.reconfigure(errors="backslashreplace")
    for entry in ANSWERS["_files"]:
        if not all(ANSWERS[question] in answers for question, answers in entry["only"].items()):
            for path in entry["paths"]:
                remove(Path(path))
    for folder, subfolders, names in os.walk("."):
        subfolders[:] = [name for name in subfolders if not name.startswith((".", "__"))]
        for path in (Path(folder, name) for name in names):
            if path.is_file() and (not TEMPLATE or (TEMPLATE / path).exists()):
                check(path)
    project = Path.cwd()
    if is_for_a_comparison(project):
        return
    folder = project.relative_to(HERE) if project.is_relative_to(HERE) else project
    name = shlex.quote(str(folder))
    if ANSWERS["run_tests"]:
        run_tests(name)
    print(f"\nNext:\n\n    cd {name}\n    make test\n    make start\n")
    for question, needs in ANSWERS["_needs"].items():
        if need := needs.get(ANSWERS[question]):
            print(f"{question}={ANSWERS[question]}: {need}")


def remove(path: Path) -> None:
    """Remove a file, or the files of a folder, that were rendered, and each folder that is empty then.

    The other hook has made sure that no file at a path of the template was there before.
    """
    folder = TEMPLATE or Path()
    rendered = [found.relative_to(folder) for found in [folder / path, *(folder / path).rglob("*")]]
    for found in rendered:
        if found.is_symlink() or found.is_file():
            found.unlink()
    for found in sorted({*rendered, *path.parents} - {Path()}, reverse=True):
        if found.is_dir() and not any(found.iterdir()):
            found.rmdir()


def check(path: Path) -> None:
    """Stop if a file does not parse, or has something of the template left in it."""
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        READERS.get(path.suffix, str)(text)
    except Exception as error:
        sys.exit(f"{path} was rendered wrongly (please report it): {error}")
    if residue := RESIDUE.search(text):
        sys.exit(f"{path} was rendered wrongly (please report it): {residue[0]!r} is left in it")


def is_for_a_comparison(project: Path) -> bool:
    """Tell whether this is for `cruft diff` or `cruft update`, which remove what they render.

    They render straight into temporary folders, and compare all that is in them: what the tests
    leave behind would be in the update, and what is printed in the diff.
    """
    by_cruft = "_repo_dir" not in ANSWERS
    folder = project.resolve().parent
    temporary = folder.parent == Path(tempfile.gettempdir()).resolve()
    return (
        by_cruft
        and temporary
        and folder.name.startswith(tempfile.gettempprefix())
        and not project.is_relative_to(HERE)
    )


def run_tests(name: str) -> None:
    """Install the project and run its tests; print the end of the log if they fail.

    cookiecutter would delete the project if this hook failed.
    """
    command = ["make", "test", f"PYTHON={os.path.realpath(sys.executable)}"]
    print("Installing the project and running its tests (make test) …", flush=True)
    if not shutil.which("make"):
        print("run_tests: there is no make on this machine: no test was run", file=sys.stderr)
        return
    done = subprocess.run(
        command,
        encoding="utf-8",
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        log = "\n".join(done.stdout.splitlines()[-30:])
        again = f"cd {name} && {shlex.join(command)}"
        print(
            f"{log}\n\nrun_tests: the tests failed (above). The project is kept; repeat them with:"
            f"\n\n    {again}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
