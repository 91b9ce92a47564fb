"""Remove the files of answers that were not chosen, and check the rendered files."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import yaml  # cookiecutter's interpreter runs this, and cookiecutter depends on PyYAML

# The answers, as data: JSON escapes every quote, so no answer ends the string.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
# The folder where the user ran cookiecutter. This hook runs in the project's folder.
HERE = Path(os.environ.get("PWD", ""))
READERS = {
    ".json": json.loads,
    ".py": lambda text: compile(text, "", "exec"),
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}
# Template syntax that must not remain. \x7b is a brace: Jinja would evaluate a literal one here.
RESIDUE = re.compile(r"\x7b[\x7b%].*cookiecutter|\x7b%-? *(include|from)|^\s*# % ", re.MULTILINE)


def find_template() -> Path | None:
    """Return the project's folder in the template; None if it is unknown, as with cruft.

    This runs in the project's folder, and PWD is the folder where the command was typed.
    """
    if "_repo_dir" not in ANSWERS:
        return None
    around = Path(os.environ.get("PWD", ""), ANSWERS["_repo_dir"])
    try:
        questions = json.loads((around / "cookiecutter.json").read_text(encoding="utf-8"))
    except OSError:
        return None
    folder = around / "\x7b\x7bcookiecutter.project_slug\x7d\x7d"
    return folder if questions.get("_files") == ANSWERS["_files"] and folder.is_dir() else None


# If None, the folder was empty before: pre_gen_project.py has checked that.
TEMPLATE = find_template()
# pre_gen_project.py has written this file.
UNFINISHED = Path("RENDERING-UNFINISHED.txt")


def main() -> None:
    # The console's encoding may lack letters of the folder's name.
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.stderr.reconfigure(errors="backslashreplace")
    try:
        finish()
    except KeyboardInterrupt:
        project = Path.cwd()
        sys.exit(f"interrupted; {project} is not finished: see {UNFINISHED} in it")
    report()


def finish() -> None:
    for entry in ANSWERS["_files"]:
        if not all(ANSWERS[question] in answers for question, answers in entry["only"].items()):
            for path in entry["paths"]:
                remove(Path(path))
    for folder, subfolders, names in os.walk("."):
        subfolders[:] = [name for name in subfolders if not name.startswith((".", "__"))]
        for path in (Path(folder, name) for name in names):
            if path.is_file() and (not TEMPLATE or (TEMPLATE / path).exists()):
                check(path)
    UNFINISHED.unlink(missing_ok=True)


def report() -> None:
    """Run the tests if `run_tests` is true, and print the next steps."""
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
    """Remove a rendered file, or a folder's rendered files, and each folder that is then empty.

    The other hook has checked that no file at a path of the template was there before.
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
    """Exit if a rendered file does not parse or contains template syntax. Skip copied files."""
    if any(fnmatch(path.as_posix(), copied) for copied in ANSWERS["_copy_without_render"]):
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        READERS.get(path.suffix, str)(text)
    except Exception as error:
        sys.exit(f"{path} was rendered wrongly (please report it): {error}")
    if residue := RESIDUE.search(text):
        sys.exit(f"{path} was rendered wrongly (please report it): {residue[0]!r} is left in it")


def is_for_a_comparison(project: Path) -> bool:
    """Return whether `cruft diff` or `cruft update` renders this project.

    Both render into temporary folders and compare all files. Files left by the tests would become
    part of the update, and printed text would become part of the diff.
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
        print("run_tests: make is not installed, so no test was run", file=sys.stderr)
        return
    try:
        done = subprocess.run(
            command,
            encoding="utf-8",
            errors="replace",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except KeyboardInterrupt:
        log, what = "", "the tests were interrupted"
    else:
        if not done.returncode:
            return
        log = "\n".join(done.stdout.splitlines()[-30:])
        what = "the tests failed (above)"
    again = f"cd {name} && {shlex.join(command)}"
    print(
        f"{log}\n\nrun_tests: {what}. The project is kept. To repeat the tests, run:"
        f"\n\n    {again}",
        file=sys.stderr,
        flush=True,
    )
    if not log and "_repo_dir" not in ANSWERS:
        answers = {name: value for name, value in ANSWERS.items() if not name.startswith("_")}
        link = ["cruft", "link", ANSWERS["_template"], "--checkout", ANSWERS["_commit"]]
        link += ["--no-input", "--extra-context", json.dumps(answers)]
        print(
            "\ncruft was interrupted too, and wrote no .cruft.json. Link the project to its template with:"
            f"\n\n    cd {name} && {shlex.join(link)}",
            file=sys.stderr,
            flush=True,
        )


if __name__ == "__main__":
    main()
