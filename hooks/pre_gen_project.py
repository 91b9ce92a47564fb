"""Refuse invalid answers, and a folder whose files would be lost.

All faults are named at once, before anything is written. cookiecutter checks choices and booleans itself.
"""

import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

# cookiecutter puts the answers here, as data: JSON escapes every quote, so no answer ends the string.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
EXAMPLES = {
    "project_name": "My Flask API",
    "description": "A production Flask API.",
    "author_name": "Ada Lovelace",
}
# Control characters, line breaks, and surrogates: no file format can contain them all.
REFUSED_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
# Tools write these caches into the template's folder.
CACHES = {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv"}
# Windows has no such folders: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
RESERVED = re.compile(r"con|prn|aux|nul|com[1-9]|lpt[1-9]")
# post_gen_project.py removes this file when the project is complete. Until then, it explains the
# folder. cookiecutter does not remove the folder after every failure, such as a full disk or `kill -9`.
UNFINISHED = Path("RENDERING-UNFINISHED.txt")


def main() -> None:
    try:
        refuse(unsupported())
        refuse([*faults(), *files_in_the_way()])
        note_that_it_is_unfinished()
    except KeyboardInterrupt:
        UNFINISHED.unlink(missing_ok=True)
        with suppress(OSError):  # The folder is not empty, or this is Windows.
            Path.cwd().rmdir()
        sys.exit("interrupted; nothing was rendered")


def note_that_it_is_unfinished() -> None:
    folder = Path.cwd().name
    text = f"Rendering into {folder} began and did not finish. "
    theirs = sorted(str(path) for path in files_here())
    if theirs:
        text += (
            "Remove all other files and render again. Keep these files, which were here before, and .git:\n\n"
            + "\n".join(theirs)
        )
    else:
        text += "Remove this folder and render again."
    UNFINISHED.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def files_here() -> Iterator[Path]:
    """Yield all files and links outside .git."""
    for folder, folders, names in os.walk("."):
        folders[:] = [name for name in folders if name != ".git"]
        links = [name for name in folders if Path(folder, name).is_symlink()]
        yield from (Path(folder, name) for name in [*links, *names])


def refuse(lines: list[str]) -> None:
    if lines:
        sys.exit("\n".join(lines))


def unsupported() -> list[str]:
    """Return a message if Python or cookiecutter is too old."""
    if sys.version_info < (3, 11):  # noqa: UP036
        found = sys.version.split()[0]
        return [
            f"Python: {found} is too old; run cookiecutter with 3.11 or newer: uvx --python 3.13 cookiecutter …"
        ]
    found = version("cookiecutter")
    if [int(part) for part in re.findall(r"\d+", found)[:2]] < [2, 2]:
        return [
            f"cookiecutter: {found} is too old; use 2.2.0 or newer: uvx cookiecutter …, or "
            "pip install --upgrade cookiecutter"
        ]
    return []


def faults() -> list[str]:
    """Return a sentence for each answer that is not valid."""
    # cookiecutter makes the folder before this hook runs. So cookiecutter.json replaces an invalid
    # slug, and keeps the answer in __slug.
    slug = ANSWERS["__slug"]
    found = []
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,47}[a-z0-9])?", slug):
        rule = (
            "use 1 to 49 lower-case letters, digits and hyphens, a letter first and no hyphen last"
        )
        found.append(sentence("project_slug", slug, rule, "my-flask-api"))
    elif RESERVED.fullmatch(slug):
        rule = "Windows has no folder of this name"
        found.append(sentence("project_slug", slug, rule, f"{slug}-api"))
    for question, example in EXAMPLES.items():
        if fault := fault_of(ANSWERS[question]):
            found.append(sentence(question, ANSWERS[question], fault, example))
    for rule in ANSWERS["_refused"]:
        if all(ANSWERS[question] in answers for question, answers in rule["answers"].items()):
            given = " with ".join(f"{question}={ANSWERS[question]}" for question in rule["answers"])
            found.append(f"{given} is not possible: {rule['why']}")
    return found


def fault_of(text: str) -> str:
    """Return the fault of a free text; an empty string if it is valid."""
    if not text.strip():
        return "it needs at least one visible character"
    if text != text.strip():
        return "it must not begin or end with white space"
    for character in text:
        if unicodedata.category(character) in REFUSED_CATEGORIES or character in "\ufffe\uffff":
            return f"it must be one line without control characters, but has U+{ord(character):04X}"
    if mark := re.search(r"\x7b[\x7b%#]|^# %", text):
        return (
            f"it must not contain {mark[0]}, because cookiecutter would read it as template syntax"
        )
    return ""


def sentence(question: str, value: str, rule: str, example: str) -> str:
    return f"{question}: {value!r} is not valid: {rule}. For example: {example}"


def files_in_the_way() -> list[str]:
    """Return a sentence if rendering would overwrite or remove a file that was there before."""
    if UNFINISHED.exists():
        return [
            f"{Path.cwd().name}: an earlier rendering into this folder did not finish; follow "
            f"the instructions in its {UNFINISHED}, and render again"
        ]
    if template := find_template():
        if left := sorted(path for path in template.rglob("*") if path.name in CACHES):
            return [f"{left[0]}: remove this first, because it would be rendered"]
        if Path.cwd().is_relative_to(template.resolve()):
            return [f"{Path.cwd()}: this folder is in the template; render somewhere else"]
        paths = [path.relative_to(template) for path in template.rglob("*") if path.is_file()]
    else:
        paths = [path for path in Path().iterdir() if path.name != ".git"]
    if ANSWERS["run_tests"]:
        paths.append(Path(".venv"))
    if not (found := sorted({str(there) for path in paths if (there := in_the_way(path))})):
        return []
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return [
        f"{Path.cwd().name}: this folder has files that rendering would overwrite or remove: "
        f"{', '.join(found[:3])}{more}. Update a project with `cruft update`, or render into a new folder"
    ]


def in_the_way(path: Path) -> Path | None:
    """Return the path, or one of its folders, if an existing file or link is in the way there."""
    for folder in path.parents:
        if folder.is_symlink() or os.path.lexists(folder) and not folder.is_dir():
            return folder
    return path if os.path.lexists(path) else None


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


if __name__ == "__main__":
    main()
